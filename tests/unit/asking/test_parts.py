"""An explanation tells its cluster from others, and what another part knows from what is not so."""

from __future__ import annotations

import pytest

from agents.asking.explaining import APART
from deploy.cli.worded import sentences
from streams.flow.tracker import PodRow
from streams.records.views import Identity, Service, ServicePort, Workload
from tests.unit.asking.world import World, claimed
from tests.unit.flow.records import address_of, allow, change

A, B = map(address_of, "ab")
KNOWN_TO_THE_CORE = ("pods", "graph-pods", "graph-rules", "policies")


@pytest.fixture
def there() -> World:
    """A world of three pods, the first of which may reach the second."""
    world = World("abc")
    world.tell(change(1, elements=(allow("a", "b"),)))
    return world


def test_where_the_rules_are_elsewhere_nothing_is_claimed_of_them(there: World) -> None:
    there.apart = KNOWN_TO_THE_CORE

    yes, no = there.explain("a", "b", "80"), there.explain("b", "a", "80")

    assert (yes.reaches, no.reaches) == (True, False)
    assert yes.why == f"The stored policies let it through; {APART}."
    assert no.why == f"The stored policies do not let it through; {APART}."
    assert (yes.ways[0].allowed, yes.ways[0].rules) == (None, ())
    assert "another part of this installation knows them" in "\n".join(sentences(yes))


def test_where_outcomes_are_elsewhere_what_is_stored_as_wanted_is_in_force(there: World) -> None:
    there.apart = KNOWN_TO_THE_CORE
    del there.policies["local/default/b"]

    (way,) = there.explain("a", "b", "80").ways

    assert way.egress.standing
    assert way.ingress.standing
    assert (way.egress.standing.outcome, way.egress.standing.words) == ("not known", "in force")
    assert (way.ingress.standing.drift, way.ingress.standing.in_force) == ("not stored", False)
    assert way.ingress.standing.words.startswith("not known to be in force")


def test_a_policy_of_that_name_for_another_cluster_is_not_meant(there: World) -> None:
    there.wanted = {"far/default/b": there.wanted["local/default/b"], **there.wanted}

    (way,) = there.explain("a", "b", "80").ways

    assert way.ingress.standing
    assert way.ingress.standing.key == "local/default/b"
    assert [each.key for each in way.ingress.policies] == ["local/default/b"]


def test_a_pod_may_be_named_with_its_cluster(there: World) -> None:
    found = there.explain("local/default/a", "local/default/b", "80")

    assert (found.source, found.to, found.reaches) == ("default/a", "default/b", True)


def test_pods_of_this_cluster_do_not_stand_behind_a_service_of_another(there: World) -> None:
    shop = Service(selector={"app": "b"}, ports=(ServicePort(port=80, target=80),))
    told = {"name": "shop", "labels": {}, "service": shop.model_dump(), "address": "10.96.0.7"}
    there.tell(claimed("s", 9, cluster="far", **told))

    with pytest.raises(ValueError, match="a Service of another cluster: name a pod behind it"):
        there.explain("a", "10.96.0.7", "80")


def test_an_identity_of_another_cluster_is_explained_by_no_pod_of_this_one(there: World) -> None:
    told = Identity(kind="Deployment", name="z", selector={"app": "z"}, aliases=(B,))
    known = {"cluster": "far", "name": "deployment.z", "uid": "uid-z", "address": "10.200.0.1"}
    there.tell(claimed("z", 9, identity=told.model_dump(), **known))

    found = there.explain("a", "10.200.0.1", "80")

    assert found.to == "far/default/deployment.z"
    assert "in cluster far" in found.ways[0].ingress.elsewhere


def test_a_pod_whose_address_two_identities_claim_still_stands_for_its_own() -> None:
    there = World("a")
    there.pods |= World("b").pods
    for rev, name in ((9, "b"), (10, "other")):
        told = Identity(kind="Deployment", name=name, selector={"app": name}, aliases=(B,))
        known = {"name": f"deployment.{name}", "uid": f"uid-{name}", "labels": {"app": name}}
        address = f"10.200.0.{rev}"
        there.tell(claimed("b", rev, identity=told.model_dump(), address=address, **known))
    made_by = Workload(kind="Deployment", name="b").model_dump()
    tracked = claimed("b", 1, workload=made_by).claim
    assert tracked
    there.tracked["local/default/b"] = PodRow(pod=tracked.pod, live=True, rev=1)
    there.tell(change(1, elements=(allow("a", "10.200.0.9"),)))

    found = there.explain("a", "b", "80")

    assert found.ways[0].allowed
    assert [each.text for each in found.ways[0].rules] == [f"ALLOW TCP {A}:* -> 10.200.0.9:80"]
