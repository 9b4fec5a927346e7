"""The claims of pods become claims of identities, which outlive their pods."""

from __future__ import annotations

from tests.unit.flow.keeping import (
    FIRST,
    OURS,
    Kept,
    deployment,
    pod,
    read,
    told,
)

WEB, DB = deployment("web"), deployment("db")
X, Y, Z = "10.0.0.11", "10.0.0.12", "10.0.0.13"


def test_the_pods_of_a_workload_are_one_identity_with_an_address_of_its_own():
    kept = Kept(read())

    (claim,) = told(kept.tell(pod("web-1", 0, WEB, X)))
    (grown,) = told(kept.tell(pod("web-2", 1, WEB, Y)))

    assert (claim.pod.key, claim.pod.address) == ("local/default/deployment.web", FIRST)
    assert (claim.pod.uid, claim.pod.incarnation) == (f"identity-1-1-{FIRST}", 1)
    assert claim.pod.identity is not None
    assert (claim.pod.identity.kind, claim.pod.identity.name) == ("Deployment", "web")
    assert claim.pod.identity.selector == {"app": "web"}
    assert claim.pod.identity.aliases == (X,)
    assert grown.pod.identity is not None
    assert grown.pod.identity.aliases == (X, Y)
    assert (grown.pod.uid, grown.pod.address) == (claim.pod.uid, claim.pod.address)
    assert (claim.rev, grown.rev, claim.partition) == (1, 2, OURS.partitions + 1)
    assert claim.since == pod("web-1", 0, WEB).claim.since
