"""What is allowed beside the rules: each by itself, and all together in every order."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.policy.dialects.allowing import (
    MOST_PORTS,
    Backend,
    asking_dns,
    ingress_backends,
    labelled,
    missing,
    scraped,
    served,
    webhook_backends,
)
from streams.policy.dialects.standing import DNS, INGRESS, NAME, PROMETHEUS, WEBHOOKS, render
from tests.reading import PROTOCOLS, allowed_ports
from tests.unit.policy.pods import allow, manifest, pod

Json = dict[str, Any]
SYSTEM, MONITORING, EDGE = "kube-system", "monitoring", "ingress-nginx"
CONTROL = "172.18.0.2"


def endpoint(name: str, namespace: str, last: int, **labels: str) -> Json:
    return {
        "namespace": namespace,
        "name": name,
        "labels": labels or {"app": name},
        "ip": f"10.0.0.{last}",
    }


WEB, DB = endpoint("web", "default", 1), endpoint("db", "default", 2)
RESOLVER = endpoint("coredns", SYSTEM, 3, **{"k8s-app": "kube-dns"})
SCRAPER = endpoint("prometheus", MONITORING, 4, app="prometheus")
EDGES = endpoint("controller", EDGE, 5, app="edge")
EVERYBODY = [WEB, DB, RESOLVER, SCRAPER, EDGES]


def service(name: str, namespace: str, selector: Json, *ports: Json) -> Json:
    meta = {"name": name, "namespace": namespace}
    return {"metadata": meta, "spec": {"selector": selector, "ports": list(ports)}}


def port(number: int, target: int | str, name: str = "", protocol: str = "TCP") -> Json:
    return {"port": number, "targetPort": target, "name": name, "protocol": protocol}


KUBE_DNS = service(
    "kube-dns",
    SYSTEM,
    {"k8s-app": "kube-dns"},
    port(53, 1053, "dns", "UDP"),
    port(53, 1053, "dns-tcp"),
    port(9153, 9153, "metrics"),
)
SHOP = service("shop", "default", {"app": "web"}, port(80, 8080, "http"), port(81, 8081, "admin"))
GUARD = service("guard", "default", {"app": "db"}, port(443, 9443, "https"))


def annotated(**notes: str) -> Json:
    named = {f"prometheus.io/{key}": value for key, value in notes.items()}
    ports = [{"containerPort": 9100}, {"containerPort": 53, "protocol": "UDP"}]
    return {
        "metadata": {"name": "db", "namespace": "default", "annotations": named},
        "spec": {"containers": [{"name": "main", "ports": ports}]},
    }


def policies() -> dict[str, Json]:
    specs = {
        NAME: None,
        DNS: asking_dns(KUBE_DNS),
        PROMETHEUS: scraped([annotated(scrape="true")], labelled(f"{MONITORING}/app=prometheus")),
        f"{INGRESS}.shop": served(SHOP, {80}, [labelled(f"{EDGE}/app=edge")]),
        f"{WEBHOOKS}.guard": served(GUARD, {443}, [{"ipBlock": {"cidr": f"{CONTROL}/32"}}]),
    }
    return {name: render("default", "main", name, spec) for name, spec in specs.items()}


# Who may, and what for, by the allowance alone.
MEANT = {
    DNS: {("10.0.0.1", "10.0.0.3", "TCP", 1053), ("10.0.0.2", "10.0.0.3", "UDP", 1053)},
    PROMETHEUS: {("10.0.0.4", "10.0.0.1", "TCP", 9100), ("10.0.0.4", "10.0.0.2", "TCP", 9100)},
    f"{INGRESS}.shop": {("10.0.0.5", "10.0.0.1", "TCP", 8080)},
    f"{WEBHOOKS}.guard": {(CONTROL, "10.0.0.2", "TCP", 9443)},
}


def opened(found: list[Json]) -> dict[tuple[str, str, str], Any]:
    """Return all that gets through, pair by pair and protocol by protocol."""
    ends = [*(each["ip"] for each in EVERYBODY), CONTROL]
    pairs = [(one, two) for one in ends for two in ends if one != two]
    # What no policy of ours is about is open in any case.
    ours = {"10.0.0.1", "10.0.0.2"}
    return {
        (one, two, protocol): spans
        for one, two in pairs
        if ours & {one, two}
        for protocol in PROTOCOLS
        if (spans := getattr(allowed_ports(found, EVERYBODY, one, two), protocol.lower()))
    }


def test_each_opens_what_it_is_for_and_nothing_else() -> None:
    every = policies()
    for name, meant in MEANT.items():
        found = opened([every[NAME], every[name]])

        numbers = {(*ends, low) for ends, spans in found.items() for low, _ in spans}
        assert all(low == high for spans in found.values() for low, high in spans)
        assert meant <= numbers
        assert {number for *_, number in numbers} == {number for *_, number in meant}


@pytest.mark.parametrize(
    "names", [each for size in range(5) for each in combinations(MEANT, size)], ids=len
)
def test_together_they_open_what_each_opens_and_the_rules_are_as_before(
    names: tuple[str, ...],
) -> None:
    every = policies()
    own = [
        manifest(pod("web"), allow("egress", pod("db"), "TCP 5432")),
        manifest(pod("db"), allow("ingress", pod("web"), "TCP 5432")),
    ]
    alone = [opened([every[NAME], *own]), *(opened([every[NAME], every[name]]) for name in names)]

    together = opened([*own, *(every[name] for name in names), every[NAME]])

    assert together.keys() == {key for each in alone for key in each}
    for key, spans in together.items():
        assert set(spans) == {span for each in alone for span in each.get(key, ())}


@given(st.permutations(sorted(MEANT)))
def test_the_order_in_which_they_come_changes_nothing(names: list[str]) -> None:
    every = policies()

    assert opened([every[NAME], *(every[name] for name in names)]) == opened(list(every.values()))


@pytest.mark.parametrize(
    ("notes", "ports"),
    [
        ({"scrape": "true", "port": "8080"}, [8080]),
        ({"scrape": "true"}, [9100]),
        ({"scrape": "false", "port": "8080"}, []),
        ({"port": "8080"}, []),
        ({"scrape": "true", "port": "http"}, []),
        ({"scrape": "true", "port": "0"}, []),
        ({"scrape": "true", "port": "655360"}, []),
        ({"scrape": "true", "port": "\u0663"}, []),
        ({}, []),
    ],
)
def test_pods_say_by_annotation_at_which_port_they_are_scraped(
    notes: dict[str, str], ports: list[int]
) -> None:
    spec = scraped([annotated(**notes)], labelled("m/app=p"))

    told = [port["port"] for port in spec["ingress"][0]["ports"]] if spec else []
    assert told == ports


def test_more_ports_than_a_policy_should_have_are_refused() -> None:
    many = [annotated(scrape="true", port=str(1 + number)) for number in range(MOST_PORTS + 1)]

    with pytest.raises(ValueError, match="more than"):
        scraped(many, labelled("m/app=p"))


def test_an_ingress_sends_to_its_default_and_to_every_path() -> None:
    def backend(name: str, /, **port: Any) -> Json:
        return {"service": {"name": name, "port": port}}

    bucket = {"resource": {"apiGroup": "k8s.example", "kind": "Bucket", "name": "static"}}
    paths = [{"backend": backend("a", name="http")}, {"backend": bucket}]
    spec = {
        "defaultBackend": backend("d", number=80),
        "rules": [{"host": "x"}, {"http": {"paths": paths}}],
    }

    found = ingress_backends({"metadata": {"namespace": "n"}, "spec": spec})

    assert list(found) == [Backend("n", "d", 80), Backend("n", "a", "http")]


def test_the_api_server_calls_services_at_443_unless_told_otherwise_and_urls_are_not_ours() -> None:
    services: list[Json] = [{"service": {"namespace": "n", "name": "a"}}, {"url": "https://x"}]
    services.append({"service": {"namespace": "n", "name": "b", "port": 8443}})

    found = webhook_backends({"webhooks": [{"clientConfig": each} for each in services]})

    assert list(found) == [Backend("n", "a", 443), Backend("n", "b", 8443)]


def test_a_port_is_named_by_number_or_by_name_and_what_lacks_is_said() -> None:
    spec = served(SHOP, {80, "admin", "gone"}, [labelled("e/app=e")])

    assert [each["port"] for each in spec["ingress"][0]["ports"]] == [8080, 8081]
    assert missing(SHOP, {80, "admin", "gone"}) == {"gone"}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (service("s", "n", {}, port(80, 80)), "selects no pods"),
        (service("s", "n", {"app": "a"}, port(81, 81)), "no port 80"),
    ],
)
def test_what_no_policy_can_serve_is_refused(broken: Json, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        served(broken, {80}, [])
