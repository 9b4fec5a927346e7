"""Whether the stored policies say what the rules say: asked of a world in which they do, or not."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Start
from tests.e2e.test_commands import PODS, A, Asking, B, allow

Json = dict[str, Any]
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
ALL_PODS = "/api/v1/namespaces/default/pods"


def opening(name: str, **spec: Any) -> Json:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, **spec},
    }


async def test_verify_says_equal_or_what_differs_and_why(start: Start) -> None:
    actor = await start()
    asking = Asking(actor)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B)])
    await actor.settled()

    equal = await asking.data("verify")
    assert equal["equal"]
    assert (equal["checked"]["pods"], equal["checked"]["flows"]) == (3, 1)
    assert (await asking.ends(0, "verify")).startswith("equal: 3 pods, 3 policies, 1 rules")

    # Theirs opens 22 in, and all out: from everybody to everybody.
    theirs = opening("theirs", ingress=[{"ports": [{"port": 22}]}], egress=[{}])
    await actor.change("POST", POLICIES, theirs)
    opened = await asking.data("verify", "--within", "0", status=1)
    (found,) = opened["differences"]
    assert (found["errs"], found["count"], found["ports"]) == ("wider", 6, "TCP 22")
    assert found["policies"] == ["default/theirs"]
    shown = await asking.ends(1, "verify", "--within", "0")
    assert "TCP 22 default/pod-a -> default/pod-b" in shown
    assert "default/theirs" in shown
    await actor.change("DELETE", f"{POLICIES}/theirs")
    await asking.ends(0, "verify")

    # One of ours that somebody edits is taken back; what was on its way meanwhile is no difference.
    edit = {"spec": {"ingress": [{}]}}
    await actor.change("PATCH", f"{POLICIES}/pod-c", edit, "application/merge-patch+json")
    await asking.ends(0, "verify", "--within", "60")

    await actor.write_rules([allow(A, B, src_port="80")])
    await actor.settled()
    (inexact,) = (await asking.data("verify", status=1))["inexact"]
    assert (inexact["errs"], inexact["reason"]) == ("wider", "source-port")
    assert inexact["example"] in await asking.ends(1, "verify")

    await actor.write_rules([allow(A, B)])
    await actor.settled()
    host = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "agent", "labels": {"app": "agent"}},
        "spec": {"hostNetwork": True, "containers": [{"name": "main", "image": "none"}]},
    }
    await actor.change("POST", ALL_PODS, host)
    told = await asking.data("verify", "--within", "0", status=1)
    assert {each["pod"] for each in told["unprotected"]} == {"default/agent"}
    assert "node's network" in await asking.ends(1, "verify", "--within", "0")
    assert "default/agent is left out" in await asking.ends(0, "reach")
