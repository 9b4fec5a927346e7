"""The agents beside the keeper: what they read, and what reaches it and the topics."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import faust
import pytest

from agents import firewall_gate, graph_aligner
from agents.outlet import Outlet
from streams import faust_topics, topics
from streams.app import KafkaOptions, create_app
from streams.codec import Poison, decode
from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact
from streams.settings import Settings
from tables import faust_tables
from tests.unit.agents.graph_world import CHECKS, OURS


class Keeper:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def heard(self, fact: GraphFact, source: Source) -> None:
        self.told.append("heard")

    def close(self) -> None:
        self.told.append("close")


@pytest.fixture
def app(tmp_path: Path) -> faust.App:
    options = KafkaOptions("127.0.0.1:1", "aligner-test", tmp_path, partitions=1, web_port=None)
    return create_app(options, store="memory://")


@pytest.fixture
def keeper(app: faust.App) -> Keeper:
    keeper = Keeper()
    declared = faust_topics.declare(app, Settings())
    tables = faust_tables.declare(app, 1)
    graph_aligner.install(app, declared, tables, Outlet(declared), {"main": keeper}, OURS)
    firewall_gate.install(app, declared, Outlet(declared), CHECKS)
    return keeper


async def test_a_keeper_forgets_its_graph_when_partitions_move(
    app: faust.App, keeper: Keeper
) -> None:
    await app.on_partitions_revoked.send(set())

    assert keeper.told == ["close"]


def test_the_agents_read_the_topics_their_docstrings_name(app: faust.App, keeper: Keeper) -> None:
    read = {name: agent.channel.get_topic_name() for name, agent in app.agents.items()}

    assert read == {"graph-aligner": GRAPH_EDITS, "firewall-gate": FIREWALL_CHANGES}


async def test_bytes_that_are_no_record_travel_as_they_are() -> None:
    sent: list[dict[str, Any]] = []

    class Topic:
        async def send(self, **record: Any) -> Awaitable[None]:
            sent.append(record)

            async def acknowledged() -> None:
                sent.append({"acknowledged": True})

            return acknowledged()

    await Outlet(topics.Topics({FIREWALL_CHANGES: Topic()})).deliver_raw(
        FIREWALL_CHANGES, "main", b'{"added":[null]}'
    )

    assert sent == [
        {"key": "main", "value": b'{"added":[null]}', "value_serializer": "raw"},
        {"acknowledged": True},
    ]


def test_faust_writes_raw_bytes_without_touching_them(app: faust.App) -> None:
    topic = faust_topics.declare(app, Settings())[FIREWALL_CHANGES]
    app.finalize()

    value, _ = topic.schema.dumps_value(app, b'{"added":[null]}', serializer="raw", headers=None)

    assert value == b'{"added":[null]}'
    assert isinstance(decode(value, FirewallChange), Poison)
