"""Identities: what nodes of a graph stand for where they are no pods, and of one all it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.asking.changes import Change, changes_of
from agents.asking.policies import Policy, PolicyLine, policy_line, policy_of
from agents.asking.seen import Seen
from agents.asking.view import View, short
from agents.web.pages.page import NAMED, Named, NotHere, Page, WithGone, cut
from agents.web.pages.rules import RuleLine, rules_about


class IdentityLine(View):
    """One identity in a list: what it stands for, and at which addresses it is known."""

    key: str
    name: str
    address: str
    live: bool
    pods: tuple[str, ...]
    empty_since: str
    selector: dict[str, str]
    aliases: tuple[str, ...]
    shared_with: str
    policy: PolicyLine | None


class Alias(View):
    """An address that settings give to an identity, or that several claim."""

    address: str
    state: str
    set_for: str
    claimed_by: tuple[str, ...]


class Identities(View):
    """What nodes of the graph stand for where they are no pods, and for which pods each stands."""

    identities: tuple[IdentityLine, ...]
    aliases: tuple[Alias, ...]
    total: int
    next: str | None
    gaps: tuple[str, ...]


class Identity(View):
    """One identity whole: its pods, its addresses, its rules, its policy, and its past."""

    identity: IdentityLine
    uid: str
    rules: tuple[RuleLine, ...]
    policy: Policy | None
    history: tuple[Change, ...]
    gaps: tuple[str, ...]


def identities(seen: Seen, asked: WithGone) -> Identities:
    """Return the list."""
    known = seen.rows.identities
    found = (
        (key, f"{key} {told['kind']}/{told['name']} {told['address']} {' '.join(told['aliases'])}")
        for key, told in known.items()
        if asked.gone or told["live"]
    )
    keys, following, total = cut(found, asked)
    return Identities(
        identities=tuple(_line(seen, known[key]) for key in keys),
        aliases=tuple(map(Alias.model_validate, seen.rows.aliases)),
        total=total,
        next=following,
        gaps=seen.gaps,
    )


def identity(seen: Seen, asked: Named) -> Identity:
    """Return one identity; raise NotHere if no graph was told of it."""
    told = seen.rows.identities.get(asked.key)
    if told is None:
        raise NotHere(f"no identity {asked.key} is known")
    return Identity(
        identity=_line(seen, told),
        uid=told["uid"],
        rules=rules_about(seen, asked.key),
        policy=policy_of(seen, asked.key) if asked.key in seen.rows.wanted else None,
        history=changes_of(seen.past, asked.key),
        gaps=seen.gaps,
    )


def _line(seen: Seen, told: Mapping[str, Any]) -> IdentityLine:
    key = told["key"]
    return IdentityLine(
        key=key,
        name=f"{told['namespace']}/{told['kind']}/{told['name']}",
        address=told["address"] or "",
        live=told["live"],
        pods=tuple(f"{key.rpartition('/')[0]}/{name}" for name in told["pods"]),
        empty_since=told["emptySince"],
        selector=told["selector"],
        aliases=tuple(told["aliases"]),
        shared_with=short(told["sharedWith"]),
        policy=policy_line(seen, key) if key in seen.rows.wanted else None,
    )


PAGES = (
    Page("/identities", "identities.html", identities, WithGone, Identities, ("stored",)),
    Page(f"/identities/{NAMED}", "identity.html", identity, Named, Identity, ("past", "stored")),
)
