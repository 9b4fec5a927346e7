"""Who is in the way: the policies that lack a rule, on the side that lacks it."""

from __future__ import annotations

from typing import Any

import pytest

from agents.asking.reaching import find_pod, judge, parse_port
from agents.asking.stored import Stored


def pod(name: str, namespace: str = "default") -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": f"{namespace}-{name}",
        "labels": {"app": name},
    }
    return {"metadata": meta, "status": {"podIP": "10.0.0.1"}}


def policy(name: str, **rules: Any) -> dict[str, Any]:
    spec = {
        "podSelector": {"matchLabels": {"app": name}},
        "policyTypes": ["Ingress", "Egress"],
        **rules,
    }
    return {"metadata": {"name": f"{name}-policy", "namespace": "default"}, "spec": spec}


def to(name: str, *ports: int) -> list[dict[str, Any]]:
    return [{"to": [_pod(name)], "ports": [{"port": port} for port in ports]}]


def by(name: str, *ports: int) -> list[dict[str, Any]]:
    return [{"from": [_pod(name)], "ports": [{"port": port} for port in ports]}]


def _pod(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": name}}}


def stored(*policies: dict[str, Any]) -> Stored:
    pods = [pod("a"), pod("b"), pod("c"), pod("a", "shop")]
    named = {f"{each['metadata']['namespace']}/{each['metadata']['name']}": each for each in pods}
    return Stored(named, list(policies), {})


A, B, C = "default/a", "default/b", "default/c"
NO_EGRESS = "no egress policy rule lets it out of default/a: default/a-policy"
NO_INGRESS = "no ingress policy rule lets it into default/b: default/b-policy"


@pytest.mark.parametrize(
    ("policies", "in_the_way"),
    [
        ([], []),
        ([policy("a")], [NO_EGRESS]),
        ([policy("b")], [NO_INGRESS]),
        ([policy("a"), policy("b")], [NO_EGRESS, NO_INGRESS]),
        ([policy("a", egress=to("b", 80)), policy("b")], [NO_INGRESS]),
        ([policy("a", egress=to("b", 80)), policy("b", ingress=by("a", 80))], []),
        ([policy("a", egress=to("b", 81)), policy("b", ingress=by("a", 80))], [NO_EGRESS]),
        ([policy("c")], []),
    ],
)
def test_the_policies_without_a_rule_are_in_the_way(policies: list, in_the_way: list) -> None:
    answer = judge(stored(*policies), A, B, parse_port("80"))

    assert answer.in_the_way == in_the_way
    assert answer.yes is not bool(in_the_way)


def test_two_sides_without_a_common_port_are_both_in_the_way() -> None:
    known = stored(policy("a", egress=to("b", 81)), policy("b", ingress=by("a", 80)))

    (why,) = judge(known, A, B).in_the_way

    assert "TCP 81" in why
    assert "TCP 80" in why
    assert "default/a-policy, default/b-policy" in why


def test_an_answer_names_both_sides() -> None:
    data = judge(stored(policy("a")), A, B).as_data()

    assert data["reaches"] is False
    assert data["egress"] == {"ports": "", "policies": ["default/a-policy"]}
    assert data["ingress"] == {"ports": "everything", "policies": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("80", "TCP 80"),
        ("53/udp", "UDP 53"),
        ("9899/SCTP", "SCTP 9899"),
        ("65535/TCP", "TCP 65535"),
    ],
)
def test_a_port_is_read_as_people_write_it(text: str, said: str) -> None:
    assert parse_port(text).text == said


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "-1", "80 ", "http", "80/ICMP", "80/", "/TCP", "80-90", "٨٠"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no port"):
        parse_port(text)


def test_a_pod_is_found_by_its_name_unless_several_have_it() -> None:
    assert find_pod(stored(), "b") == B
    assert find_pod(stored(), "shop/a") == "shop/a"
    with pytest.raises(ValueError, match="several namespaces: default/a, shop/a"):
        find_pod(stored(), "a")
    with pytest.raises(ValueError, match="no pod 'nobody'"):
        find_pod(stored(), "nobody")
