"""What nodes stand for decides which topics there are, and does not change beside old rows."""

from __future__ import annotations

import pytest

from deploy.installation import (
    Installation,
    Migrating,
    initialise,
    read_installation,
    write_epoch,
    write_installation,
)
from deploy.provision import WrongTopic
from streams.flow.output import IDENTITY_FACTS
from streams.settings import Settings
from tests.integration.installation.test_epoch import delete_topics

OWN = {IDENTITY_FACTS, "vereflow-identities-changelog"}


def of_identities(settings: Settings, identity: str = "workload") -> Settings:
    cluster = settings.cluster.model_copy(update={"identity": identity})
    return settings.model_copy(update={"cluster": cluster})


async def test_only_identities_have_a_topic_and_a_table_of_their_own(settings: Settings) -> None:
    of_pods, _ = await initialise(settings)
    await delete_topics(settings, list(of_pods.created))
    of_others, _ = await initialise(of_identities(settings))

    assert set(of_others.created) - set(of_pods.created) == OWN


async def test_identities_do_not_begin_beside_rows_of_pods(settings: Settings) -> None:
    await initialise(settings)

    with pytest.raises(WrongTopic, match="nodes of this graph stand for pods"):
        await initialise(of_identities(settings))


async def test_pods_do_not_begin_beside_rows_of_identities(settings: Settings) -> None:
    await initialise(of_identities(settings))

    with pytest.raises(WrongTopic, match="nodes of this graph stand for identities"):
        await initialise(settings)


async def test_workloads_may_become_service_accounts(settings: Settings) -> None:
    await initialise(of_identities(settings))

    done, epoch = await initialise(of_identities(settings, "service-account"))

    assert (done.created, epoch) == ((), 1)


async def test_while_nodes_come_to_stand_for_something_else_nobody_begins(
    settings: Settings,
) -> None:
    await initialise(settings)
    await write_installation(settings, Installation(1, "workload"))

    with pytest.raises(Migrating, match="vereflow migrate --go"):
        await initialise(settings)
    _, epoch = await initialise(settings, "workload")
    assert epoch == 1
    assert await read_installation(settings) == Installation(1, "workload")

    await write_epoch(settings, 1)
    assert (await initialise(settings))[1] == 1
