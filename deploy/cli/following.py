"""Follow a flow through what the broker keeps of a graph: the replay, looked at fact by fact."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from agents.asking.explained import Said
from agents.asking.moments import NOW
from agents.asking.turns import Course, Follower, Turn, Turns
from deploy.cli.facts import History
from deploy.cli.replaying import MOST_EXPLAINED, Report, replay_to, said
from deploy.cli.showing import table
from deploy.judging import judging_of
from streams.records.cause import Cause, Source
from streams.settings import Settings

_HEADERS = ("TIME", "FACT", "TURN", "CAUSE", "SAID", "WHY")


async def follow(history: History, settings: Settings, course: Course, report: Report) -> Turns:
    """Return what became of a flow since a moment; raise NoHistory if that is not kept."""
    past = await replay_to(history, settings, course.since, report)
    graph, began = past.replay.graph, past.offset
    follower = Follower(graph.name, course, judging_of(settings))
    if graph.index.gate.open:
        at = past.last or Source(topic="", partition=0, offset=began)
        follower.look(graph.index, at, None)
    async for fact, source in history.facts(began, NOW):
        if follower.concerns(past.take(fact, source)):
            follower.look(graph.index, source, fact.cause or source.cause())
        report(past.facts, source)
    told = past.as_data()
    return Turns(
        source=course.source,
        to=course.to,
        port=course.port.text if course.port else "",
        begins="the beginning" if past.began is None else f"key frame {past.began}",
        facts=told["facts"],
        turns=tuple(await _explained(follower, history)),
        more=follower.more,
    )


async def _explained(follower: Follower, history: History) -> list[Turn]:
    """Return the turns, the newest first, each with what the record said that caused it."""
    known: dict[Cause, str] = {}
    found: list[Turn] = []
    for turn, cause in reversed(follower.turns):
        if cause is not None and cause not in known and len(known) < MOST_EXPLAINED:
            known[cause] = said(await history.caused(cause))
        words = known.get(cause, "") if cause is not None else ""
        found.append(turn.model_copy(update={"said": words}))
    return found


def turns_page(found: Turns) -> Iterator[str | Table]:
    """Yield what people want to see of it."""
    port = f" at {found.port}" if found.port else ""
    yield f"{found.source} to {found.to}{port}, {found.facts} facts from {found.begins}"
    if found.turns:
        yield table(_HEADERS, map(_cells, found.turns))
    else:
        yield "nothing is known of it: they were not there together"


def _cells(turn: Turn) -> tuple[object, ...]:
    rules = (*map(_rule, turn.rules), *(f"before: {_rule(each)}" for each in turn.before))
    why = " ".join([turn.why, *(f"[{each}]" for each in rules)])
    return (turn.at, turn.fact, turn.turn, turn.cause or "-", turn.said or "-", why)


def _rule(said: Said) -> str:
    return f"{said.text} of {said.firewall}, said at {said.said}"
