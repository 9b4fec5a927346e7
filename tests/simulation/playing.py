"""One seeded world from its beginning to its end, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.running import ALL_FAULTS, NO_FAULTS, Faults, Run


def play(
    seed: int,
    acts: int = 12,
    faults: Faults = ALL_FAULTS,
    trace: Callable[[str], None] | None = None,
    limit: int | None = None,
    world: type[Run] = Run,
) -> list[str]:
    """Play one world to its end, and return what was wrong."""
    run = world(seed, faults, trace, limit)
    run.begin()
    run.chaos(acts)
    run.settle()
    # A producer of five fields may learn the proper key, but not while something is on its way.
    run.people.foreign_key = None
    if run.chance.random() < 0.5:
        _begin_anew(run)
    run.chaos(acts)
    run.settle()
    _rebuild(run)
    return run.judge.violations


def _begin_anew(run: Run) -> None:
    if run.faults != NO_FAULTS:
        # Nobody looks while the topics are lost, and the world goes on.
        for _ in range(3):
            run.people.change()
    before, told = run.judge.spec_writes, run.is_told_again()
    run.begin_anew()
    run.wander(300)
    # Crashes and zombies may bring what was said before; without them nothing may change.
    if run.faults == NO_FAULTS and told:
        run.settle()
        if run.judge.spec_writes != before:
            run.judge.violations.append("on new topics policies became others for a while")


def _rebuild(run: Run) -> None:
    run.broker.late.clear()
    run.wipe()
    before = run.cluster.writes
    run.settle()
    if run.cluster.writes != before:
        run.judge.violations.append(f"rebuilding wrote {run.cluster.writes - before} times")
