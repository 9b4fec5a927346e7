"""What an identity is, by the pods that are its own now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from typing import NamedTuple

from streams.flow.allocation import is_in
from streams.flow.identity_rows import Identities, Member, Standing
from streams.flow.workloads import identity_name, steady, workload_of
from streams.records.cause import Source
from streams.records.facts import Assignment
from streams.records.views import Identity, PodRef


class Identifying(NamedTuple):
    """What must be known of the surroundings.

    Addresses are given from a range, but for those that are reserved. An identity without pods
    keeps its own for so many seconds.
    """

    partitions: int
    epoch: int
    clusters: tuple[str, ...]
    addresses: IPv4Network
    reserved: frozenset[str]
    grace_seconds: float


def standing(state: Identities, key: str, source: Source, ours: Identifying) -> Standing | None:
    """Return how an identity stands with the pods it has now; None: there was never one."""
    row, members = state.identities.get(key), _members(state, key)
    if members:
        begun = row if row is not None and row.live else _begin(members, source, ours)
        return begun.model_copy(update={"peopled": True, "empty": None})
    if row is not None and row.live and row.peopled:
        # What the last of them wore is known by now from nobody else.
        last = _changed(state.means[key], aliases=(), on_hosts=False)
        return row.model_copy(update={"pod": last, "peopled": False, "empty": source.at})
    return row


def meaning(state: Identities, row: Standing, ours: Identifying) -> PodRef:
    """Return what an identity is: what its pods have in common, and who else wears its labels."""
    members = _members(state, row.pod.key)
    pod = _of_members(row.pod, members, ours) if members else row.pod
    others = state.wearing.wearers(pod) - state.members.get(pod.key, set())
    aliases = tuple(sorted({*pod.aliases, *state.seen_as.get(pod.key, ())}))
    return _changed(pod, aliases=aliases, shared_with=min(others, default=""))


def found(
    state: Identities, assigned: Assignment, source: Source, ours: Identifying
) -> Standing | None:
    """Return an identity of which Verefoo knows the address and we do not."""
    try:
        cluster, namespace, kind, name = assigned.name.split("/")
    except ValueError:
        return None
    at, address = source.offset, assigned.address
    kept = {
        "uid": assigned.uid or f"{_uid(ours.epoch, at)}-{address}",
        "incarnation": at,
        "address": address,
    }
    pod = PodRef(
        cluster=cluster,
        namespace=namespace,
        name=identity_name(kind, name),
        identity=Identity(kind=kind, name=name),
        **kept,
    )
    row = state.identities.get(pod.key)
    known = row is not None and not row.waits
    if known or not state.addresses.may_give(address, ours.addresses, ours.reserved):
        return None
    if row is None:
        return Standing(pod=pod, began=at)
    return row.model_copy(update={"pod": row.pod.model_copy(update=kept)})


def with_address(row: Standing, address: str | None, source: Source, ours: Identifying) -> Standing:
    """Return the identity with the address it is given, if there is one."""
    if address is None:
        return row
    uid = f"{_uid(ours.epoch, row.began)}-{address}"
    given = {"address": address, "uid": uid, "incarnation": source.offset}
    return row.model_copy(update={"pod": row.pod.model_copy(update=given)})


def next_address(state: Identities, ours: Identifying) -> str | None:
    """Return the address that is given next; None: there is no more."""
    return state.addresses.next(ours.addresses, ours.reserved)


def is_over(row: Standing, now: float, ours: Identifying) -> bool:
    """Tell whether an identity has been without pods for so long that it ends."""
    return row.live and row.empty is not None and row.empty + ours.grace_seconds <= now


def _begin(members: Sequence[Member], source: Source, ours: Identifying) -> Standing:
    newest, at = _newest(members), source.offset
    workload = workload_of(newest.pod)
    pod = PodRef(
        cluster=newest.pod.cluster,
        namespace=newest.pod.namespace,
        name=identity_name(workload.kind, workload.name),
        uid=_uid(ours.epoch, at),
        incarnation=at,
        identity=Identity(kind=workload.kind, name=workload.name),
    )
    return Standing(pod=pod, began=at, since=newest.since)


def _members(state: Identities, key: str) -> list[Member]:
    return [state.pods[pod] for pod in sorted(state.members.get(key, ()))]


def _of_members(pod: PodRef, members: Sequence[Member], ours: Identifying) -> PodRef:
    newest = _newest(members)
    workload = workload_of(newest.pod)
    worn = _worn_by_all(steady(each.pod.labels, workload) for each in members)
    addresses = {each.pod.address for each in members if each.pod.address}
    seen = _changed(
        pod,
        selector=workload.selector or worn,
        aliases=tuple(sorted(each for each in addresses if not is_in(each, ours.addresses))),
        on_hosts=any(each.pod.host_network for each in members),
        stray="" if workload.selector or worn else _stray(members, newest),
    )
    return seen.model_copy(update={"labels": worn, "named_ports": newest.pod.named_ports})


def _stray(members: Sequence[Member], newest: Member) -> str:
    """Return the key of the newest where nothing is in common since it came; empty: not so."""
    others = [each for each in members if each is not newest]
    worn = (steady(each.pod.labels, workload_of(each.pod)) for each in others)
    return newest.pod.key if others and _worn_by_all(worn) else ""


def _changed(pod: PodRef, **changes: object) -> PodRef:
    assert pod.identity is not None
    return pod.model_copy(update={"identity": pod.identity.model_copy(update=changes)})


def _newest(members: Iterable[Member]) -> Member:
    return max(members, key=lambda row: row.age)


def _worn_by_all(labels: Iterable[dict[str, str]]) -> dict[str, str]:
    first, *others = labels
    return {
        name: value
        for name, value in first.items()
        if all(each.get(name) == value for each in others)
    }


def _uid(epoch: int, began: int) -> str:
    return f"identity-{epoch}-{began}"
