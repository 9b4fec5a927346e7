"""What is not there is exit 3 in bounded time, and one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli import broker, knocking, stored
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from tests.integration.cli.conftest import Vereflow
from tests.integration.cli.stub import Mute


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "CONNECT_WITHIN", 0.5)
    monkeypatch.setattr(knocking, "KNOCK_WITHIN", 0.5)
    monkeypatch.setattr(stored, "ANSWER_WITHIN", 0.5)


async def refused_by(vereflow: Vereflow, *arguments: str, **environment: str) -> str:
    ended = await vereflow(*arguments, **environment)
    assert (ended.exit_code, ended.stdout) == (3, "")
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", ["init", "wait", "dead-letters"])
async def test_a_broker_that_is_not_there_is_said_once(vereflow: Vereflow, command: str) -> None:
    assert "broker 127.0.0.1:9: nobody listens" in await refused_by(vereflow, command)


@pytest.mark.parametrize("command", ["init", "wait", "dead-letters"])
async def test_a_broker_that_says_nothing_is_not_waited_for(
    vereflow: Vereflow, command: str
) -> None:
    async with Mute() as mute:
        line = await refused_by(vereflow, command, VEREFLOW_KAFKA__BROKER=mute.address)

    assert f"broker {mute.address}: whoever listens there says nothing" in line


async def test_an_api_server_that_is_not_there_is_said(vereflow: Vereflow, tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")

    line = await refused_by(vereflow, "reach", VEREFLOW_CLUSTER__KUBECONFIG=str(kubeconfig))

    assert "127.0.0.1:9" in line


async def test_an_api_server_that_says_nothing_is_not_waited_for(
    vereflow: Vereflow, tmp_path: Path
) -> None:
    async with Mute() as mute:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", f"http://{mute.address}")

        line = await refused_by(vereflow, "reach", VEREFLOW_CLUSTER__KUBECONFIG=str(kubeconfig))

    assert "no answer in time" in line


async def test_a_kubeconfig_that_is_no_file_is_a_mistake(
    vereflow: Vereflow, tmp_path: Path
) -> None:
    ended = await vereflow("reach", VEREFLOW_CLUSTER__KUBECONFIG=str(tmp_path / "nowhere"))

    assert ended.exit_code == 2
    assert "nowhere is no file" in ended.stderr


async def test_the_doctor_says_of_each_part_that_is_missing_what_to_do(vereflow: Vereflow) -> None:
    environment = {"VEREFLOW_VEREFOO__URL": "http://127.0.0.1:9", "VEREFLOW_WEB__PORT": "9"}

    ended = await vereflow("doctor", "-o", "json", **environment)

    checks = {each["check"]: each for each in json.loads(ended.stdout)["checks"]}
    assert ended.exit_code == 1
    assert {name for name, each in checks.items() if each["ok"]} == {"settings"}
    assert all(each["do"] for name, each in checks.items() if name != "settings")
    assert "without: broker" in checks["topics"]["detail"]
