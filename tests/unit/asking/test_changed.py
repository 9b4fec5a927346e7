"""What a version of a policy opens and closes is said peer by peer."""

from __future__ import annotations

from typing import Any

from agents.asking.changed import MOST_SAID, changed

Json = dict[str, Any]

NEAR = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}
BLOCK = {"ipBlock": {"cidr": "8.0.0.0/8", "except": ["8.8.8.8/32"]}}


def named(name: str) -> Json:
    return {"podSelector": {"matchLabels": {"app": name}}}


def policy(ingress: list[Json] | None = None, egress: list[Json] | None = None) -> Json:
    return {"spec": {**named("a"), "ingress": ingress or [], "egress": egress or []}}


def test_only_what_is_another_is_said() -> None:
    ports = [{"protocol": "TCP", "port": 80}]
    before = policy(egress=[{"to": [named("a")]}, {"to": [named("b")], "ports": ports}])
    after = policy([{"from": [BLOCK]}], [{"to": [named("b"), named("c") | NEAR], "ports": ports}])

    assert changed(before, after) == (
        "+ ingress 8.0.0.0/8 except 8.8.8.8/32: everything",
        "+ egress web/app=c: TCP 80",
        "- egress itself: everything",
    )
    assert changed(after, after) == ()


def test_what_is_gone_closes_all_and_an_empty_peer_list_is_everybody() -> None:
    assert changed(policy([{}]), None) == ("- ingress everybody: everything",)


def test_what_is_too_much_to_say_is_counted() -> None:
    found = changed(None, policy([{"from": [named(f"b{n}") for n in range(MOST_SAID + 3)]}]))

    assert len(found) == MOST_SAID + 1
    assert found[-1] == "and 3 more"
