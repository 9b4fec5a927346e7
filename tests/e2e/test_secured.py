"""The whole pipeline under logins, each of which may do no more than a worker must."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme
import yaml

from deploy.demo.expected import isolated
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.secured import ADMIN, WORKER
from deploy.local.verefoo.server import VerefooServer
from tests.e2e.acting import Actor, acting, until_true
from tests.e2e.test_counts import PODS, A, B, allow
from tests.integration.verefoo.guard import Guard, authority_file, guarding
from tests.processes import descendants
from tests.real import needs_go, needs_java

ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/vereflow"
TOKEN = "a-token-of-verefoo"

pytestmark = [needs_java, needs_go]


@pytest.fixture
async def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Guard]:
    """Have a Verefoo behind TLS and a login, and tell everybody how to be let in."""
    authority, token, server = trustme.CA(), tmp_path / "token", VerefooServer()
    token.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("VEREFLOW_VEREFOO__TOKEN_FILE", str(token))
    monkeypatch.setenv("VEREFLOW_VEREFOO__CA", str(authority_file(authority, tmp_path)))
    monkeypatch.setenv("VEREFLOW_LOG__LEVEL", "debug")
    await server.start()
    async with guarding(server, authority.issue_cert("127.0.0.1"), TOKEN) as guard:
        yield guard
    await server.stop()


@pytest.mark.threat("T5", "T6", "T8")
async def test_pods_and_rules_travel_under_logins_that_nobody_sees(
    guard: Guard, tmp_path: Path
) -> None:
    parts = {"broker": "kafka:secured", "kube": "apiserver", "verefoo": guard.url}
    async with acting(tmp_path, 2, **parts) as actor:
        await actor.create_pods(PODS)
        await actor.write_rules([allow(A, B)])
        await actor.produce("firewall-changes", [(b"main", b"{")])
        await actor.settled()

        policies = await actor.policies()
        assert policies.keys() == PODS.keys()
        first, *_, last = PODS
        assert policies[last]["spec"] == isolated(last)
        assert policies[first]["spec"] != isolated(first)

        async def buried() -> bool:
            ended, told = await actor.vereflow("dead-letters", "-o", "json")
            assert ended == 0, told
            return len(json.loads(told)["deadLetters"]) == 1

        await until_true(buried)
        ended, told = await actor.vereflow("doctor")
        assert ended == 0, told

        shown = {**await all_that_is_shown(actor, tmp_path), "doctor": told}
        assert {"argv", "environment", "worker-0.log", "/metrics"} <= shown.keys()
        for secret in secrets_of(actor, tmp_path):
            assert len(secret) > 10
            assert [where for where, text in shown.items() if secret in text] == []

        await without_listing_pods(actor)


async def without_listing_pods(actor: Actor) -> None:
    """Take a right away that everything begins with: whoever asks is told that it lacks."""
    role = await actor.read(ROLE)
    (rule,) = (each for each in role["rules"] if each["resources"] == ["pods"])
    rule["verbs"].remove("list")
    await actor.change("PUT", ROLE, role)

    ended, told = await actor.vereflow("wait", "--timeout", "3")
    assert ended == 1, told
    ended, told = await actor.vereflow("doctor")
    assert ended == 1, told
    words = " ".join(told.split())
    assert 'cannot list resource "pods"' in words
    assert "not ready: pods: Refused: GET /api/v1/namespaces/default/pods: 403 Forbidden" in words


def secrets_of(actor: Actor, folder: Path) -> list[str]:
    """Return every password and token that this world goes by."""
    broker, kubernetes = actor.world.broker, actor.world.kubernetes
    assert isinstance(broker, ApacheBroker)
    assert broker.secured is not None
    files = (broker.secured.password_file(name) for name in ("store", ADMIN, WORKER))
    kubeconfig = yaml.safe_load((folder / "state/workers-kubeconfig").read_text())
    return [
        *(file.read_text() for file in files),
        kubeconfig["users"][0]["user"]["token"],
        kubernetes.token if kubernetes else "",
        TOKEN,
    ]


def logs_in(folder: Path) -> dict[str, str]:
    """Return what every process of this world logs."""
    # Kafka and RocksDB call their data logs too, by numbers.
    logs = (path for path in folder.glob("state/**/*.log") if not path.stem.isdigit())
    return {path.name: path.read_text() for path in logs}


async def all_that_is_shown(actor: Actor, folder: Path) -> dict[str, str]:
    """Return what others on this machine, and readers of logs and pages, get to see."""
    processes = [Path(f"/proc/{pid}") for pid in descendants(os.getpid())]
    shown = {
        "argv": "\n".join((each / "cmdline").read_text() for each in processes),
        "environment": "\n".join((each / "environ").read_text() for each in processes),
        "endpoints": actor.file.read_text(),
    }
    shown |= logs_in(folder)
    # A page asks everybody and the broker first, and shows what it has after eight seconds.
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        for url in actor.world.endpoints()["web"]:
            for page in ("/metrics", "/status", "/readyz", "/"):
                shown[page] = shown.get(page, "") + (await http.get(url + page)).text
    return shown
