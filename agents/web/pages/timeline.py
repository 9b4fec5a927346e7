"""Timeline: what changed lately, by which cause and rules; and what opened and closed a flow."""

from __future__ import annotations

from pydantic import Field

from agents.asking.changes import Change, place_of, recent
from agents.asking.ends import Known
from agents.asking.explained import Explained
from agents.asking.explaining import explain
from agents.asking.reaching import parse_port
from agents.asking.seen import Seen
from agents.asking.turns import Turns
from agents.asking.view import View
from agents.web.pages.page import AlongFlow, Listing, Page


class TimelineAsked(Listing, AlongFlow):
    """What may be asked of the timeline."""

    every: bool = Field(default=False, description="Also what changed nothing.")


class Timeline(View):
    """What changed lately, the newest first; of a flow what opened and closed it, and why now."""

    flow: Turns | None
    now: Explained | None
    changes: tuple[Change, ...]
    total: int
    more: bool
    next: str | None
    gaps: tuple[str, ...]


def timeline(seen: Seen, asked: TimelineAsked) -> Timeline:
    """Return the changes, the newest first."""
    found = [
        each
        for each in recent(seen.past, every=asked.every)
        if asked.q.lower() in f"{each.policy} {each.outcome} {each.cause}".lower()
    ]
    behind = [each for each in found if not asked.after or place_of(each) < asked.after]
    shown = behind[: asked.limit]
    return Timeline(
        flow=seen.turns,
        now=_now(seen, asked) if asked.follows else None,
        changes=tuple(shown),
        total=len(found),
        more=any(each.more for each in seen.past.newest.values()),
        next=place_of(shown[-1]) if len(behind) > len(shown) else None,
        gaps=seen.gaps,
    )


def _now(seen: Seen, asked: AlongFlow) -> Explained | None:
    """Return what decides now; None where nobody is there any more, which the turns say."""
    known = Known(seen.rows, seen.cluster.stored, seen.judging, seen.cluster.known)
    try:
        port = parse_port(asked.port) if asked.port else None
        return explain(known, asked.source, asked.to, port)
    except ValueError:
        return None


PAGES = (Page("/timeline", "timeline.html", timeline, TimelineAsked, Timeline, ("past",)),)
