"""An address that two clusters gave away is nobody's, and whom that concerns is told."""

from __future__ import annotations

from streams.flow import router
from streams.flow.output import Refusal
from streams.records.facts import GraphFact
from streams.records.reasons import LetterReason
from tests.unit.flow.records import Routed, allow, at, change
from tests.unit.flow.test_crossing import ADDRESSES, HOMES, ONE, ROUTED, TWO, claim, service, world

# Each cluster gives it to its first Service.
SERVED = "10.96.0.1"


def letters(routed: Routed, fact: GraphFact) -> list[Refusal]:
    outputs = router.handle(routed.graph, fact, at(90), routed.routing)
    return [each for each in outputs if isinstance(each, Refusal)]


def test_services_of_two_clusters_may_have_one_address_as_long_as_no_rule_names_it():
    routed = world([ROUTED], *map(claim, HOMES), service(ONE, 1, SERVED))

    assert letters(routed, service(TWO, 1, SERVED)) == []

    (named,) = letters(routed, change(1, elements=(allow(ADDRESSES["a"], SERVED),)))
    assert named.reason == LetterReason.ADDRESS_TWICE
    assert f"{SERVED} is claimed by one/default/service:s and two/" in named.detail


def test_a_service_whose_address_a_rule_names_is_refused_in_another_cluster():
    named = change(1, elements=(allow(ADDRESSES["b"], SERVED),))
    routed = world([ROUTED], *map(claim, HOMES), service(ONE, 1, SERVED), named)

    assert [each.reason for each in letters(routed, service(TWO, 1, SERVED))] == [
        LetterReason.ADDRESS_TWICE
    ]
