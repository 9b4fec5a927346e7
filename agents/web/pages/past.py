"""Past: who reached whom at any moment that is kept, by which rules, and what changed since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.asking.changes import recent
from agents.asking.seen import Past, Picture, Seen
from agents.asking.view import View
from agents.web.pages.page import AtMoment, Listing, Page
from streams.flow.fence import INSTANCE
from streams.policy.changing import changes
from streams.policy.dialects.standing import NAME, STANDING
from streams.policy.flows import Flows
from streams.policy.reach import Reach
from streams.rules.portsets import PortSet

MOST_RULES = 500
# A step for each: one slides past them.
MOST_STEPS = 200


class PastAsked(AtMoment, Listing):
    """What may be asked of the past."""


class PastPod(View):
    """A pod that lived: what its policy was last changed by, and whom it reached."""

    name: str
    address: str
    cause: str
    reaches: tuple[str, ...]


class Since(View):
    """What one may send to another now and could not, and what it could and may not."""

    source: str
    to: str
    opened: str
    closed: str


class Moment(View):
    """How far the past was followed: the last fact of the graph, and when that was said."""

    fact: int
    said: str
    facts: int
    begins: str


class ThePast(View):
    """Who reached whom at a moment, by which rules, and what changed since."""

    at: str
    moment: Moment | None
    pods: tuple[PastPod, ...]
    total: int
    next: str | None
    rules: tuple[str, ...]
    policies: int
    since: tuple[Since, ...]
    more: bool
    steps: tuple[str, ...]
    earlier: str
    later: str
    gaps: tuple[str, ...]


def past(seen: Seen, asked: PastAsked) -> ThePast:
    """Return the moment, as far as it is known."""
    steps = sorted({each.at for each in recent(seen.past)})[-MOST_STEPS:]
    pods = [pod for pod in _pods(seen) if asked.q.lower() in f"{pod.name} {pod.address}".lower()]
    behind = [pod for pod in pods if pod.name > asked.after]
    shown = behind[: asked.limit]
    since = list(_since(seen)) if seen.then and seen.cluster.known else []
    rules = seen.then.then.rules if seen.then else ()
    said = seen.then.then.place.at if seen.then else ""
    return ThePast(
        at=asked.at,
        moment=_moment(seen.then) if seen.then else None,
        pods=tuple(shown),
        total=len(pods),
        next=shown[-1].name if len(behind) > len(shown) else None,
        rules=rules[:MOST_RULES],
        policies=len(seen.shown.stored.policies) if seen.then else 0,
        since=tuple(since[:MOST_RULES]),
        more=len(since) > MOST_RULES or len(rules) > MOST_RULES,
        steps=tuple(steps),
        earlier=max((each for each in steps if each < said), default=""),
        later=min((each for each in steps if said < each), default=""),
        gaps=seen.gaps,
    )


def _moment(found: Past) -> Moment:
    place = found.then.place
    begins = "the beginning" if place.frame is None else f"key frame {place.frame}"
    return Moment(fact=place.fact, said=place.at, facts=place.facts, begins=begins)


def _pods(seen: Seen) -> Iterator[PastPod]:
    if seen.then is None:
        return
    reached: dict[str, list[str]] = {}
    for source, to, ports in seen.shown.flows:
        reached.setdefault(source, []).append(f"{to} {_text(ports)}")
    for name, pod in sorted(seen.shown.stored.pods.items()):
        yield PastPod(
            name=name,
            address=pod["status"]["podIP"],
            cause=seen.then.then.causes.get(name, ""),
            reaches=tuple(reached.get(name, ())),
        )


def _since(seen: Seen) -> Iterator[Since]:
    now = Flows(seen.cluster.stored.pods, _ours(seen.cluster), seen.cluster.stored.labels)
    for each in changes(seen.shown.flows, now, seen.judging.outside):
        opened, closed = (_text(ports) if ports else "" for ports in (each.opens, each.closes))
        yield Since(source=each.source, to=each.destination, opened=opened, closed=closed)


def _ours(cluster: Picture) -> Iterator[dict[str, Any]]:
    """Yield the policies that the history knows as well: no allowances, and nobody else's."""
    for each in cluster.policies.values():
        labels = each["metadata"].get("labels") or {}
        if INSTANCE in labels or (STANDING in labels and each["metadata"]["name"] == NAME):
            yield each


def _text(ports: PortSet) -> str:
    return Reach(ports).text or "ICMP"


PAGES = (Page("/past", "past.html", past, PastAsked, ThePast, ("past", "stored")),)
