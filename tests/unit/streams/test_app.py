"""The app has the settings that keep records safe."""

from __future__ import annotations

import asyncio
from pathlib import Path

import faust
import pytest

from streams.app import KafkaOptions, create_app, rocksdb_options
from streams.steady import SteadyTableManager
from streams.stop import RecoveryWatch


def options(folder: Path, **more: object) -> KafkaOptions:
    return KafkaOptions(broker="127.0.0.1:1", app_id="x", datadir=folder, **more)  # type: ignore[arg-type]


def test_the_app_neither_creates_topics_nor_shows_tables(tmp_path: Path) -> None:
    conf = create_app(options(tmp_path)).conf

    assert not conf.topic_allow_declare
    assert not conf.web_tables_enabled
    assert not conf.web_router_enabled
    assert conf.web_bind == "127.0.0.1"
    assert conf.topic_disable_leader


def test_records_do_not_wait_for_each_other_and_are_committed_often(tmp_path: Path) -> None:
    conf = create_app(options(tmp_path)).conf

    assert conf.producer_linger == 0
    assert conf.producer_acks == -1
    assert conf.broker_commit_every == 200


def test_the_data_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    create_app(options(tmp_path / "a" / "b"))

    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.row("G14")
def test_no_web_port_serves_nothing(tmp_path: Path) -> None:
    app = create_app(options(tmp_path, web_port=None))

    assert not app.conf.web_enabled
    assert list(app.boot_strategy.web_server()) == []
    assert list(create_app(options(tmp_path)).boot_strategy.web_server()) != []


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "http://127.0.0.1:6066"),
        ({"web_port": 6070, "web_bind": "::1"}, "http://[::1]:6070"),
        ({"web_url": "https://worker-0.vereflow:6066"}, "https://worker-0.vereflow:6066"),
    ],
)
def test_other_workers_refer_people_to_where_this_one_listens(
    tmp_path: Path, more: dict[str, object], url: str
) -> None:
    assert str(create_app(options(tmp_path, **more)).conf.canonical_url) == url


@pytest.mark.parametrize(
    "broker", ["kafka://a:1;kafka://b:2", "a:1,b:2", "kafka://a:1, kafka://b:2"]
)
def test_brokers_may_be_written_as_faust_or_as_kafka_does(tmp_path: Path, broker: str) -> None:
    kafka = KafkaOptions(broker, "x", tmp_path)

    assert kafka.bootstrap == "a:1,b:2"
    assert [str(url) for url in create_app(kafka).conf.broker] == ["kafka://a:1", "kafka://b:2"]


def test_each_table_has_options_of_its_own() -> None:
    assert rocksdb_options() == rocksdb_options()
    assert rocksdb_options() is not rocksdb_options()


async def test_the_first_recovery_is_watched_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = asyncio.Event()

    async def watch(app: faust.App, _: RecoveryWatch) -> None:
        watched.set()

    async def start(_: SteadyTableManager) -> None:
        return None

    monkeypatch.setattr("streams.app.watch_recovery", watch)
    monkeypatch.setattr(SteadyTableManager, "on_start", start)
    app = create_app(options(tmp_path), store="memory://")

    await app.tables.on_start()

    async with asyncio.timeout(10):
        await watched.wait()
