"""A link that means pods of another cluster as well is found, and no other."""

from __future__ import annotations

import pytest

from deploy.cli.linked import astray, mistaken
from streams.flow.crossing import Link
from streams.records.views import Identity, PodRef, Service

ONE, TWO, THREE = "one", "two", "three"
POD = {ONE: "10.1.0.1", TWO: "10.2.0.1", THREE: "10.3.0.1"}


def pod(cluster: str, name: str = "a", **said: object) -> PodRef:
    told = {"cluster": cluster, "namespace": "shop", "name": name, "uid": name}
    return PodRef.model_validate({**told, "address": POD[cluster], **said})


PODS = [*map(pod, POD), pod(TWO, "before-a", address="10.96.0.1", service=Service())]


def test_a_block_that_nobody_but_its_own_cluster_is_met_in_is_right() -> None:
    links = [
        Link(ONE, TWO, seen=("172.18.0.1/32", "10.1.0.0/16"), dialled=("10.2.0.0/16",)),
        Link(TWO, ONE),
        Link(THREE, TWO, seen=("172.18.0.3/32",), dialled=("10.96.0.0/16",)),
    ]

    assert mistaken(links, PODS) == []


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (Link(ONE, TWO, seen=("10.0.0.0/8",)), f"seen means {POD[TWO]} too, two/shop/a's"),
        (Link(ONE, TWO, dialled=("10.1.0.0/24",)), f"dialled means {POD[ONE]} too, one/shop/a's"),
    ],
)
def test_neighbours_under_their_own_addresses_are_named(link: Link, said: str) -> None:
    assert mistaken([link], PODS) == [f"one -> two: {said}"]


def test_pods_of_a_third_cluster_are_named_where_they_are_routed() -> None:
    link = Link(ONE, TWO, seen=("10.3.0.0/16",))
    hidden = Link(THREE, TWO, seen=("172.18.0.3/32",))

    assert mistaken([link, hidden], PODS) == []
    assert mistaken([link, Link(THREE, TWO)], PODS) == [
        f"one -> two: seen means {POD[THREE]} too, three/shop/a's"
    ]


def test_an_identity_is_met_at_its_pods_addresses_alone() -> None:
    named = Identity(kind="Deployment", name="a", selector={}, aliases=("10.2.7.1", "fd00::1"))
    workload = pod(TWO, address="198.18.0.1", identity=named)
    block = Link(ONE, TWO, seen=("10.2.7.0/24", "198.18.0.0/15"))

    assert mistaken([block], [workload]) == ["one -> two: seen means 10.2.7.1 too, two/shop/a's"]


def test_a_subnet_that_means_its_own_clusters_pods_and_no_others_is_right() -> None:
    assert list(astray({TWO: "10.2.-1.-1", THREE: "10.3.0.-1"}, PODS)) == []


def test_who_is_in_the_subnet_of_another_cluster_or_not_in_its_own_is_named() -> None:
    subnet = "10.2.0.-1"
    pods = [pod(ONE, address="10.2.0.9"), pod(TWO), pod(TWO, "b", address="10.2.1.1")]

    assert list(astray({TWO: subnet}, pods)) == [
        f"{subnet} of two means one/shop/a too",
        f"{subnet} of two does not mean two/shop/b, at 10.2.1.1",
    ]
