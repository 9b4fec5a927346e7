"""Two clusters, one graph: a rule between them is written in each, by its own part."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.expected import isolated
from deploy.demo.stage import Stage
from tests.e2e.acting import Actor, until_true
from tests.e2e.apart import Apart, apart
from tests.e2e.test_commands import Asking, allow
from tests.faults.line import Trouble

ONE = {"pod-a": "10.1.0.11", "pod-b": "10.1.0.12"}
TWO = {"pod-c": "10.2.0.13", "pod-d": "10.2.0.14"}
(A, B), (C, D) = ONE.values(), TWO.values()
GATE = "172.18.0.1/32"
LINKS = [{"source": "one", "destination": "two", "seen": [GATE]}]
PORT = [{"protocol": "TCP", "port": 80}]


def block(side: str, cidr: str) -> list[dict[str, Any]]:
    return [{side: [{"ipBlock": {"cidr": cidr}}], "ports": PORT}]


def sends(name: str, address: str) -> dict[str, Any]:
    return isolated(name) | {"egress": block("to", f"{address}/32")}


def hears(name: str) -> dict[str, Any]:
    return isolated(name) | {"ingress": block("from", GATE)}


async def specs(stage: Stage) -> dict[str, Any]:
    return {name: each["spec"] for name, each in (await stage.policies()).items()}


async def test_a_rule_between_clusters_is_in_each_its_half_also_after_one_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__NAME", "one")
    monkeypatch.setenv("VEREFLOW_GRAPH__CLUSTERS", '["one", "two"]')
    monkeypatch.setenv("VEREFLOW_GRAPH__LINKS", json.dumps(LINKS))
    async with apart(tmp_path, "one", "two") as actor:
        assert isinstance(actor.world, Apart)
        far = actor.world.far
        assert far is not None
        two = far.stage
        await actor.create_pods(ONE)
        await asyncio.gather(*(two.create_pod(*each) for each in TWO.items()))
        await actor.settled()
        assert {*ONE.values(), *TWO.values()} <= (await actor.neighbours()).keys()
        assert await specs(actor) == {name: isolated(name) for name in ONE}
        assert await specs(two) == {name: isolated(name) for name in TWO}

        await actor.write_rules([allow(A, C)])
        await actor.settled()
        assert await specs(actor) == {"pod-a": sends("pod-a", C), "pod-b": isolated("pod-b")}
        assert await specs(two) == {"pod-c": hears("pod-c"), "pod-d": isolated("pod-d")}
        await shared_by_b(actor)

        far.line.trouble = Trouble(refuses=True)
        await far.line.reset()
        await actor.write_rules([allow(B, D)])
        await until_true(
            lambda: is_so(actor, {"pod-a": isolated("pod-a"), "pod-b": sends("pod-b", D)})
        )
        await until_true(lambda: pending(actor, 2))
        assert await specs(two) == {"pod-c": hears("pod-c"), "pod-d": isolated("pod-d")}
        status, told = await actor.vereflow("wait", "--timeout", "1")
        assert (status, "at cluster two" in told) == (1, True)

        before = len(far.server.writes("networkpolicies"))
        far.line.trouble = Trouble()
        await actor.settled()
        assert await specs(two) == {"pod-c": isolated("pod-c"), "pod-d": hears("pod-d")}
        written = far.server.writes("networkpolicies")[before:]
        assert [each.name for each in written] == ["pod-c", "pod-d"]

        await actor.write_rules([])
        await actor.settled()
        assert await specs(actor) == {name: isolated(name) for name in ONE}
        assert await specs(two) == {name: isolated(name) for name in TWO}


async def shared_by_b(actor: Actor) -> None:
    """Fail unless it is said who shares the address under which a is seen."""
    told = await Asking(actor).data("policies", "two/default/pod-c")
    (policy,) = told["policies"]
    (found,) = policy["inexact"]
    assert (found["reason"], found["errs"]) == ("shared-address", "wider")
    assert found["sharedBy"] == ["one/default/pod-b"]
    assert "one/default/pod-b" in await Asking(actor).ends(0, "policies", "pod-c")


async def is_so(stage: Stage, wanted: dict[str, Any]) -> bool:
    return await specs(stage) == wanted


async def pending(actor: Actor, policies: int) -> bool:
    """Tell whether so many policies wait for the API server of the second cluster."""
    _, out, _ = await actor.answer("status", "-o", "json")
    hands = {each["worker"]: each["hands"] for each in json.loads(out)["workers"]}
    return bool(hands["two"]["policy_applier"]["pending"] >= policies)
