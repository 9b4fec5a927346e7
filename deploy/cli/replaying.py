"""Replay one graph to a moment, under our settings and beside them under others."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn

from agents.asking.moments import Moment, time_text
from deploy.cli.answers import errors
from deploy.cli.facts import History
from deploy.judging import judging_of
from streams.flow.compiler import Compiling
from streams.flow.replaying import Replay
from streams.flow.router import Routing
from streams.records.base import Record
from streams.records.cause import Cause, Source
from streams.records.facts import FirewallChange, GraphFact
from streams.records.marks import Mark
from streams.records.pods import PodEvent
from streams.records.policies import PolicyPatch
from streams.rules.wording import one_line
from streams.settings import Settings

Json = dict[str, Any]
# Of causes, each is a question to the broker.
MOST_EXPLAINED = 200
MOST_RULES = 3
Report = Callable[[int, Source], None]


@dataclass
class Past:
    """How far replays came: ``began`` at the frame of that offset, or before everything."""

    replays: tuple[Replay, ...]
    began: int | None
    last: Source | None = None
    facts: int = 0

    @property
    def replay(self) -> Replay:
        """The one under our own settings."""
        return self.replays[0]

    @property
    def offset(self) -> int:
        """The offset of the last fact that was taken."""
        if self.last is not None:
            return self.last.offset
        return -1 if self.began is None else self.began

    def take(self, fact: GraphFact, source: Source) -> set[str]:
        """Tell all of them one fact; return of whom ours spoke."""
        spoken_of, *_ = [replay.take(fact, source) for replay in self.replays]
        self.facts, self.last = self.facts + 1, source
        return spoken_of

    def as_data(self) -> Json:
        """Return how far it came, as plain data."""
        return {
            "frame": self.began,
            "facts": self.facts,
            "fact": self.offset,
            "at": time_text(self.last.at) if self.last else "",
        }


@contextmanager
def progress() -> Iterator[Report]:
    """Show on a terminal how far a replay is; how many facts there will be is not known."""
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("looking for where to begin")

        def report(facts: int, source: Source) -> None:
            if facts % 100 == 1:
                bar.update(task, description=f"{facts:,} facts, {time_text(source.at)}")

        yield report


def replay_of(settings: Settings) -> Replay:
    """Return an empty replay of the graph that is set, which reads rules as the settings say."""
    clusters = settings.clusters
    limit = settings.rules.blast_limit
    routing = Routing(
        settings.kafka.partitions, 0, clusters, judging_of(settings), blast_limit=limit
    )
    return Replay(settings.graph.name, routing, Compiling(settings.instance, 0, clusters))


async def replay_to(
    history: History, settings: Settings, until: Moment, report: Report, *others: Replay
) -> Past:
    """Return the graph as it was at a moment; others are told the same beside it."""
    parts = await history.frame(until)
    past = Past((replay_of(settings), *others), parts[0].at if parts else None)
    for replay in past.replays if parts else ():
        replay.begin(parts)
    async for fact, source in history.facts(past.offset, until):
        past.take(fact, source)
        report(past.facts, source)
    return past


async def replay_on(history: History, past: Past, until: Moment, report: Report) -> list[Json]:
    """Take the past on to a later moment; return every policy that changed on the way, and why."""
    patches = past.replay.patches()
    held = {key for key, patch in patches.items() if patch.manifest is not None}
    found: list[Json] = []
    async for fact, source in history.facts(past.offset, until):
        past.take(fact, source)
        for patch in past.replay.news():
            found.append(_change(patch, source, held))
            (held.discard if patch.manifest is None else held.add)(patch.key)
        report(past.facts, source)
    await _explain(found, history)
    return found


def _change(patch: PolicyPatch, source: Source, held: Container[str]) -> Json:
    gone, new = patch.manifest is None, patch.key not in held
    cause = patch.cause or source.cause()
    return {
        "at": time_text(source.at),
        "fact": source.offset,
        "policy": patch.key.partition("/")[2],
        "change": "removed" if gone else "created" if new else "changed",
        "cause": {**cause.model_dump(mode="json"), "said": ""},
    }


async def _explain(found: Iterable[Json], history: History) -> None:
    """Say of every change what the record said that caused it."""
    known: dict[Cause, str] = {}
    for each in found:
        cause = Cause.model_validate(each["cause"])
        if cause not in known and len(known) < MOST_EXPLAINED:
            known[cause] = said(await history.caused(cause))
        each["cause"]["said"] = known.get(cause, "")


def said(record: Record | None) -> str:
    """Return in one line what a record said from which a change follows."""
    if record is None:
        return "not kept any more"
    mark = getattr(record, "mark", None)
    if isinstance(mark, Mark):
        return f"{mark.kind} of {mark.cluster or mark.graph or getattr(record, 'graph', '')}"
    if isinstance(record, PodEvent):
        kind = "Service" if record.service is not None else "pod"
        where = f"{record.namespace}/{record.pod_name} at {record.pod_ip or 'no address'}"
        return f"{record.event} {kind} {where}"
    if isinstance(record, FirewallChange):
        return f"{record.firewall}: {_rules(record)}"
    return type(record).__name__


def _rules(change: FirewallChange) -> str:
    if change.gone:
        return "gone"
    default = [f"default {change.default_action}"] if change.default_action else []
    whole = [f"{len(change.elements)} rules in all"] if change.elements is not None else []
    added = [f"+ {one_line(rule)}" for rule in change.added]
    removed = [f"- {one_line(rule)}" for rule in change.removed]
    listed = [*added, *removed][:MOST_RULES]
    more = len(added) + len(removed) - len(listed)
    return "; ".join([*default, *whole, *listed, *([f"and {more} more"] if more else [])])
