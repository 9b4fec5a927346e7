"""Every command that asks a running system, asked of a real one: what it says, how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import yaml

from tests.e2e.acting import Actor, until_true
from tests.e2e.conftest import Start

Json = dict[str, Any]

PODS = {f"pod-{letter}": f"10.244.7.{number}" for number, letter in enumerate("abc", 11)}
A, B, C = PODS.values()
NOBODY = "10.244.7.99"
EVIL = b'{"podName": "\x1b[2Jx"'


def allow(source: str, destination: str, port: str = "80", src_port: str = "*") -> Json:
    return {
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": src_port,
        "dstPort": port,
        "directional": True,
    }


class Asking:
    """The command line against one world."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    async def ends(self, status: int, *arguments: str) -> str:
        """Return what a command says; it must end like this and steer no terminal."""
        return "".join(await self._ends(status, *arguments))

    async def data(self, *arguments: str, status: int = 0) -> Json:
        """Return what a command says to programs: JSON and nothing else."""
        out, _ = await self._ends(status, *arguments, "-o", "json")
        told: Json = json.loads(out)
        return told

    async def _ends(self, status: int, *arguments: str) -> tuple[str, str]:
        ended, *said = await self._actor.answer(*arguments)
        out, beside = said
        assert ended == status, said
        for each in said:
            assert "\x1b" not in each
            assert "Traceback" not in each
        return out, beside


async def test_every_command_says_what_is_so(start: Start) -> None:
    actor = await start(workers=2)
    asking = Asking(actor)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B, src_port="80"), allow(C, NOBODY), allow("*", C, "443")])
    await actor.settled()

    await says_the_pods(asking)
    await says_the_rules(asking)
    await says_the_policies(asking, actor)
    await says_who_reaches_whom(asking)
    await says_why(asking)
    await until_true(lambda: is_told_in_kubernetes(actor))
    await says_what_made_a_policy_and_draws_the_graph(asking)
    await says_what_is_wrong(asking, actor)
    await looks_at_everything(asking)
    await shows_who_is_gone(asking, actor)


async def says_the_pods(asking: Asking) -> None:
    pods = (await asking.data("pods"))["pods"]

    assert yaml.safe_load(await asking.ends(0, "pods", "-o", "yaml"))["pods"] == pods
    assert {pod["key"]: pod["address"] for pod in pods} == {
        f"local/default/{name}": address for name, address in PODS.items()
    }
    assert all(pod["live"] and pod["uid"] and not pod["unprotected"] for pod in pods)
    shown = await asking.ends(0, "pods")
    for name, address in PODS.items():
        assert any(f"default/{name}" in line and address in line for line in shown.splitlines())


async def says_the_rules(asking: Asking) -> None:
    told = await asking.data("rules")

    assert [(each["defaultAction"], each["rules"]) for each in told["firewalls"]] == [("DENY", 3)]
    ends = {each["text"]: (each["source"], each["destination"]) for each in told["rules"]}
    states = {text: (one["state"], two["state"]) for text, (one, two) in ends.items()}
    assert states == {
        f"ALLOW TCP {A}:80 -> {B}:80": ("bound", "bound"),
        f"ALLOW TCP {C}:* -> {NOBODY}:80": ("bound", "parked"),
        f"ALLOW TCP *:* -> {C}:443": ("range", "bound"),
    }
    assert ends[f"ALLOW TCP {A}:80 -> {B}:80"][0]["pod"] == "local/default/pod-a"
    assert "parked" in await asking.ends(0, "rules")


async def says_the_policies(asking: Asking, actor: Actor) -> None:
    policies = (await asking.data("policies"))["policies"]

    assert {each["key"]: each["outcome"] for each in policies} == {
        f"local/default/{name}": "APPLIED" for name in PODS
    }
    counts = {each["key"][-1]: each["inexactReasons"] for each in policies}
    assert counts["a"] == counts["b"] == ["source-port wider (1)"]
    (whole,) = (await asking.data("policies", "pod-a"))["policies"]
    stored = (await actor.policies())["pod-a"]
    assert whole["manifest"]["spec"] == stored["spec"]
    assert whole["revision"] == stored["metadata"]["annotations"]["vereflow.io/revision"]
    shown = await asking.ends(0, "policies", "default/pod-a")
    assert "wider than" in shown
    assert whole["inexact"][0]["example"] in shown
    assert yaml.safe_load(shown.split("---\n")[1])["spec"] == stored["spec"]
    assert "no policy 'nobody'" in await asking.ends(1, "policies", "nobody")


async def says_who_reaches_whom(asking: Asking) -> None:
    told = await asking.data("reach")

    pairs = {(each["from"][-1], each["to"][-1]): each["ports"] for each in told["reach"]}
    assert pairs == {("a", "b"): "TCP 80", ("a", "c"): "TCP 443", ("b", "c"): "TCP 443"}
    assert "TCP 443" in await asking.ends(0, "reach")
    assert "yes" in await asking.ends(0, "reach", "pod-a", "pod-b", "80")
    refused = await asking.ends(1, "reach", "pod-b", "pod-a", "80/TCP")
    assert "no egress policy rule lets it out of default/pod-b: default/pod-b" in refused
    assert "no ingress policy rule lets it into default/pod-a: default/pod-a" in refused
    told = await asking.data("reach", "default/pod-a", "default/pod-b", "81", status=1)
    assert (told["reaches"], told["ports"]) == (False, "TCP 80")
    row = (await asking.data("reach", "pod-c"))["reach"]
    assert [(each["to"], each["reaches"]) for each in row] == [
        ("default/pod-a", False),
        ("default/pod-b", False),
    ]
    await asking.ends(2, "reach", "nobody", "pod-b")
    await asking.ends(2, "reach", "pod-a", "pod-b", "http")


async def says_why(asking: Asking) -> None:
    yes = await asking.data("explain", "pod-a", B, "80")
    no = await asking.data("explain", "pod-b", "pod-a", "80", status=1)
    shown = await asking.ends(0, "explain", "default/pod-a", "pod-b", "80")

    (way,) = yes["ways"]
    rule = f"ALLOW TCP {A}:80 -> {B}:80"
    assert [(each["text"], each["decides"]) for each in way["rules"]] == [(rule, True)]
    for side in ("egress", "ingress"):
        (policy,) = way[side]["policies"]
        (opening,) = policy["openings"]
        assert opening["rule"]["ports"] == [{"protocol": "TCP", "port": 80}]
        assert way[side]["standing"]["inForce"]
        assert way[side]["standing"]["cause"].startswith(("pod-events/", "firewall-changes/"))
    assert [each["reason"] for each in way["unsaid"]] == ["source-port"]
    assert (no["ways"][0]["rules"], no["why"].partition(",")[0]) == ([], "No rule allows it")
    assert shown.splitlines()[0] == "yes: default/pod-a reaches default/pod-b at TCP 80"
    assert f"{rule}  <- decides" in shown
    await asking.ends(2, "explain", "pod-a", "nobody")


async def is_told_in_kubernetes(actor: Actor) -> bool:
    """Tell whether both pods know that their policies are not as their rule."""
    events = await actor.listed("/api/v1/namespaces/default/events")
    said = {(each["involvedObject"]["name"], each["reason"]) for each in events}
    return {("pod-a", "PolicyInexact"), ("pod-b", "PolicyInexact")} <= said


async def says_what_made_a_policy_and_draws_the_graph(asking: Asking) -> None:
    why, told, flow, picture = await asyncio.gather(
        asking.data("why", "pod-a"),
        asking.data("history", "pod-a"),
        asking.data("history", "pod-a", "--to", B, "--port", "80"),
        asking.ends(0, "graph", "--svg"),
    )

    rules = [said["text"] for each in why["openings"] for said in each["rules"]]
    assert f"ALLOW TCP {A}:80 -> {B}:80" in rules
    assert (why["line"]["drift"], why["beside"]) == ("as wanted", [])
    newest = told["changes"][0]
    assert newest["revision"] == why["line"]["revision"]
    assert newest["cause"] == why["line"]["cause"]
    assert [hop["name"] for hop in newest["hops"]] == ["routed", "compiled", "written"]
    assert "+ egress app=pod-b: TCP 80" in newest["changed"]
    assert f"+ ALLOW TCP {A}:80 -> {B}:80" in newest["rules"]
    opened, *_ = flow["turns"]
    assert (opened["turn"], opened["cause"]) == ("opened", newest["cause"])
    assert [each["text"] for each in opened["rules"]] == [f"ALLOW TCP {A}:80 -> {B}:80"]
    assert f"+ ALLOW TCP {A}:80 -> {B}:80" in opened["said"]
    for name, address in PODS.items():
        assert f"<title>default/{name} {address}</title>" in picture
    assert picture.count("<line") == len(PODS)


async def says_what_is_wrong(asking: Asking, actor: Actor) -> None:
    assert await asking.data("dead-letters") == {"deadLetters": []}
    await actor.produce("pod-events", [(b"k", EVIL), (b"k", b'{"podName": "y"}')])
    await actor.settled()

    one, two = (await asking.data("dead-letters"))["deadLetters"]

    assert (one["reason"], two["reason"]) == ("not-json", "missing-field")
    assert one["excerpt"] == '{"podName": "\\x1b[2Jx"'
    limited = await asking.ends(0, "dead-letters", "--limit", "1")
    assert two["key"] in limited
    assert one["key"] not in limited
    told = await asking.data("status")
    assert told["ready"]
    kinds = [each["kind"] for each in told["wrong"]]
    assert kinds == ["inexact", "inexact", "dead letters"]
    assert told["counts"] == {"workers": 2, "pods": 3, "rules": 3, "policies": 3, "pending": 0}
    assert {each["worker"] for each in told["workers"]} == {"worker-0", "worker-1"}
    shown = await asking.ends(0, "status")
    assert shown.index("dead letters") < shown.index("worker-0")
    dropped = await asking.data("dead-letters", "drop", one["key"], two["key"], "--yes")
    assert [each["done"] for each in dropped["deadLetters"]] == ["drop", "drop"]


async def looks_at_everything(asking: Asking) -> None:
    checks = (await asking.data("doctor"))["checks"]

    assert [each["check"] for each in checks if each["ok"]] == [
        "settings",
        "broker",
        "topics",
        "epoch",
        "API server",
        "list pods",
        "list policies",
        "identities",
        "allowances",
        "Verefoo",
        "workers",
        "aliases",
        "links",
    ]
    assert len(checks) == 13


async def shows_who_is_gone(asking: Asking, actor: Actor) -> None:
    await actor.delete_pod("pod-b")
    await actor.settled()

    assert "pod-b" not in await asking.ends(0, "pods")
    assert "gone" in await asking.ends(0, "pods", "--all")
    assert "pod-b" not in await asking.ends(0, "policies")
    assert "DELETED" in await asking.ends(0, "policies", "--all")
    assert "no pod 'pod-b'" in await asking.ends(2, "reach", "pod-a", "pod-b")

    await actor.world.workers.stop()

    for command in ("status", "pods", "rules", "policies", "explain pod-a pod-c"):
        assert "no worker answers" in await asking.ends(3, *command.split())
    assert "WRONG" in await asking.ends(1, "doctor")
    # The cluster holds its policies while nobody works.
    await asking.ends(0, "reach")
    await asking.ends(0, "dead-letters")
