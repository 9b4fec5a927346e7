"""Whoever is not let in is told why, in one line and in bounded time, and what to do."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.cli import broker as cli_broker
from deploy.cli import knocking
from deploy.kafka_rights import Right, grant, rights
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.secured import ADMIN, WORKER
from deploy.login import client_options
from deploy.provision import provision
from streams.settings import load
from streams.settings_kafka import KafkaSettings
from streams.topics import specs
from tables.catalog import NAMES
from tests.integration.cli.conftest import Vereflow
from tests.integration.cli.stub import Mute
from tests.real import needs_java

Environment = dict[str, str]
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
COMMANDS = ["init", "worker", "wait", "doctor"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_broker, "CONNECT_WITHIN", 3.0)
    monkeypatch.setattr(knocking, "KNOCK_WITHIN", 2.0)


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[ApacheBroker]:
    async with ApacheBroker(tmp_path / "kafka", secured=True) as broker:
        yield broker


def as_user(broker: ApacheBroker, user: str) -> Environment:
    assert broker.secured is not None
    return {
        "VEREFLOW_KAFKA__BROKER": broker.bootstrap,
        "VEREFLOW_KAFKA__PREFIX": "vereflow-",
        "VEREFLOW_KAFKA__PARTITIONS": "2",
        "VEREFLOW_KAFKA__TLS": "true",
        "VEREFLOW_KAFKA__CA": str(broker.secured.ca),
        "VEREFLOW_KAFKA__USER": user,
        "VEREFLOW_KAFKA__PASSWORD_FILE": str(broker.secured.password_file(user)),
    }


async def line_of(vereflow: Vereflow, command: str, environment: Environment) -> str:
    """Return what a command says of the broker; it must refuse."""
    if command == "doctor":
        ended = await vereflow("doctor", "-o", "json", **environment)
        checks = {each["check"]: each for each in json.loads(ended.stdout)["checks"]}
        assert not checks["broker"]["ok"]
        return str(checks["broker"]["detail"])
    ended = await vereflow(command, **environment)
    assert ended.exit_code in (2, 3), ended.stderr
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    return line


@needs_java
# aiokafka leaves a connection open whose login failed, until it is collected.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.row("G16")
async def test_a_login_that_is_refused_is_told_apart(
    secured: ApacheBroker, vereflow: Vereflow, tmp_path: Path
) -> None:
    good = as_user(secured, WORKER) | {"VEREFLOW_STATE_DIR": str(tmp_path / "state")}
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password\n")
    bare = {name: value for name, value in good.items() if "USER" not in name}
    del bare["VEREFLOW_KAFKA__PASSWORD_FILE"]
    plain = {name: value for name, value in bare.items() if not name.endswith(("__TLS", "__CA"))}

    for environment, said in (
        (good | {"VEREFLOW_KAFKA__PASSWORD_FILE": str(wrong)}, "refuses the login of 'vereflow'"),
        ({n: v for n, v in good.items() if not n.endswith("__CA")}, "set kafka.ca"),
        (bare, "set kafka.user"),
        (plain, "set kafka.tls"),
    ):
        for command in COMMANDS:
            line = await line_of(vereflow, command, environment)
            assert said in line
            assert "not the password" not in line
    gc.collect()


@needs_java
async def test_somebody_without_rights_is_told_which(
    secured: ApacheBroker, vereflow: Vereflow, tmp_path: Path
) -> None:
    environment = as_user(secured, WORKER) | {"VEREFLOW_STATE_DIR": str(tmp_path / "state")}

    ended = await vereflow("init", **environment)
    assert ended.exit_code == 2
    assert "vereflow-installation: Authorization failed" in ended.stderr
    ended = await vereflow("worker", **environment)
    assert ended.exit_code == 2
    assert "no such topics, or our login may not see them: " in ended.stderr

    # With its topics and no right in its group it would never be handed a record.
    kafka = KafkaSettings(
        broker=secured.bootstrap,
        prefix="vereflow-",
        partitions=2,
        tls=True,
        ca=Path(environment["VEREFLOW_KAFKA__CA"]),
        user=ADMIN,
        password_file=secured.secured.password_file(ADMIN) if secured.secured else None,
    )
    admin = client_options(kafka)
    await grant(rights(load(kafka=kafka.model_dump())), WORKER, **admin)
    other_group = kafka.model_dump() | {"app_id": "vereflow-other"}
    await provision(specs(load(kafka=other_group), NAMES), **admin)
    other = environment | {"VEREFLOW_KAFKA__APP_ID": "vereflow-other"}
    ended = await vereflow("worker", **other)
    assert ended.exit_code == 2
    assert "group vereflow-other" in ended.stderr

    # To see a group is not to be of it.
    seen = Right("group", "literal", "vereflow-other", ("Describe",))
    await grant([seen], WORKER, **admin)
    ended = await vereflow("worker", **other)
    assert ended.exit_code == 2
    assert "group vereflow-other: give it Read and Describe there" in ended.stderr


@asynccontextmanager
async def speaking(speak: Speak) -> AsyncIterator[str]:
    """Listen, and answer whoever comes in one way; return where."""
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{host}:{port}"
    finally:
        server.close()
        await server.wait_closed()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_broker_that_is_not_kafka_is_said_to_be_none(
    vereflow: Vereflow, tmp_path: Path, command: str
) -> None:
    state = {"VEREFLOW_STATE_DIR": str(tmp_path / "state")}
    for speak, said in ((http, "is not Kafka: set kafka.broker"), (nothing, "hangs up")):
        async with speaking(speak) as address:
            line = await line_of(vereflow, command, state | {"VEREFLOW_KAFKA__BROKER": address})
        assert f"broker {address}: " in line
        assert said in line
    async with Mute() as mute:
        line = await line_of(vereflow, command, state | {"VEREFLOW_KAFKA__BROKER": mute.address})
    assert "says nothing" in line
    line = await line_of(vereflow, command, state | {"VEREFLOW_KAFKA__BROKER": "127.0.0.1:9"})
    assert "nobody listens" in line
    tls = {"VEREFLOW_KAFKA__TLS": "true"}
    async with speaking(http) as address:
        line = await line_of(vereflow, command, state | tls | {"VEREFLOW_KAFKA__BROKER": address})
    assert "does not speak TLS" in line


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"USER": "u"}, "user and password_file go together"),
        ({"USER": "u", "PASSWORD_FILE": "nowhere", "BROKER": "kafka:9092"}, "set tls"),
        ({"USER": "u", "PASSWORD_FILE": "/nowhere"}, "password_file /nowhere: No such file"),
        ({"TLS": "true", "CA": "/nowhere"}, "ca /nowhere: No such file"),
        ({"CA": "/nowhere"}, "ca is for tls"),
    ],
)
@pytest.mark.row("G01", "G09", "G10")
async def test_a_login_that_cannot_be_is_a_mistake(
    vereflow: Vereflow, told: Environment, said: str
) -> None:
    ended = await vereflow("init", **{f"VEREFLOW_KAFKA__{name}": told[name] for name in told})

    assert ended.exit_code == 2
    assert said in ended.stderr
