"""All that we keep is taken away, step by step: what the cluster holds stays as it is."""

from __future__ import annotations

import asyncio
import copy
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.installation import initialise
from deploy.login import client_options
from deploy.provision import absent
from streams.topics import specs
from tables.catalog import tables_of
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.conftest import EMBEDDED, REAL
from tests.e2e.test_counts import allow, spent
from tests.e2e.test_services import SERVICES
from tests.faults.witness import Version, Witness
from tests.real import needs_go, needs_java

Json = dict[str, Any]
PODS = {f"pod-{number:02d}": f"10.244.7.{number + 1}" for number in range(20)}
A, B, C, D, E = list(PODS.values())[:5]
NOBODY = "10.244.9.9"
# What says how a policy came to be, and is another's word in a new epoch.
NOTES = ("vereflow.io/revision", "vereflow.io/cause")


@pytest.fixture(
    params=[
        pytest.param(EMBEDDED, id="embedded"),
        pytest.param(REAL, id="real", marks=(needs_java, needs_go, pytest.mark.long)),
    ]
)
async def actor(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Actor]:
    async with acting(tmp_path, 1, **request.param) as actor:
        yield actor


@pytest.mark.fault("F14", "F30")
async def test_what_is_wiped_is_made_again_and_no_policy_means_something_else_at_any_moment(
    actor: Actor, record_property: Callable[[str, object], None]
) -> None:
    await populate(actor)
    before, policies = await spent(actor), await actor.policies()
    graph, rules = await actor.graph(), await actor.rules()
    witness = Witness(actor._kube)
    await witness.begin()

    # The rows on disk: their changelogs have everything.
    record_property("rows", await wiped(actor, []))
    assert await spent(actor) == before
    assert await actor.policies() == policies

    # The changelogs as well, then all topics: what is left is what Kubernetes and Verefoo say.
    changelogs = [name for name in every_topic(actor) if name.endswith("-changelog")]
    for kept, gone in (("changelogs", changelogs), ("topics", every_topic(actor))):
        witness.versions.clear()
        before = await spent(actor)
        record_property(kept, await wiped(actor, gone))

        # A new epoch is written on each, once: whoever still writes for an older one comes late.
        written = Counter(version.name for version in witness.versions)
        assert written == Counter(policies.keys())
        assert await spent(actor) == (before[0] + len(policies), before[1])
        assert told(await actor.policies()) == told(policies)
        assert same_specs(witness.versions, policies) == []
    await witness.end()

    assert (await actor.graph(), await actor.rules()) == (graph, rules)
    assert await actor.dead_letters() == {}


async def populate(actor: Actor) -> None:
    """Have pods, a Service before two of them, and rules of every sort."""
    for number, (name, address) in enumerate(PODS.items()):
        labels = {"app": name} | ({"tier": "web"} if number in (7, 8) else {})
        await actor.add_pod(name, address, labels)
    spec = {"selector": {"tier": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    await actor.change("POST", SERVICES, {"metadata": {"name": "shop"}, "spec": spec})
    (shop,) = [one for one in await actor.listed(SERVICES) if one["metadata"]["name"] == "shop"]
    await actor.settled()
    allowed = [(A, B), (C, B), (D, E), (A, shop["spec"]["clusterIP"]), (A, NOBODY)]
    every_port = allow(B, D) | {"dstPort": "*"}
    denied = allow(B, D) | {"action": "DENY", "dstPort": "22"}
    await actor.write_rules([*(allow(*ends) for ends in allowed), every_port, denied])
    await actor.settled()


def every_topic(actor: Actor) -> list[str]:
    settings = actor.world.settings
    return [spec.name for spec in specs(settings, tables_of(settings))]


async def wiped(actor: Actor, topics: Iterable[str]) -> float:
    """Stop all, wipe the disks and these topics, start all; return the seconds until it is well."""
    settings, workers = actor.world.settings, actor.world.workers
    await workers.stop()
    shutil.rmtree(actor.world.plan.state_dir / "workers")
    if topics := list(topics):
        await delete(topics, **client_options(settings.kafka))
    began = asyncio.get_running_loop().time()
    await initialise(settings)
    await workers.start()
    await actor.settled()
    return round(asyncio.get_running_loop().time() - began, 1)


async def delete(topics: list[str], **client: Any) -> None:
    """Return when there are no such topics any more."""
    admin = AIOKafkaAdminClient(**client)
    await admin.start()
    try:
        await admin.delete_topics(topics)
    finally:
        await admin.close()

    async def are_gone() -> bool:
        return len(await absent(topics, **client)) == len(topics)

    await until_true(are_gone)


def told(policies: dict[str, Json]) -> dict[str, Json]:
    """Return what we say of each policy, apart from how it came to be."""
    found = {}
    for name, policy in copy.deepcopy(policies).items():
        meta = policy["metadata"]
        notes = {key: note for key, note in meta["annotations"].items() if key not in NOTES}
        found[name] = {"spec": policy["spec"], "labels": meta["labels"], "notes": notes}
        found[name]["uid"] = meta["uid"]
    return found


def same_specs(versions: Iterable[Version], policies: dict[str, Json]) -> list[str]:
    """Return whose policy was another one, or none, for a moment."""
    return [each.name for each in versions if each.spec != policies[each.name]["spec"]]
