"""Pods: who is known, and of one pod its rules, its policy, its peers and its past."""

from __future__ import annotations

from agents.asking.changes import Change, changes_of
from agents.asking.identities import policy_key
from agents.asking.policies import Policy, PolicyLine, policy_line, policy_of
from agents.asking.seen import Seen
from agents.asking.view import View, short
from agents.web.pages.page import NAMED, Named, NotHere, Page, WithGone, cut
from agents.web.pages.reach import Peer, peers_of
from agents.web.pages.rules import RuleLine, rules_about
from streams.flow.tracker import PodRow


class PodLine(View):
    """One pod in a list."""

    key: str
    name: str
    address: str
    uid: str
    incarnation: int
    live: bool
    identity: str
    policy: PolicyLine | None


class Pods(View):
    """The pods that are known, and whether each is protected."""

    pods: tuple[PodLine, ...]
    total: int
    next: str | None
    gaps: tuple[str, ...]


class Pod(View):
    """One pod whole: its rules, its policy, whom it reaches and who reaches it, and its past."""

    pod: PodLine
    labels: dict[str, str]
    rules: tuple[RuleLine, ...]
    policy: Policy | None
    reaches: tuple[Peer, ...]
    reached_by: tuple[Peer, ...]
    more_peers: bool
    history: tuple[Change, ...]
    gaps: tuple[str, ...]


def pods(seen: Seen, asked: WithGone) -> Pods:
    """Return the list."""
    known = seen.rows.pods
    found = (
        (key, f"{key} {row.pod.address}") for key, row in known.items() if asked.gone or row.live
    )
    keys, following, total = cut(found, asked)
    lines = tuple(_line(seen, key, known[key]) for key in keys)
    return Pods(pods=lines, total=total, next=following, gaps=seen.gaps)


def pod(seen: Seen, asked: Named) -> Pod:
    """Return one pod; raise NotHere if nobody ever saw it."""
    row = seen.rows.pods.get(asked.key)
    if row is None:
        raise NotHere(f"no pod {asked.key} is known")
    out, into, more = peers_of(seen, short(asked.key))
    line = _line(seen, asked.key, row)
    return Pod(
        pod=line,
        labels=dict(row.pod.labels),
        rules=rules_about(seen, line.identity or asked.key),
        policy=policy_of(seen, line.policy.key) if line.policy else None,
        reaches=out,
        reached_by=into,
        more_peers=more,
        history=changes_of(seen.past, policy_key(row.pod)),
        gaps=seen.gaps,
    )


def _line(seen: Seen, key: str, row: PodRow) -> PodLine:
    selecting = policy_key(row.pod)
    return PodLine(
        key=key,
        name=short(key),
        address=row.pod.address or "",
        uid=row.pod.uid,
        incarnation=row.pod.incarnation,
        live=row.live,
        identity=selecting if selecting != key else "",
        policy=policy_line(seen, selecting) if selecting in seen.rows.wanted else None,
    )


PAGES = (
    Page("/pods", "pods.html", pods, WithGone, Pods, ("stored",)),
    Page(f"/pods/{NAMED}", "pod.html", pod, Named, Pod, ("past", "stored")),
)
