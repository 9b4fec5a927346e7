"""No decoder lets anything out but a valid value or its documented refusal, whatever it is given.

A few seconds of what `make fuzz` does for hours: without its guide and its clock, by the same dice
each time.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.found import FOUND
from tests.fuzz.mutating import mutated
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

MOST_KEPT = 200


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_whatever_it_is_given_a_decoder_keeps_its_promise(target: Target) -> None:
    for raw in target.seeds:
        target.take(raw)

    random, known = Random(target.name), list(target.seeds)
    for _ in range(target.quick):
        raw = mutated(random.choice(known), random, target.seeds, target.head)
        target.take(raw)
        if random.random() < 0.3 and len(known) < MOST_KEPT:
            known.append(raw)


def test_what_was_found_belongs_to_a_target() -> None:
    assert FOUND.keys() <= TARGETS.keys()


def test_dice_that_fall_alike_change_an_input_alike() -> None:
    raw = b'{"a": [1, {"b": "c"}]}'

    once, again = ([mutated(raw, Random(n), [raw]) for n in range(200)] for _ in range(2))

    assert once == again
    assert len(set(once)) > 150


def test_a_target_tells_an_input_that_costs_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.target.MOST_SECONDS", -1.0)

    with pytest.raises(AssertionError, match="for 3 bytes"):
        Target("free", len, []).feed(b"abc")
