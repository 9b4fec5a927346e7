"""Say what one side of a way lets through: its policies, their very rules, and how ours stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.asking.ends import Known, Peer, holder
from agents.asking.explained import Closing, Half, Opening, Standing
from agents.asking.reaching import Answer, Port, lets_through
from agents.asking.standing import NOT_KNOWN, PENDING, Drift, drift
from agents.asking.stored import is_ours
from agents.asking.view import short
from streams.flow.fence import REVISION
from streams.policy.reach import Side, name_of, openings
from streams.records.policies import Outcome, PolicyPatch

_WORDS = {
    PENDING: "wanted and not written yet",
    Outcome.REFUSED: "refused by the cluster",
    Outcome.FOREIGN: "not written: a policy of that name is somebody else's",
    Outcome.SHADOWED: "not written: the namespace is in shadow",
    Outcome.UNPROTECTED: "not written: no policy can select the pod",
    Outcome.DELETED: "deleted with its pod",
}
_DRIFTED = {
    Drift.DIFFERS: "changed by somebody since it was written",
    Drift.MISSING: "written, and not stored any more",
    Drift.LEFT: "still stored, though its pod is gone",
    Drift.UNKNOWN: "written; whether it still stands is not known",
}
_UNTOLD = "not known to be in force: another part of this installation knows what came of it"


def half(known: Known, answer: Answer, ends: tuple[Peer, Peer], leaves: bool) -> Half:
    """Return what a source's policies let out, or a destination's let in."""
    mine = ends[0] if leaves else ends[1]
    side = answer.egress if leaves else answer.ingress
    key = wanted_key(known, mine)
    return Half(
        way="out of" if leaves else "into",
        pod=mine.name,
        ports=side.reach.text,
        lets=lets_through(side.reach, answer.port),
        elsewhere=mine.elsewhere,
        policies=tuple(_closings(known, side, ends, leaves, answer.port)),
        standing=_standing(known, key, here=not mine.elsewhere) if key else None,
    )


def wanted_key(known: Known, peer: Peer) -> str:
    """Return the key of the policy that rules make for somebody; empty: there is none."""
    rows = known.rows
    held = (holder(rows, index, peer) for index in rows.graphs.values())
    keys = [each.key for each in held if each is not None]
    if not peer.elsewhere:
        keys += [rows.stands_for(peer.name), rows.key(peer.name)]
    return next((key for key in keys if key in rows.wanted), "")


def _closings(
    known: Known, side: Side, ends: tuple[Peer, Peer], leaves: bool, port: Port | None
) -> Iterator[Closing]:
    stored = {name_of(each): each for each in known.stored.policies}
    for name in side.policies:
        meta, key = stored[name]["metadata"], known.rows.key(name)
        found = tuple(_openings(known, stored[name], ends, leaves, port))
        yield Closing(
            name=name,
            key=key if key in known.rows.wanted else "",
            ours=is_ours(stored[name]),
            revision=(meta.get("annotations") or {}).get(REVISION, ""),
            lets=bool(found),
            openings=found,
        )


def _openings(
    known: Known, policy: Any, ends: tuple[Peer, Peer], leaves: bool, port: Port | None
) -> Iterator[Opening]:
    source, destination = (each.pod for each in ends)
    kind, peer = ("Egress", destination) if leaves else ("Ingress", source)
    for each in openings(policy, kind, peer, destination, known.stored.labels):
        # Policies only add to each other: what one rule lets through it lets through alone.
        if lets_through(each.reach, port):
            yield Opening(number=each.number, rule=dict(each.rule))


def _standing(known: Known, key: str, here: bool) -> Standing:
    patch = known.rows.wanted[key]
    came = known.rows.came_of(key)
    stored = {name_of(each): each for each in known.stored.policies}
    differs = drift(patch, stored.get(short(key)), known.known and here)
    words = _words(patch, came, differs)
    return Standing(
        key=key,
        revision=patch.revision.text,
        outcome=came,
        drift=differs,
        in_force=not words,
        words=words or "in force",
        reason=known.rows.reason_of(key),
        cause=patch.cause.text if patch.cause else "",
    )


def _words(patch: PolicyPatch, came: str, differs: Drift) -> str:
    """Return why a policy is not in force; empty: it is."""
    if patch.unprotected:
        return _WORDS[Outcome.UNPROTECTED]
    if came == NOT_KNOWN:
        return "" if differs is Drift.NONE else _UNTOLD
    return _WORDS.get(came, "") or _DRIFTED.get(differs, "")
