"""Rules about addresses outside the cluster, from Verefoo to the stored policies and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Start
from tests.e2e.test_commands import PODS, A, Asking, B, allow
from tests.e2e.test_verify import POLICIES, opening

RANGE = "10.244.0.0/16"


def blocks(policy: dict[str, Any], side: str, word: str) -> list[Any]:
    return [
        (peer["ipBlock"], each.get("ports"))
        for each in policy["spec"][side]
        for peer in each[word]
        if "ipBlock" in peer
    ]


async def test_strangers_are_written_as_blocks_and_verified(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__POD_RANGES", f'["{RANGE}"]')
    actor = await start()
    asking = Asking(actor)
    await actor.create_pods(PODS)
    resolver = {**allow(A, "8.8.8.8", "53"), "protocol": "UDP"}
    await actor.write_rules([allow(A, B), resolver, allow("*", B, "443"), allow("203.0.113.-1", A)])
    await actor.settled()

    found = await actor.policies()

    assert blocks(found["pod-a"], "egress", "to") == [
        ({"cidr": "8.8.8.8/32"}, [{"protocol": "UDP", "port": 53}])
    ]
    assert blocks(found["pod-a"], "ingress", "from") == [
        ({"cidr": "203.0.113.0/24"}, [{"protocol": "TCP", "port": 80}])
    ]
    everywhere = {"cidr": "0.0.0.0/0", "except": [RANGE]}
    assert blocks(found["pod-b"], "ingress", "from") == [
        (everywhere, [{"protocol": "TCP", "port": 443}])
    ]
    assert blocks(found["pod-c"], "egress", "to") == []
    await asking.ends(0, "verify")

    # Theirs lets everybody in from one network more.
    block = {"ipBlock": {"cidr": "198.51.100.0/24"}}
    theirs = opening("theirs", ingress=[{"from": [block], "ports": [{"port": 22}]}])
    await actor.change("POST", POLICIES, theirs)
    shown = await asking.ends(1, "verify", "--within", "0")
    assert "TCP 22 198.51.100.0 -> default/pod-a" in shown
    assert "default/theirs" in shown
    await actor.change("DELETE", f"{POLICIES}/theirs")

    await actor.write_rules([])
    await actor.settled()
    await asking.ends(0, "verify")
    assert blocks((await actor.policies())["pod-b"], "ingress", "from") == []
