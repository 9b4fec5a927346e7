"""Which aliases stand for nobody, or for more than one, is said wherever people look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.asking.aliases import list_aliases
from agents.asking.condition import Letters, condition
from agents.asking.workers import Answers
from deploy.cli import checks, identities
from deploy.cli.endpoints import Running
from deploy.cli.rights import Wrong
from deploy.cli.showing import Format
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.flow.identity_rows import Alias, IdentitiesRow, Version
from streams.records.views import Identity, PodRef, Service
from streams.settings import Settings
from tests.unit.cli.rows import answers, key

X, Y, Z = "203.0.113.9", "203.0.113.10", "203.0.113.11"
WEB, NOBODY = "local/default/Deployment/web", "local/default/Deployment/nobody"


def alias(address: str, name: str) -> IdentitiesRow:
    older = Version(at=0, alias=Alias(address=address, name=f"{WEB}-before"))
    newer = Version(at=1, alias=Alias(address=address, name=name))
    return IdentitiesRow(versions=(older, newer))


def claiming(of: str, address: str, *aliases: str, live: bool = True, **said: Any) -> PodsRow:
    told = Identity(kind="Deployment", name=of, aliases=aliases)
    known = {"name": f"deployment.{of}", "uid": of, "address": address, "identity": told}
    pod = PodRef(cluster="local", namespace="default", **{**known, **said})
    return PodsRow(pod=GraphPodRow(pod=pod, live=live, rev=1))


SHOP = claiming(
    "", "10.96.0.1", name="shop", identity=None, service=Service(further=(Y, "198.51.100.3"))
)
PODS = {
    "main|web": claiming("web", "198.18.0.1", "10.0.0.11", X, Y),
    "main|db": claiming("db", "198.18.0.2", "10.0.0.12"),
    "main|old": claiming("old", "198.18.0.3", "10.0.0.12", live=False),
    "main|shop": SHOP,
}
ROWS = {
    "main|alias|x": alias(X, WEB),
    "main|alias|y": alias(Y, WEB),
    "main|alias|z": alias(Z, NOBODY),
    "main|alias|gone": alias("203.0.113.12", ""),
}


def asked() -> Answers:
    return answers({"identities": ROWS, "graph-pods": PODS})


def test_each_is_held_disputed_or_nobodys() -> None:
    both = [key("deployment.web"), key("service:shop")]

    assert list_aliases(ROWS, PODS) == [
        {"address": Y, "state": "disputed", "setFor": WEB, "claimedBy": both},
        {"address": Z, "state": "nobody's", "setFor": NOBODY, "claimedBy": []},
        {"address": X, "state": "held", "setFor": WEB, "claimedBy": both[:1]},
    ]


def test_two_identities_that_claim_one_address_are_said_without_any_setting() -> None:
    pods = {"main|a": claiming("a", "198.18.0.1", X), "main|b": claiming("b", "198.18.0.2", X)}

    (one,) = list_aliases({}, pods)

    assert (one["state"], one["claimedBy"]) == (
        "disputed",
        [key("deployment.a"), key("deployment.b")],
    )


def test_the_status_names_what_is_wrong() -> None:
    wrong = condition(asked(), Letters([]))["wrong"]

    assert [(each["kind"], each["about"], each["detail"]) for each in wrong] == [
        ("disputed alias", Y, f"claimed by {key('deployment.web')}, {key('service:shop')}"),
        ("alias of nobody", Z, f"{NOBODY} is not there"),
    ]


@pytest.mark.parametrize("output", [Format.TABLE, Format.JSON])
def test_identities_lists_them_behind_the_identities(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: Format
) -> None:
    answering(monkeypatch, asked())

    identities.identities(output=output, web=["http://127.0.0.1:1"])

    said = capsys.readouterr().out
    if output is Format.JSON:
        assert [each["address"] for each in json.loads(said)["aliases"]] == [Y, Z, X]
    else:
        assert "disputed" in said
        assert "default/deployment.web, default/service:shop" in said


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "no addresses of elsewhere are set"),
        ({X: WEB}, "1 addresses of elsewhere, each held"),
    ],
)
async def test_the_doctor_is_content(
    monkeypatch: pytest.MonkeyPatch, named: dict[str, str], said: str
) -> None:
    answering(monkeypatch, asked())

    assert await checks._aliases(running(named)) == said


async def test_the_doctor_names_those_that_are_not_in_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, asked())

    with pytest.raises(Wrong) as wrong:
        await checks._aliases(running({X: f"{WEB}2", Y: WEB, Z: NOBODY, "203.0.113.13": WEB}))

    assert str(wrong.value) == (
        f"{Y} for {WEB}: disputed; {Z} for {NOBODY}: nobody's; "
        f"203.0.113.13 for {WEB}: not taken in; {X} for {WEB}2: not taken in"
    )


def answering(monkeypatch: pytest.MonkeyPatch, said: Answers) -> None:
    async def ask(*asked: object) -> Answers:
        return said

    monkeypatch.setattr("deploy.cli.endpoints.ask_workers", ask)


def running(named: dict[str, str]) -> Running:
    settings = Settings(graph={"aliases": named}, cluster={"identity": "workload"})
    return Running(settings=settings, web=("http://127.0.0.1:1",))
