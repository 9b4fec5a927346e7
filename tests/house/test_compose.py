"""What compose.yaml starts is what is there, on loopback alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from deploy.cli import COMMANDS
from tests.house.hands import ROOT
from tests.house.test_documents import options_of

COMPOSE: Any = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = [each for each in COMPOSE["services"] if each != "kafka"]


@pytest.mark.parametrize("name", OURS)
def test_what_is_started_is_a_command_with_these_options(name: str) -> None:
    command, *rest = COMPOSE["services"][name]["command"]

    assert command in COMMANDS
    assert {each for each in rest if each.startswith("--")} <= options_of(command)


@pytest.mark.threat("T6", "T8")
@pytest.mark.parametrize("name", OURS)
def test_it_runs_without_rights_on_a_root_that_nobody_writes_to(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.threat("T6")
def test_kafka_is_the_one_that_is_tested_and_listens_on_loopback() -> None:
    pom = (ROOT / "deploy/local/broker/pom.xml").read_text()
    kafka = COMPOSE["services"]["kafka"]
    (version,) = re.findall(r"kafka_2.13</artifactId>\s*<version>(.+?)</version>", pom)

    assert kafka["image"].endswith(f"/kafka:{version}")
    environment = kafka["environment"]
    hosts = re.findall(r"//([^:,]+):", f"{environment['KAFKA_LISTENERS']}")
    assert hosts == ["127.0.0.1", "127.0.0.1"]
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://127.0.0.1:9092"
