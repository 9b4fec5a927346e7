"""Word an explanation for people: first the answer, then the reason, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from agents.asking.explained import Closing, Explained, Half, Said, Way
from agents.asking.unsaid import Unsaid
from deploy.cli.showing import PIPED_WIDTH


def sentences(found: Explained) -> Iterator[str]:
    """Yield the answer line by line; of several ways one is shown, one that is closed before."""
    port = f" at {found.port}" if found.port else ""
    does = "reaches" if found.reaches else "does not reach"
    yield f"{'yes' if found.reaches else 'no'}: {found.source} {does} {found.to}{port}"
    yield found.why
    if found.ways:
        yield from _way(min(found.ways, key=lambda each: each.reaches))


def _way(way: Way) -> Iterator[str]:
    if way.ports and not (way.reaches and way.ports == way.port):
        yield f"All that gets through: {way.ports}"
    yield ""
    yield "Rules"
    yield from _rules(way)
    for half in (way.egress, way.ingress):
        yield ""
        yield from _half(half)
    if way.unsaid:
        yield ""
        yield "Not exact"
        yield from not_exact(way.unsaid)


def _rules(way: Way) -> Iterator[str]:
    if way.allowed is None:
        yield "  another part of this installation knows them"
    elif not way.rules:
        yield "  none is about it"
    # What decides comes first.
    for each in sorted(way.rules, key=lambda said: not said.decides):
        yield f"  {each.text}{'  <- decides' if each.decides else ''}"
        if each.decides:
            yield from rule_place(each)
    for each in way.orphaned:
        yield f"  {each.text}  (not for who has the addresses now: say it anew)"
        yield from rule_place(each)


def rule_place(said: Said) -> Iterator[str]:
    """Yield in whose list a rule stands, and where it was said."""
    yield f"    firewall {said.firewall} of graph {said.graph}; {said.order}"
    yield f"    said at {said.said}; key {said.key}"


def _half(half: Half) -> Iterator[str]:
    told = half.standing
    if half.elsewhere:
        yield f"{half.way.capitalize()} {half.pod}: {half.elsewhere}"
    else:
        yield f"{half.way.capitalize()} {half.pod}: {'passes' if half.lets else 'stops'}"
        if not half.policies:
            yield "  no policy selects it on this side: open"
    # What lets it through comes first; where nothing does, ours.
    for each in sorted(half.policies, key=lambda one: (not one.lets, not one.ours, one.name)):
        yield from _closing(half, each)
    if told is not None and not told.in_force:
        reason = f": {told.reason}" if told.reason else ""
        yield f"  revision {told.revision} of policy {told.key} is {told.words}{reason}"
    if told is not None and told.cause:
        yield f"  last changed by {told.cause}"


def _closing(half: Half, each: Closing) -> Iterator[str]:
    stands = half.standing is not None and half.standing.in_force and half.standing.key == each.key
    whose = f"revision {each.revision}" if each.revision else "ours" if each.ours else "foreign"
    does = "lets it through" if each.lets else "has no rule for it"
    yield f"  policy {each.name} ({whose}{', in force' if stands else ''}) {does}"
    side = "egress" if half.way == "out of" else "ingress"
    for opening in each.openings:
        yield f"    by {side} rule {opening.number}{':' if opening.rule else ', for everybody'}"
        yield from rule_lines(opening.rule)


def rule_lines(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield a rule of a policy, a line for each of its parts."""
    for name, value in rule.items():
        said = yaml.safe_dump(value, default_flow_style=True, width=PIPED_WIDTH)
        yield f"      {name}: {said.strip()}"


def not_exact(unsaid: Iterable[Unsaid]) -> Iterator[str]:
    """Yield where policies are not their rules, and what to do."""
    for each in unsaid:
        yield f"  {each.errs} than {each.rule}: {each.meaning or each.reason}"
        if each.example:
            yield f"    for example {each.example}"
        if each.advice:
            yield f"    {each.advice}"
