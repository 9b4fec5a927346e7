"""No policy holds a pod on the network of its node: its identity says so, and never seems well."""

from __future__ import annotations

import pytest

from streams.flow import tracker
from streams.flow.output import IDENTITY_FACTS, Send
from streams.records.facts import GraphFact
from streams.records.views import Errs
from tests.unit.flow.identified import identity, key, living
from tests.unit.flow.keeping import Kept, deployment, gone, pod, read
from tests.unit.flow.records import TRACKING, Routed, allow, at, change, opening, told

A, B, NODE = "10.0.0.11", "10.0.0.12", "192.168.1.10"
WEB = deployment("web")

pytestmark = pytest.mark.row("E33")


def reports(routed: Routed, name: str) -> set[tuple[str, Errs, str]]:
    rules = routed.compiled[key(name)].views["main"].rules
    return {(each.rule, each.errs, each.reason) for each in rules.inexact}


@pytest.mark.parametrize("identities", [True, False])
def test_the_tracker_says_so_where_nodes_stand_for_identities(identities: bool) -> None:
    event = told("ADDED", "u1", NODE, 1, hostNetwork=True)
    ours = TRACKING._replace(identities=identities)

    sent = tracker.handle({}, event, event.key("local"), at(0), ours)[0]

    assert isinstance(sent, Send)
    assert isinstance(sent.value, GraphFact)
    assert sent.value.claim is not None
    assert (sent.topic == IDENTITY_FACTS) is identities
    assert sent.value.claim.pod.address is None
    assert ("host_network" in sent.value.claim.pod.model_dump()) is identities


def test_an_identity_is_on_hosts_for_as_long_as_one_of_its_pods_is() -> None:
    kept = Kept(read(), pod("web-1", 0, WEB, A))
    on_host = pod("web-2", 1, WEB, None, host_network=True)
    seen = []
    for fact in (on_host, gone(on_host, 2)):
        kept.tell(fact)
        said = kept.identity("deployment.web").identity
        assert said is not None
        seen.append((said.on_hosts, said.aliases))

    assert seen == [(True, (A,)), (False, (A,))]


def test_that_it_is_not_closed_is_reported_and_that_nobody_reaches_it() -> None:
    routed = Routed()
    routed.tell(*living(), change(0, added=(allow(A, B),)), *opening())

    routed.tell(identity("b", 9, B, on_hosts=True))

    wider = (f"isolation {key('b')}", Errs.WIDER, "host-network")
    assert reports(routed, "b") == {wider}
    assert reports(routed, "a") == {(f"egress {key('b')}", Errs.NARROWER, "host-network")}
    assert reports(routed, "c") == set()

    routed.tell(identity("b", 10, B))
    assert reports(routed, "a") == reports(routed, "b") == set()
