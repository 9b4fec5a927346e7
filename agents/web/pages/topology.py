"""Topology: who reaches whom under the stored policies, as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pydantic import Field

from agents.asking.rim import Label, Rim
from agents.asking.seen import Seen
from agents.asking.view import View
from agents.web.pages.page import AtMoment, Page
from streams.policy.reach import Reach

# Beyond it pods are drawn as their namespaces.
MOST_PODS = 500
MOST_LINES = 4_000


class TopologyAsked(AtMoment):
    """What may be asked of the picture."""

    namespace: str = Field(default="", max_length=253, description="Only pods of this namespace.")


class Node(View):
    """A pod, or a namespace that stands for its pods: a place on the rim, at an angle."""

    name: str
    key: str
    label: str
    pods: int
    x: float
    y: float
    text: Label


class Line(View):
    """What one sends to another; ``pairs`` of pods do."""

    source: str
    to: str
    ports: str
    pairs: int
    path: str


class Topology(View):
    """Who reaches whom under the stored policies, as a picture and as a list."""

    at: str
    namespace: str
    namespaces: tuple[str, ...]
    grouped: bool
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    flows: int
    more: bool
    width: float
    height: float
    gaps: tuple[str, ...]


def topology(seen: Seen, asked: TopologyAsked) -> Topology:
    """Return the picture: single pods, unless they are too many."""
    every = sorted(seen.shown.stored.pods)
    names = [each for each in every if asked.namespace in ("", _home(each))]
    grouped = len(names) > MOST_PODS
    pods = Counter(map(_home, names)) if grouped else Counter(names)
    rim = Rim(len(pods))
    width, height = rim.size
    keys = {each: key for each in names if (key := seen.rows.key(each)) in seen.rows.pods}
    nodes = {node.name: node for node in _nodes(pods, rim, keys)}
    flows = list(_flows(seen, set(names)))
    lines = _grouped(flows) if grouped else [(one, two, ports, 1) for one, two, ports in flows]
    return Topology(
        at=asked.at,
        namespace=asked.namespace,
        namespaces=tuple(sorted(set(map(_home, every)))),
        grouped=grouped,
        nodes=tuple(nodes.values()),
        lines=tuple(_line(nodes, *each) for each in lines[:MOST_LINES]),
        flows=len(flows),
        more=len(lines) > MOST_LINES,
        width=width,
        height=height,
        gaps=seen.gaps,
    )


def _nodes(pods: Counter[str], rim: Rim, keys: dict[str, str]) -> Iterator[Node]:
    for (name, count), place in zip(sorted(pods.items()), rim.places(), strict=True):
        yield Node(
            name=name,
            key=keys.get(name, ""),
            label=name.rpartition("/")[2],
            pods=count,
            x=place.x,
            y=place.y,
            text=place.label,
        )


def _flows(seen: Seen, names: set[str]) -> Iterator[tuple[str, str, str]]:
    for source, to, ports in seen.shown.flows:
        if source in names and to in names:
            yield source, to, Reach(ports).text or "ICMP"


def _grouped(flows: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str, int]]:
    pairs: Counter[tuple[str, str]] = Counter()
    ports: dict[tuple[str, str], set[str]] = {}
    for source, to, text in flows:
        between = (_home(source), _home(to))
        pairs[between] += 1
        ports.setdefault(between, set()).add(text)
    return [
        (one, two, "; ".join(sorted(ports[one, two])[:5]), count)
        for (one, two), count in sorted(pairs.items())
    ]


def _line(nodes: dict[str, Node], source: str, to: str, ports: str, pairs: int) -> Line:
    one, two = nodes[source], nodes[to]
    return Line(source=source, to=to, ports=ports, pairs=pairs, path=_path(one, two))


def _path(one: Node, two: Node) -> str:
    if one is two:
        # Outwards and back: pods of a namespace among themselves.
        return f"M{one.x} {one.y}Q{one.x * 1.15:.1f} {one.y * 1.15:.1f} {one.x} {one.y}"
    # Towards the middle, more so for who is far away; the way back lies beside the way there.
    bend_x, bend_y = (one.y - two.y) * 0.06, (two.x - one.x) * 0.06
    x, y = (one.x + two.x) * 0.12 + bend_x, (one.y + two.y) * 0.12 + bend_y
    return f"M{one.x} {one.y}Q{x:.1f} {y:.1f} {two.x} {two.y}"


def _home(name: str) -> str:
    return name.partition("/")[0]


PAGES = (Page("/topology", "topology.html", topology, TopologyAsked, Topology, ("stored",)),)
