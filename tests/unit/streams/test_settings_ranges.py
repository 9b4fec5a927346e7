"""Identities have addresses of their own, or a worker does not start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.judging import judging_of
from streams.rules.spaces import EVERYWHERE, minus, networks
from streams.settings import Settings, load


def settings(identities: str, **cluster: Any) -> Settings:
    told = {"identity": "workload", **cluster}
    return Settings(graph={"identities": identities}, cluster=told)


def refusal(identities: str, **cluster: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        settings(identities, **cluster)
    return str(refused.value.errors(include_input=False)[0]["msg"])


@pytest.mark.parametrize("identities", ["198.18.0.0/15", "10.244.255.252/30", "10.0.16.0/20"])
def test_a_range_that_is_nobody_elses_is_taken(identities: str) -> None:
    settings(identities)


@pytest.mark.parametrize(
    ("identities", "with_what"),
    [
        ("10.0.0.0/30", "graph.firewall"),
        ("10.0.15.252/30", "graph.base"),
        ("10.0.0.0/8", "graph.firewall"),
        ("10.244.7.0/24", "cluster.pod_ranges"),
    ],
)
def test_a_range_that_overlaps_is_refused(identities: str, with_what: str) -> None:
    told = refusal(identities, pod_ranges=["10.243.0.0/16", "10.244.0.0/16"])

    assert f"overlaps {with_what}" in told


@pytest.mark.parametrize("identities", ["198.18.0.0/31", "198.18.0.1/32"])
def test_a_range_without_two_addresses_is_refused(identities: str) -> None:
    assert "too small" in refusal(identities)


@pytest.mark.parametrize("identities", ["224.0.0.0/16", "127.1.0.0/24", "169.254.0.0/24"])
def test_a_range_that_no_pod_could_be_in_is_refused(identities: str) -> None:
    assert "no pod holds" in refusal(identities)


def test_where_nodes_are_pods_nobody_looks_at_the_range() -> None:
    settings("10.0.0.0/30", identity="pod")


def test_labels_that_tell_pods_apart_are_for_pods() -> None:
    assert "selection" in refusal("198.18.0.0/15", selection="label")


def test_an_identity_is_never_outside_of_the_cluster() -> None:
    (range_,) = networks(["198.18.0.0/15"])

    def is_outside(identity: str) -> bool:
        told = settings("198.18.0.0/15", identity=identity, pod_ranges=["10.244.0.0/16"])
        return any(p.first <= range_.first <= p.last for p in judging_of(told).outside)

    assert [is_outside("pod"), is_outside("workload")] == [True, False]


WEB = "local/default/Deployment/web"


def with_aliases(aliases: dict[str, str], **cluster: Any) -> Settings:
    told = {"identity": "workload", **cluster}
    return Settings(graph={"aliases": aliases}, cluster=told)


def test_addresses_of_elsewhere_are_taken() -> None:
    assert with_aliases({"203.0.113.9": WEB}).graph.aliases == {"203.0.113.9": WEB}


@pytest.mark.parametrize(
    ("aliases", "cluster", "why"),
    [
        ({"198.18.0.7": WEB}, {}, "graph.aliases overlaps graph.identities"),
        ({"10.0.0.1": WEB}, {}, "graph.aliases overlaps graph.firewall"),
        ({"10.0.0.9": WEB}, {}, "graph.aliases overlaps graph.base"),
        ({"203.0.113.9": WEB}, {"identity": "pod"}, "graph.aliases needs another cluster.identity"),
        ({"203.0.113.09": WEB}, {}, "not an IPv4 address"),
        ({"203.0.113.0/24": WEB}, {}, "not an IPv4 address"),
        ({"fd00::7": WEB}, {}, "not an IPv4 address"),
        ({"127.0.0.1": WEB}, {}, "no pod holds"),
        ({"203.0.113.9": "default/Deployment/web"}, {}, "CLUSTER/NAMESPACE/KIND/NAME"),
        ({"203.0.113.9": "local/default/Deployment/"}, {}, "CLUSTER/NAMESPACE/KIND/NAME"),
        ({"203.0.113.9": "local/default/a b/web"}, {}, "CLUSTER/NAMESPACE/KIND/NAME"),
        ({f"9.1.{n // 250}.{n % 250}": WEB for n in range(1001)}, {}, "at most 1000 items"),
    ],
)
def test_addresses_that_cannot_be_anybodys_are_refused(
    aliases: dict[str, str], cluster: dict[str, str], why: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        with_aliases(aliases, **cluster)

    assert why in str(refused.value.errors(include_input=False)[0]["msg"])


def test_an_address_twice_is_refused_wherever_it_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__IDENTITY", "workload")
    twice = f'{{"203.0.113.9": "{WEB}", "203.0.113.9": "{WEB}2"}}'
    monkeypatch.setenv("VEREFLOW_GRAPH__ALIASES", twice)
    with pytest.raises(ValueError, match="graph"):
        load()

    monkeypatch.delenv("VEREFLOW_GRAPH__ALIASES")
    file = tmp_path / "vereflow.yaml"
    file.write_text(f"graph: {{aliases: {twice}}}\n")
    monkeypatch.setenv("VEREFLOW_CONFIG", str(file))
    with pytest.raises(ValueError, match="twice"):
        load()


def with_subnets(subnets: dict[str, str], **more: Any) -> Settings:
    told = {"clusters": ["one", "two", "three"], "subnets": subnets}
    return Settings(graph=told, **{"cluster": {"name": "one"}} | more)


def test_a_cluster_that_is_one_node_is_not_outside() -> None:
    outside = judging_of(
        with_subnets({"two": "10.2.-1.-1"}, cluster={"name": "one", "pod_ranges": ["10.1.0.0/16"]})
    ).outside

    assert outside == minus(EVERYWHERE, networks(["10.1.0.0/16", "10.2.0.0/16"]))


@pytest.mark.parametrize(
    ("subnets", "why"),
    [
        ({"four": "10.2.-1.-1"}, "a subnet, and not in clusters: four"),
        ({"two": "10.2.-1.-1", "three": "10.2.3.-1"}, "graph.subnets overlap"),
        ({"two": "10.0.0.-1"}, "graph.subnets overlaps graph.firewall"),
        ({"two": "10.0.-1.-1"}, "graph.subnets overlaps graph.firewall"),
    ],
)
def test_a_subnet_is_one_clusters_own(subnets: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        with_subnets(subnets)
    assert why in str(refused.value.errors(include_input=False)[0]["msg"])


@pytest.mark.parametrize("subnet", ["10.2.0.0", "*", "-1.-1.-1.-1", "10.-1.0.-1", "10.2", "a.-1"])
def test_a_subnet_is_a_network_of_whole_octets(subnet: str) -> None:
    with pytest.raises(ValidationError):
        with_subnets({"two": subnet})


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"cluster": {"name": "one", "identity": "workload"}}, "cluster.identity: pod"),
        ({"rules": {"reading": "every-hop"}}, "rules.reading: any-end"),
    ],
)
def test_a_cluster_is_one_node_only_where_an_address_says_all(
    more: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        with_subnets({"two": "10.2.-1.-1"}, **more)
    assert f"graph.subnets needs {why}" in str(refused.value.errors(include_input=False)[0]["msg"])
