"""Timeline: what changed lately, what it was caused by, and how long each hop took."""

from __future__ import annotations

from pydantic import Field

from agents.asking.changes import Change, place_of, recent
from agents.asking.seen import Seen
from agents.asking.view import View
from agents.web.pages.page import Listing, Page


class TimelineAsked(Listing):
    """What may be asked of the timeline."""

    every: bool = Field(default=False, description="Also what changed nothing.")


class Timeline(View):
    """What changed lately, the newest first: its cause, and how long each hop took."""

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
        changes=tuple(shown),
        total=len(found),
        more=any(each.more for each in seen.past.newest.values()),
        next=place_of(shown[-1]) if len(behind) > len(shown) else None,
        gaps=seen.gaps,
    )


PAGES = (Page("/timeline", "timeline.html", timeline, TimelineAsked, Timeline, ("past",)),)
