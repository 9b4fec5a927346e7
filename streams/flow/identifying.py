"""What an identity is, by the pods that are its own now, and which address it is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from ipaddress import IPv4Network
from typing import NamedTuple

from streams.flow.allocation import is_in
from streams.flow.identity_rows import Identities, IdentityRow, MemberRow
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


def standing(state: Identities, key: str, source: Source, ours: Identifying) -> IdentityRow | None:
    """Return what an identity is by its pods now; None: it never had any."""
    row = state.identities.get(key)
    members = [state.pods[pod] for pod in sorted(state.members.get(key, ()))]
    elsewhere = state.seen_as.get(key, set())
    if members:
        begun = row if row is not None and row.live else _begin(members, source, ours)
        return _shared(state, _peopled(begun, members, elsewhere, ours))
    if row is not None and row.live:
        return _shared(state, _deserted(row, elsewhere, source))
    return row


def found(
    state: Identities, assigned: Assignment, source: Source, ours: Identifying
) -> IdentityRow | None:
    """Return an identity that Verefoo knows and we do not; None: there is nothing to learn."""
    try:
        cluster, namespace, kind, name = assigned.name.split("/")
    except ValueError:
        return None
    at, address = source.offset, assigned.address
    pod = PodRef(
        cluster=cluster,
        namespace=namespace,
        name=identity_name(kind, name),
        uid=assigned.uid or f"{_uid(ours.epoch, at)}-{address}",
        incarnation=at,
        address=address,
        identity=Identity(kind=kind, name=name),
    )
    row = state.identities.get(pod.key)
    if row is not None and row.at == at:
        # Met again: after a kill it may be on disk and in no changelog.
        return row
    if not state.addresses.may_give(address, ours.addresses, ours.reserved):
        return None
    if row is None:
        return IdentityRow(pod=pod, live=True, began=at, rev=at, at=at)
    if not row.waits or row.at > at:
        return None
    kept = {"uid": pod.uid, "incarnation": at, "address": address}
    return row.model_copy(update={"pod": row.pod.model_copy(update=kept)})


def with_address(
    row: IdentityRow, address: str | None, source: Source, ours: Identifying
) -> IdentityRow:
    """Return the identity with the address it is given, if it is given one."""
    if address is None:
        return row
    uid = f"{_uid(ours.epoch, row.began)}-{address}"
    changes = {"address": address, "uid": uid, "incarnation": source.offset}
    return row.model_copy(update={"pod": row.pod.model_copy(update=changes)})


def next_address(state: Identities, ours: Identifying) -> str | None:
    """Return the address that is given next; None: there is no more."""
    return state.addresses.next(ours.addresses, ours.reserved)


def is_over(row: IdentityRow, now: float, ours: Identifying) -> bool:
    """Tell whether an identity has been without pods for so long that it ends."""
    return row.live and row.empty is not None and row.empty + ours.grace_seconds <= now


def _begin(members: Sequence[MemberRow], source: Source, ours: Identifying) -> IdentityRow:
    newest, at = _newest(members), source.offset
    workload = workload_of(newest.pod)
    pod = PodRef(
        cluster=newest.pod.cluster,
        namespace=newest.pod.namespace,
        name=identity_name(workload.kind, workload.name),
        uid=_uid(ours.epoch, at),
        incarnation=at,
    )
    return IdentityRow(pod=pod, live=True, began=at, rev=at, since=newest.since, at=at)


def _peopled(
    row: IdentityRow, members: Sequence[MemberRow], elsewhere: Set[str], ours: Identifying
) -> IdentityRow:
    newest = _newest(members)
    workload = workload_of(newest.pod)
    worn = _worn_by_all(steady(each.pod.labels, workload) for each in members)
    addresses = {each.pod.address for each in members} | elsewhere
    identity = Identity(
        kind=workload.kind,
        name=workload.name,
        selector=workload.selector or worn,
        aliases=tuple(sorted(a for a in addresses if a and not is_in(a, ours.addresses))),
        on_hosts=any(each.pod.host_network for each in members),
    )
    changes = {"labels": worn, "named_ports": newest.pod.named_ports, "identity": identity}
    pod = row.pod.model_copy(update=changes)
    return row.model_copy(update={"pod": pod, "pods": len(members), "empty": None})


def _deserted(row: IdentityRow, elsewhere: Set[str], source: Source) -> IdentityRow:
    """Return the identity as its last pods left it."""
    left = {"aliases": tuple(sorted(elsewhere)), "on_hosts": False}
    identity = row.pod.identity and row.pod.identity.model_copy(update=left)
    pod = row.pod.model_copy(update={"identity": identity})
    # One that nobody has been of yet waits for the end of a listing.
    empty = source.at if row.pods else row.empty
    return row.model_copy(update={"pod": pod, "pods": 0, "empty": empty})


def _shared(state: Identities, row: IdentityRow) -> IdentityRow:
    """Return the identity with whoever wears its labels and is not its own."""
    others = state.wearing(row) - state.members.get(row.pod.key, set())
    shared = {"shared_with": min(others, default="")}
    identity = row.pod.identity and row.pod.identity.model_copy(update=shared)
    return row.model_copy(update={"pod": row.pod.model_copy(update={"identity": identity})})


def _newest(members: Iterable[MemberRow]) -> MemberRow:
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
