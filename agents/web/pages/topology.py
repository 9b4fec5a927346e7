"""Topology: who reaches whom under the stored policies, as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import cos, pi, sin

from pydantic import Field

from agents.asking.seen import Seen
from agents.asking.view import View
from agents.web.pages.page import Asked, Page
from streams.policy.reach import Reach

# Beyond it pods are drawn as their namespaces.
MOST_PODS = 500
MOST_LINES = 4_000
# Between two names on the rim.
SPACING = 18.0
LEAST_RADIUS = 200.0
# From a place to its name.
OFF = 12.0
# For the names, beside and above the places.
BESIDE = 110.0
ABOVE = 40.0
# More names than this have no room unless they are turned.
MOST_UPRIGHT = 24


class TopologyAsked(Asked):
    """What may be asked of the picture."""

    namespace: str = Field(default="", max_length=253, description="Only pods of this namespace.")


class Label(View):
    """How a name is written beside its place: turned outwards where there are many."""

    turn: float
    x: float
    y: float
    anchor: str


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
    every = sorted(seen.cluster.stored.pods)
    names = [each for each in every if asked.namespace in ("", _home(each))]
    grouped = len(names) > MOST_PODS
    pods = Counter(map(_home, names)) if grouped else Counter(names)
    radius = max(LEAST_RADIUS, len(pods) * SPACING / (2 * pi))
    keys = {each: key for each in names if (key := seen.rows.key(each)) in seen.rows.pods}
    nodes = {node.name: node for node in _nodes(pods, radius, keys)}
    flows = list(_flows(seen, set(names)))
    lines = _grouped(flows) if grouped else [(one, two, ports, 1) for one, two, ports in flows]
    return Topology(
        namespace=asked.namespace,
        namespaces=tuple(sorted(set(map(_home, every)))),
        grouped=grouped,
        nodes=tuple(nodes.values()),
        lines=tuple(_line(nodes, *each) for each in lines[:MOST_LINES]),
        flows=len(flows),
        more=len(lines) > MOST_LINES,
        width=round(2 * (radius + BESIDE), 1),
        height=round(2 * (radius + (BESIDE if len(pods) > MOST_UPRIGHT else ABOVE)), 1),
        gaps=seen.gaps,
    )


def _nodes(pods: Counter[str], radius: float, keys: dict[str, str]) -> Iterator[Node]:
    for number, (name, count) in enumerate(sorted(pods.items())):
        angle = 2 * pi * number / len(pods) - pi / 2
        yield Node(
            name=name,
            key=keys.get(name, ""),
            label=name.rpartition("/")[2],
            pods=count,
            x=round(radius * cos(angle), 1),
            y=round(radius * sin(angle), 1),
            text=_turned(angle) if len(pods) > MOST_UPRIGHT else _upright(angle),
        )


def _turned(angle: float) -> Label:
    degrees = round(angle * 180 / pi, 2)
    if cos(angle) >= 0:
        return Label(turn=degrees, x=OFF, y=0, anchor="start")
    # On the left, names would stand on their heads.
    return Label(turn=degrees + 180, x=-OFF, y=0, anchor="end")


def _upright(angle: float) -> Label:
    x, y = round(OFF * cos(angle), 1), round(OFF * 1.4 * sin(angle), 1)
    anchor = "middle" if abs(cos(angle)) < 0.3 else "start" if cos(angle) > 0 else "end"
    return Label(turn=0, x=x, y=y, anchor=anchor)


def _flows(seen: Seen, names: set[str]) -> Iterator[tuple[str, str, str]]:
    for source, to, ports in seen.cluster.flows:
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
