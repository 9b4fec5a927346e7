"""Word a policy for people: how it stands, which rules open it, and what differs from both."""

from __future__ import annotations

from collections.abc import Iterator

from agents.asking.origins import Origin
from agents.asking.why import Beside, Why
from deploy.cli.worded import not_exact, rule_lines, rule_place
from streams.records.views import Direction


def page(found: Why) -> Iterator[str]:
    """Yield it line by line: how it stands first."""
    yield from _standing(found)
    for direction in Direction:
        openings = [each for each in found.openings if each.direction == direction]
        if openings:
            yield from ("", direction.capitalize())
        for each in openings:
            yield from _opening(each)
    if found.unsaid:
        yield from ("", "Not exact", *not_exact(found.unsaid))
    for other in found.beside:
        yield from _beside(other)
    if found.difference:
        yield from ("", "Wanted - and stored +", *found.difference)


def _standing(found: Why) -> Iterator[str]:
    line = found.line
    yield f"{line.name}: {line.outcome}, revision {line.revision}, {line.drift}"
    if line.reason:
        yield line.reason
    took = f", {found.took} after its cause" if found.took else ""
    yield f"caused by {line.cause or 'what is not known'}; answered {line.at or 'not yet'}{took}"
    if found.wanted is None:
        yield "no manifest: the cluster should not hold this policy"


def _opening(each: Origin) -> Iterator[str]:
    yield f"  {each.number}. {', '.join(each.peers)}: {each.ports}"
    if each.why:
        yield f"    {each.why}"
    for rule in each.rules:
        yield f"    {rule.text}"
        for line in rule_place(rule):
            yield f"  {line}"


def _beside(each: Beside) -> Iterator[str]:
    yield from ("", f"Added by policy {each.name} ({'ours' if each.ours else 'foreign'})")
    for added in each.adds:
        yield f"    {added.direction} rule {added.number}{':' if added.rule else ', for everybody'}"
        yield from rule_lines(added.rule)
