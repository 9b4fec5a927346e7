"""Write down whole what one graph's rows say, for a replay to begin there: a key frame.

What a graph was told comes in one order, and is kept for a while; with a key frame now and then
any moment of that while is a frame and the facts after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from pydantic import Field

from streams.flow.graph_rows import GateRow, GraphRow, PodsRow
from streams.flow.index import GraphIndex
from streams.records.base import Record

MOST_BYTES = 256 << 10


class KeyFrame(Record):
    """A part of what the rows of a graph said after the fact at the offset ``at``.

    Keys are the rows' own within their graph; all ``of`` parts of one ``at`` are the frame.
    """

    graph: str
    at: int
    part: int = Field(ge=1)
    of: int = Field(ge=1)
    pods: dict[str, PodsRow] = Field(default_factory=dict)
    rows: dict[str, GraphRow] = Field(default_factory=dict)


def is_due(gate: GateRow, now: float, every: float) -> bool:
    """Tell whether a frame is due after a whole listing; one comes at least so often (seconds).

    Listings that somebody's waiting asks for come between, and put off the one by the clock.
    """
    return gate.open and now >= gate.framed + every / 2


def frame(graph: str, index: GraphIndex, at: int) -> list[KeyFrame]:
    """Return the parts of a frame, each small enough to travel; one row alone may be larger."""
    parts = list(_parts(graph, index, at))
    return [each.model_copy(update={"of": len(parts)}) for each in parts]


def complete(parts: Sequence[KeyFrame]) -> list[KeyFrame]:
    """Return the parts of the newest frame that is whole among these; nothing if none is."""
    found: dict[int, dict[int, KeyFrame]] = {}
    for each in parts:
        # A fact handled again after a kill is framed again: the same rows, or later ones.
        found.setdefault(each.at, {})[each.part] = each
    for at in sorted(found, reverse=True):
        frame = found[at]
        if all(each.of == len(frame) for each in frame.values()):
            return [frame[part] for part in sorted(frame)]
    return []


def _parts(graph: str, index: GraphIndex, at: int) -> Iterator[KeyFrame]:
    pods: dict[str, PodsRow] = {}
    rows: dict[str, GraphRow] = {}
    number, size = 1, 0
    both: Iterator[tuple[str, PodsRow | GraphRow]] = chain(pods_rows(index), graph_rows(index))
    for key, row in both:
        length = len(key) + len(row.to_bytes())
        if size and size + length > MOST_BYTES:
            yield KeyFrame(graph=graph, at=at, part=number, of=number, pods=pods, rows=rows)
            number, size, pods, rows = number + 1, 0, {}, {}
        if isinstance(row, GraphRow):
            rows[key] = row
        else:
            pods[key] = row
        size += length
    yield KeyFrame(graph=graph, at=at, part=number, of=number, pods=pods, rows=rows)


def pods_rows(index: GraphIndex) -> Iterator[tuple[str, PodsRow]]:
    """Yield the rows of ``graph-pods`` that an index was built from."""
    for key, pod in index.pods.items():
        yield key, PodsRow(pod=pod)
    for key, binding in index.bindings.items():
        yield key, PodsRow(binding=binding)
    for verdict in index.verdicts.values():
        yield verdict.key, PodsRow(verdict=verdict)


def graph_rows(index: GraphIndex) -> Iterator[tuple[str, GraphRow]]:
    """Yield the rows of ``graph-rules`` that an index was built from."""
    yield "", GraphRow(gate=index.gate)
    for key, rule in index.rules.items():
        yield key, GraphRow(rule=rule)
    for key, firewall in index.firewalls.items():
        yield f"{key}|", GraphRow(firewall=firewall)
    for key, part in index.parts.items():
        yield key, GraphRow(part=part)
    for at, said in index.said.items():
        yield f"said|{at}", GraphRow(said=said)
    for verdict in index.verdicts.values():
        yield verdict.key, GraphRow(verdict=verdict)
