"""Bad records on the real topics: one dead letter each with its reason, and no write."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.e2e.conftest import Start
from tests.e2e.test_counts import PODS, A, B, C, allow, spent
from tests.inputs.rows import FIREWALL_CHANGES, POD_EVENTS, Input

# The broker refuses larger ones; the codec's own bound is tested without it.
MOST_BYTES = 1_000_000


def bad(inputs: list[Input]) -> list[Input]:
    return [each for each in inputs if each.reason and len(each.value or b"") < MOST_BYTES]


@pytest.mark.fault("F25")
async def test_each_bad_record_is_one_dead_letter_and_nothing_is_written(start: Start) -> None:
    actor = await start()
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B)])
    await actor.settled()
    before, policies = await spent(actor), await actor.policies()

    await actor.produce("pod-events", [(b"gabuscemaw", each.value) for each in bad(POD_EVENTS)])
    await actor.produce(
        "firewall-changes", [(b"main", each.value) for each in bad(FIREWALL_CHANGES)]
    )
    await actor.produce("pod-events", [(b"\xff\xfe", b'{"podName":"p","event":"ADDED"}')])
    await actor.settled()

    letters = Counter(
        (letter["topic"], letter["reason"]) for letter in (await actor.dead_letters()).values()
    )
    expected = Counter(("pod-events", each.reason) for each in bad(POD_EVENTS))
    expected += Counter(("firewall-changes", each.reason) for each in bad(FIREWALL_CHANGES))
    expected["pod-events", "bad-key"] += 1
    assert letters == expected
    assert await spent(actor) == before
    assert await actor.policies() == policies

    # And the pipeline goes on as if nothing had been.
    await actor.write_rules([allow(A, B), allow(C, B)])
    await actor.settled()
    assert (await spent(actor))[0] == before[0] + 2
