"""Make the Faust app: every setting that keeps records safe, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faust

from streams.codec import MAX_BYTES
from streams.sending import SteadyProducer
from streams.settings_values import host_ports
from streams.steady import SteadyConsumer, SteadyTable, SteadyTableManager
from streams.stop import CommitWatch, FreezeWatch, RecoveryWatch, watch_commits, watch_recovery
from streams.unpacking import install

# Faust's own 100 is reached by every burst, and each time that is a line in the log.
MAX_BUFFERED = 10_000
DEFAULT_WEB_PORT = 6066
_MIB = 1 << 20


@dataclass(frozen=True)
class KafkaOptions:
    """How one worker takes part in one consumer group."""

    broker: str
    app_id: str
    datadir: Path
    """One per worker: RocksDB locks it, and it outlives restarts."""
    partitions: int = 8
    replication: int = 1
    web_port: int | None = DEFAULT_WEB_PORT
    """None serves nothing."""
    web_bind: str = "127.0.0.1"
    web_url: str | None = None
    """Where other workers find it, and refer people to; None: where it listens, over http."""
    session_timeout: float = 10.0
    heartbeat: float = 3.0
    rebalance_timeout: float = 30.0
    exit_when_frozen: bool = True
    epoch: int = 0
    """Of the changelogs: those that were made anew begin another one."""

    @property
    def bootstrap(self) -> str:
        """The broker as Kafka clients other than Faust want it."""
        return host_ports(self.broker)


class WatchedTableManager(SteadyTableManager):
    """The table manager whose recoveries do not hang: the app's own tasks begin after the first."""

    async def on_start(self) -> None:
        """Start recovery, and the watch over it."""
        await super().on_start()
        self.add_future(watch_recovery(self.app, RecoveryWatch()))


def create_app(
    kafka: KafkaOptions,
    *,
    store: str = "rocksdb://",
    credentials: Any = None,
) -> faust.App:
    """Return an app that creates no topics, commits often and loses nothing when disturbed."""
    install()
    # Faust makes the last folder only.
    kafka.datadir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        kafka.app_id,
        broker=[f"kafka://{server}" for server in kafka.bootstrap.split(",")],
        broker_credentials=credentials,
        store=store,
        datadir=kafka.datadir,
        autodiscover=False,
        Table=SteadyTable,
        TableManager=WatchedTableManager,
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication,
        # A topic created in passing has no leader yet, and its first records are lost.
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        # By count, because the timer waits for an empty producer buffer and so for the backlog.
        broker_commit_every=200,
        broker_session_timeout=kafka.session_timeout,
        broker_heartbeat_interval=kafka.heartbeat,
        broker_rebalance_timeout=kafka.rebalance_timeout,
        broker_request_timeout=40.0,
        producer_acks=-1,
        # A chain of hops waits for every linger; batches form while a request is on its way.
        producer_linger=0.0,
        producer_request_timeout=120.0,
        producer_max_request_size=MAX_BYTES,
        processing_guarantee="at_least_once",
        web_enabled=kafka.web_port is not None,
        web_bind=kafka.web_bind,
        web_port=kafka.web_port or DEFAULT_WEB_PORT,
        # Faust would take the machine's name, under which nothing listens.
        canonical_url=kafka.web_url or _listens_at(kafka),
        # Both would show the tables' contents to anybody who asks.
        web_tables_enabled=False,
        web_router_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.transport.Consumer = partial(SteadyConsumer, epoch=kafka.epoch)
    app.transport.Producer = SteadyProducer
    _attach_watch(app, kafka)
    return app


def _listens_at(kafka: KafkaOptions) -> str:
    host = f"[{kafka.web_bind}]" if ":" in kafka.web_bind else kafka.web_bind
    return f"http://{host}:{kafka.web_port or DEFAULT_WEB_PORT}"


def rocksdb_options() -> dict[str, int]:
    """Return the bounds of one table partition; a new dict each time, for Faust changes it."""
    return {
        "block_cache_size": 16 * _MIB,
        "write_buffer_size": 8 * _MIB,
        "max_write_buffer_number": 2,
        "target_file_size_base": 16 * _MIB,
        "max_open_files": 256,
    }


def _attach_watch(app: faust.App, kafka: KafkaOptions) -> None:
    @app.task
    async def keep_watch() -> None:
        app.producer.buffer.max_messages = MAX_BUFFERED
        if not kafka.exit_when_frozen:
            return await watch_commits(app, CommitWatch())
        # Half the time after which the others take over: in time even if the clocks differ.
        with FreezeWatch(kafka.session_timeout / 2, unproven=app.consumer.unproven):
            await watch_commits(app, CommitWatch())
