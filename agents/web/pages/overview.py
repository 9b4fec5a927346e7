"""Overview: what is wrong first, then how the workers fare, then what changed lately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agents.asking.changes import Change, recent
from agents.asking.condition import Letters, condition
from agents.asking.letters import list_letters
from agents.asking.newest import Newest
from agents.asking.seen import Seen
from agents.asking.view import View
from agents.web.pages.page import Asked, Page
from streams.flow.output import DEAD_LETTERS

MOST_EXAMPLES = 8
MOST_CHANGES = 12
# What is meant so, or only to be known; everything else wants somebody.
_MILD = ("inexact", "shadow")
_LINKS = {
    "dead letters": "/dead-letters",
    "no address": "/identities",
    "disputed alias": "/identities",
    "alias of nobody": "/identities",
    "inexact": "/policies?q=inexact",
    "refused": "/policies?q=REFUSED",
    "unprotected": "/policies?q=UNPROTECTED",
    "foreign": "/policies?q=FOREIGN",
    "shadow": "/policies?q=SHADOWED",
}


class Example(View):
    """One thing that is wrong."""

    about: str
    detail: str
    policy: str


class Trouble(View):
    """Everything that is wrong in one way."""

    kind: str
    severe: bool
    count: int
    examples: tuple[Example, ...]
    link: str


class Worker(View):
    """How one worker fares."""

    name: str
    url: str
    version: str
    ready: bool
    reasons: tuple[str, ...]
    partitions: int
    lag: int
    hands: tuple[str, ...]


class Overview(View):
    """What is wrong first, then how the workers fare, then what changed lately."""

    ready: bool
    troubles: tuple[Trouble, ...]
    workers: tuple[Worker, ...]
    allowed: dict[str, int]
    counts: dict[str, int]
    changes: tuple[Change, ...]
    gaps: tuple[str, ...]


def overview(seen: Seen, asked: Asked) -> Overview:
    """Return the overview."""
    letters = list_letters(seen.letters.newest.get(DEAD_LETTERS, Newest((), False)).records)
    found = condition(seen.rows.answers, Letters(letters))
    return Overview(
        ready=found["ready"],
        troubles=tuple(_troubles(seen, found["wrong"], letters)),
        workers=tuple(map(_worker, found["workers"])),
        allowed=found["allowed"],
        counts=found["counts"] | {"dead letters": len(letters)},
        changes=tuple(recent(seen.past)[:MOST_CHANGES]),
        gaps=seen.gaps,
    )


def _troubles(
    seen: Seen, wrong: list[Mapping[str, str]], letters: list[dict[str, Any]]
) -> Iterator[Trouble]:
    by_kind: dict[str, list[Example]] = {}
    for each in wrong:
        known = each["about"] if each["about"] in seen.rows.wanted else ""
        example = Example(about=each["about"], detail=each["detail"], policy=known)
        by_kind.setdefault(each["kind"], []).append(example)
    if letters:
        by_kind["dead letters"] = [
            Example(about=each["key"], detail=each["reason"], policy="") for each in letters[::-1]
        ]
    for kind, examples in sorted(by_kind.items(), key=lambda item: item[0] in _MILD):
        yield Trouble(
            kind=kind,
            severe=kind not in _MILD,
            count=len(examples),
            examples=tuple(examples[:MOST_EXAMPLES]),
            link=_LINKS.get(kind, ""),
        )


def _worker(told: Mapping[str, Any]) -> Worker:
    return Worker(
        name=told["worker"],
        url=told["url"],
        version=told["version"],
        ready=told["ready"],
        reasons=tuple(told["reasons"]),
        partitions=told["partitions"],
        lag=told["lag"],
        hands=tuple(_doing(told["hands"])),
    )


def _doing(hands: Mapping[str, Any]) -> Iterator[str]:
    watcher, applier = hands.get("pod_watcher", {}), hands.get("policy_applier", {})
    keeper = hands.get("graph_keeper", {})
    if watcher.get("leading"):
        yield "watches the pods"
    if applier.get("pending"):
        yield f"{applier['pending']} policies pending"
    if keeper.get("aligned"):
        yield f"keeps graph {keeper.get('graph')}"


PAGES = (Page("/", "overview.html", overview, Asked, Overview, ("letters", "past")),)
