"""Draw a Verefoo graph: as text for Graphviz, or as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from math import cos, pi, sin

from agents.asking.graphs import GraphNode, VerefooGraph
from agents.asking.plain import plain
from agents.asking.rim import BESIDE, OFF, Place, Rim
from streams.graph.model import ENDHOST

# Beyond it a picture shows nothing any more.
MOST_DRAWN = 1_000
# Of the way to the end hosts behind them; who has none is around the middle.
_INNER = 0.55
_MIDDLE = 30.0
# What is longer, or would lie over another, is only in the title of its node.
_MOST_LETTERS = 32
_LETTER = 6.5
_MOST_NAMED = 8
_STYLE = (
    "text{font:12px sans-serif;fill:#223}line{stroke:#99a}"
    "circle{fill:#2a6fdb}rect{fill:#c0392b}.one{stroke-dasharray:4 3}"
)
Spots = dict[int, tuple[float, float]]


def dot(graph: VerefooGraph) -> Iterator[str]:
    """Yield the graph in Graphviz's language."""
    yield f"digraph {_quoted(graph.graph)} {{"
    yield "  layout=neato; overlap=false; splines=true;"
    for node in graph.nodes:
        shape = "ellipse" if node.kind == ENDHOST else "box"
        label = "\\n".join(map(_escaped, _label(node)))
        yield f'  n{node.id} [shape={shape}, label="{label}"];'
    for link in graph.links:
        way = " [dir=none]" if link.both else ""
        yield f"  n{link.source} -> n{link.to}{way};"
    yield "}"


def svg(graph: VerefooGraph) -> Iterator[str]:
    """Yield the graph as a picture: end hosts around, and firewalls before those they serve."""
    hosts = [node for node in graph.nodes if node.kind == ENDHOST]
    rim = Rim(len(hosts))
    around = {node.id: place for node, place in zip(hosts, rim.places(), strict=True)}
    spots = {nid: (place.x, place.y) for nid, place in around.items()}
    spots |= _inside(graph, spots)
    width, height = (round(side + 2 * _beyond(hosts), 1) for side in rim.size)
    named = len(graph.nodes) - len(hosts) <= _MOST_NAMED
    box = f"{-width / 2:.1f} {-height / 2:.1f} {width} {height}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="{box}"><title>{escape(plain(graph.graph))}</title><style>{_STYLE}</style>'
    )
    for link in graph.links:
        (x1, y1), (x2, y2) = spots[link.source], spots[link.to]
        one = "" if link.both else ' class="one"'
        yield f'<line{one} x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
    for node in graph.nodes:
        yield from _drawn(node, spots[node.id], around.get(node.id), named)
    yield "</svg>"


def _drawn(
    node: GraphNode, spot: tuple[float, float], place: Place | None, named: bool
) -> Iterator[str]:
    whole, name = plain(" ".join(_label(node))), escape(_cut(plain(_label(node)[0])))
    yield f'<g transform="translate({spot[0]} {spot[1]})"><title>{escape(whole)}</title>'
    if place is None:
        yield '<rect x="-8" y="-8" width="16" height="16"/>'
        if named:
            yield f'<text y="24" text-anchor="middle">{name}</text>'
    else:
        at = place.label
        yield '<circle r="6"/>'
        yield (
            f'<text transform="rotate({at.turn})" x="{at.x}" y="{at.y}" dy=".32em"'
            f' text-anchor="{at.anchor}">{name}</text>'
        )
    yield "</g>"


def _cut(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"


def _beyond(hosts: Iterable[GraphNode]) -> float:
    """Return how far the longest name goes beyond the room that there is beside a rim."""
    longest = max((len(_cut(plain(_label(each)[0]))) for each in hosts), default=0)
    return max(0.0, OFF + _LETTER * longest - BESIDE)


def _inside(graph: VerefooGraph, hosts: Mapping[int, tuple[float, float]]) -> Spots:
    """Return where the others are: between the middle and the end hosts they are joined to."""
    joined: dict[int, set[int]] = {
        node.id: set[int]() for node in graph.nodes if node.id not in hosts
    }
    for link in graph.links:
        for one, two in ((link.source, link.to), (link.to, link.source)):
            if one in joined and two in hosts:
                joined[one].add(two)
    found: Spots = {}
    alone = [nid for nid, near in joined.items() if not near]
    for number, nid in enumerate(alone):
        angle, off = 2 * pi * number / len(alone), _MIDDLE if len(alone) > 1 else 0.0
        found[nid] = (round(off * cos(angle), 1), round(off * sin(angle), 1))
    for nid, near in joined.items():
        if near:
            mean = (sum(hosts[each][axis] for each in near) / len(near) for axis in (0, 1))
            x, y = (round(_INNER * each, 1) for each in mean)
            found[nid] = (x, y)
    return found


def _label(node: GraphNode) -> tuple[str, ...]:
    if node.stands_for:
        return (node.stands_for, node.name)
    rules = (f"{node.default_action}, {node.rules} rules",) if node.default_action else ()
    return (node.name, *rules)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')
