"""Policies: what is wanted, what is stored, what came of it, and whether somebody changed it."""

from __future__ import annotations

from agents.asking.policies import PolicyLine, policy_line
from agents.asking.seen import Seen
from agents.asking.view import View, short
from agents.asking.why import Why, why_of
from agents.web.pages.page import NAMED, Named, NotHere, Page, WithGone, cut


class Policies(View):
    """Every policy: what is wanted, what is stored, and what came of it."""

    policies: tuple[PolicyLine, ...]
    total: int
    next: str | None
    foreign: tuple[str, ...]
    gaps: tuple[str, ...]


def policies(seen: Seen, asked: WithGone) -> Policies:
    """Return the list."""
    found = (
        (key, f"{key} {seen.rows.came_of(key)} {'inexact' if patch.inexact else ''}")
        for key, patch in seen.rows.wanted.items()
        if asked.gone or patch.manifest is not None or patch.unprotected
    )
    keys, following, total = cut(found, asked)
    known = {short(key) for key in seen.rows.wanted}
    return Policies(
        policies=tuple(policy_line(seen, key) for key in keys),
        total=total,
        next=following,
        foreign=tuple(sorted(name for name in seen.cluster.policies if name not in known)),
        gaps=seen.gaps,
    )


def policy(seen: Seen, asked: Named) -> Why:
    """Return one policy; raise NotHere if nobody ever wanted it."""
    if asked.key not in seen.rows.wanted:
        raise NotHere(f"no policy {asked.key} is known")
    return why_of(seen, asked.key)


PAGES = (
    Page("/policies", "policies.html", policies, WithGone, Policies, ("stored",)),
    Page(f"/policies/{NAMED}", "policy.html", policy, Named, Why, ("stored",)),
)
