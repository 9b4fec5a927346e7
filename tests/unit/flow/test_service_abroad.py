"""A rule that names a Service of another cluster says where that is not what is dialled."""

from __future__ import annotations

import pytest

from streams.flow.crossing import Link
from streams.records.views import Errs
from tests.unit.flow.records import allow, change
from tests.unit.flow.test_crossing import (
    A_TO_C,
    ADDRESSES,
    HOMES,
    ONE,
    ROUTED,
    TWO,
    blocks,
    claim,
    reported,
    service,
    world,
)


@pytest.mark.parametrize("named", ["10.96.0.7", "192.0.2.7"])
@pytest.mark.parametrize(
    ("link", "dialled"), [(ROUTED, False), (Link(ONE, TWO, dialled=("192.0.2.7/32",)), True)]
)
def test_where_pods_are_dialled_it_is_said_that_a_services_address_is_not(named, link, dialled):
    behind = service(TWO, 1, "10.96.0.7", "192.0.2.7", app="c")
    rule = change(0, added=(allow(ADDRESSES["a"], named),))

    routed = world([link], *map(claim, HOMES), behind, rule)

    abroad = (f"ALLOW TCP {ADDRESSES['a']}:* -> {named}:80", "service-abroad", Errs.NARROWER)
    assert (abroad in reported(routed, "a")) != dialled
    assert abroad not in reported(routed, "c")
    assert blocks(routed, "a", "to") == ["192.0.2.7/32" if dialled else f"{ADDRESSES['c']}/32"]


def test_where_the_pod_is_named_nothing_is_said_of_the_service_before_it():
    behind = service(TWO, 1, "10.96.0.7", app="c")

    routed = world([ROUTED], *map(claim, HOMES), behind, A_TO_C)

    assert reported(routed, "a") == set()
