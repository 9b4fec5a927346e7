"""Fuzz one target, guided by which of our lines it reaches: NAME, then what libFuzzer takes.

With the file of an input instead, that input is taken once.
"""

from __future__ import annotations

import sys
from random import Random

import atheris

from tests.fuzz.mutating import mutated

with atheris.instrument_imports(include=["streams", "tables", "agents", "deploy"]):
    from tests.fuzz.targets import TARGETS


def main(name: str, *options: str) -> None:
    """Fuzz until the time is up, or a finding ends the process."""
    target = TARGETS[name]

    def mutate(raw: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            return bytes(atheris.Mutate(raw, most))
        return mutated(raw, random, target.seeds, target.head)[:most]

    atheris.Setup([name, *options], target.feed, custom_mutator=mutate)
    atheris.Fuzz()


main(*sys.argv[1:])
