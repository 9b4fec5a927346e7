"""Turn the noisy life of pods into claims: this pod claims this address, this claim is gone."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import NamedTuple

from pydantic import Field

from streams.flow.lateness import is_over
from streams.flow.output import (
    GRAPH_EDITS,
    GRAPH_FACTS,
    IDENTITY_FACTS,
    POD_EVENTS,
    Outputs,
    Refusal,
    Send,
)
from streams.flow.workloads import POD
from streams.records.base import Record
from streams.records.cause import Cause, Source
from streams.records.facts import GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import FINISHED, PodEvent, PodEventType
from streams.records.reasons import LetterReason
from streams.records.views import PodRef, Workload

KEPT_UIDS = 8


class PodRow(Record):
    """What is known of one pod key; outlives the pod, so that a late event changes nothing.

    ``heard`` is, per partition, the last record under a foreign key that reached this pod.
    """

    pod: PodRef
    live: bool
    rev: int
    since: Stamp | None = None
    stamp: Stamp | None = None
    gone: tuple[str, ...] = ()
    heard: dict[int, int] = Field(default_factory=dict)
    cause: Cause | None = None


Rows = MutableMapping[str, PodRow]


class Tracking(NamedTuple):
    """What the tracker must know of its surroundings.

    Where labels decide, ``namespaces`` is None: who watches the pods knows, and the tracker only
    which are ``never`` managed. Where nodes stand for ``identities``, claims go to who knows them.
    Of the other ``clusters`` in the graph, too, their watchers know what is managed there.
    """

    cluster: str
    graphs: tuple[str, ...]
    namespaces: frozenset[str] | None
    reserved: frozenset[str]
    never: frozenset[str] = frozenset()
    identities: bool = False
    clusters: frozenset[str] = frozenset()

    def manages(self, cluster: str, namespace: str) -> bool:
        """Tell whether pods of a namespace may be ours."""
        if self.namespaces is not None and cluster == self.cluster:
            return namespace in self.namespaces and namespace not in self.never
        return namespace not in self.never


def handle(rows: Rows, event: PodEvent, key: str, source: Source, ours: Tracking) -> Outputs:
    """Return the claims that follow from one pod event, or from one mark."""
    cluster = (event.mark or event).cluster or ours.cluster
    if ours.clusters and cluster not in ours.clusters:
        return [Refusal(LetterReason.UNKNOWN_CLUSTER, cluster[:80])]
    if event.mark is not None:
        return _mark(rows, event.mark, source, ours)
    if event.pod_ip in ours.reserved:
        return [Refusal(LetterReason.RESERVED_ADDRESS, f"{event.pod_ip} is a firewall's")]
    if not ours.manages(cluster, event.namespace):
        return []
    canonical = event.key(ours.cluster)
    if key != canonical:
        return _under_its_own_key(event, key, canonical, source)
    return _pod(rows, event, canonical, source, ours)


def _under_its_own_key(event: PodEvent, key: str, canonical: str, source: Source) -> Outputs:
    # Five-field producers choose keys of their own: no table is touched before the record lies
    # in the partition of its pod.
    if event.forwarded:
        return [Refusal(LetterReason.BAD_KEY, f"{key[:80]} is not {canonical}")]
    again = event.model_copy(update={"forwarded": True, "cause": source.cause()})
    return [Send(POD_EVENTS, canonical, again)]


def _pod(rows: Rows, event: PodEvent, canonical: str, source: Source, ours: Tracking) -> Outputs:
    row = rows.get(canonical)
    if row is not None and source.offset <= row.rev:
        # Put again as well: after a kill the row may be on disk and in no changelog.
        rows[canonical] = row
        return claims(row, source.partition, ours)
    if _before_listing(rows, event, ours) or (row is not None and _outdated(row, event)):
        return []
    new = _next(row, event, source, ours)
    if new is None:
        return []
    rows[canonical] = new
    told = row is not None and _meaning(row) == _meaning(new)
    return [] if told else claims(new, source.partition, ours)


def forget(rows: Rows, committed: int, now: float) -> None:
    """Drop the pods that are gone so long that neither a replay nor a late record names them."""
    for key, row in list(rows.items()):
        if row.live or row.rev >= committed or not is_over(row.cause, now):
            continue
        # The row that keeps a listing is nobody's, and has no cause.
        del rows[key]


def claims(row: PodRow, partition: int, ours: Tracking) -> Outputs:
    """Return what a row says now, to every graph that reads this cluster.

    Verefoo is told of pods only: a Service is no host.
    """
    claim = PodClaim(pod=row.pod, live=row.live, rev=row.rev, partition=partition, since=row.since)
    facts = [GraphFact(graph=graph, claim=claim, cause=row.cause) for graph in ours.graphs]
    topics = _topics(ours) if row.pod.service is None else _topics(ours)[:1]
    return [Send(topic, fact.graph, fact) for fact in facts for topic in topics]


def _topics(ours: Tracking) -> tuple[str, ...]:
    return (IDENTITY_FACTS,) if ours.identities else (GRAPH_FACTS, GRAPH_EDITS)


def _before_listing(rows: Rows, event: PodEvent, ours: Tracking) -> bool:
    """Tell whether a listing that began after this was said has ended: it named all that lived."""
    listing = rows.get(_listing_key(event.cluster or ours.cluster))
    if listing is None or listing.stamp is None or event.stamp is None:
        return False
    return event.stamp.order < listing.stamp.order


def _listing_key(cluster: str) -> str:
    """Return the key of the row that keeps a cluster's newest listing; no pod has such a key."""
    return f"{cluster}//"


def _outdated(row: PodRow, event: PodEvent) -> bool:
    if _heard(row, event):
        return True
    if event.stamp is None:
        # A record without a watcher's stamp never overrules what a watcher saw of a living pod,
        # except that a deletion which names the very address is believed.
        seen = row.stamp is not None and row.live
        return seen and not (_ends(event) and event.pod_ip == row.pod.address)
    if row.stamp is not None and event.stamp.order <= row.stamp.order:
        return True
    return event.uid in row.gone


def _heard(row: PodRow, event: PodEvent) -> bool:
    # What we sent on ourselves may come twice, and late.
    origin = event.cause if event.forwarded else None
    return origin is not None and origin.offset <= row.heard.get(origin.partition, -1)


def _with_heard(row: PodRow | None, event: PodEvent) -> dict[int, int]:
    heard = row.heard if row else {}
    if not event.forwarded or event.cause is None:
        return heard
    return {**heard, event.cause.partition: event.cause.offset}


def _ends(event: PodEvent) -> bool:
    return event.event is PodEventType.DELETED or event.phase in FINISHED


def _next(row: PodRow | None, event: PodEvent, source: Source, ours: Tracking) -> PodRow | None:
    cause = event.cause or source.cause()
    if _ends(event):
        if row is None or (event.uid and event.uid != row.pod.uid):
            return None
        ended = _gone(row, event.stamp, source, cause)
        # Only a watcher's word is final for a uid: another may have meant the pod before this one.
        final = ended.gone if event.stamp is not None else row.gone
        return ended.model_copy(update={"gone": final, "heard": _with_heard(row, event)})
    uid = event.uid or f"address-{event.pod_ip}"
    ref = PodRef(
        cluster=event.cluster or ours.cluster,
        namespace=event.namespace,
        name=event.pod_name,
        uid=uid,
        # A pod on its host's network has its host's address, which is nobody's alone.
        address=None if event.host_network else event.pod_ip,
        # A Service wears nothing by which a policy could mean it.
        labels={} if event.service is not None else event.selector_labels,
        incarnation=source.offset,
        named_ports=event.named_ports,
        service=event.service,
        workload=_workload(event) if ours.identities else None,
        host_network=ours.identities and event.host_network,
    )
    if row is None:
        return PodRow(
            pod=ref,
            live=True,
            rev=source.offset,
            since=event.stamp,
            stamp=event.stamp,
            heard=_with_heard(None, event),
            cause=cause,
        )
    # A watcher's MODIFIED may lack the address for a moment; the same uid keeps what it had.
    same_uid = row.live and row.pod.uid == uid
    if same_uid and ref.address is None:
        ref = ref.model_copy(update={"address": row.pod.address})
    reborn = not row.live or (row.pod.uid, row.pod.address) != (uid, ref.address)
    if not reborn:
        ref = ref.model_copy(update={"incarnation": row.pod.incarnation})
    return PodRow(
        pod=ref,
        live=True,
        rev=source.offset,
        since=event.stamp if reborn else row.since,
        stamp=event.stamp or row.stamp,
        # Whose name was taken is not final: a leader may begin with a listing that is older than
        # what the leader before him has told since.
        gone=row.gone,
        heard=_with_heard(row, event),
        cause=cause,
    )


def _workload(event: PodEvent) -> Workload | None:
    """Return what made the pod; who does not say it tells of a pod that stands for itself."""
    if event.workload is not None or event.service is not None:
        return event.workload
    label = {"app": event.pod_name}
    alone = label.items() <= event.selector_labels.items()
    return Workload(kind=POD, name=event.pod_name, selector=label if alone else None)


def _gone(row: PodRow, stamp: Stamp | None, source: Source, cause: Cause) -> PodRow:
    uids = row.gone if row.pod.uid in row.gone else (*row.gone, row.pod.uid)[-KEPT_UIDS:]
    changed = {"live": False, "rev": source.offset, "gone": uids, "cause": cause}
    return row.model_copy(update={**changed, "stamp": stamp or row.stamp})


def _meaning(row: PodRow) -> tuple[object, ...]:
    pod = row.pod
    worn = tuple(sorted(pod.labels.items()))
    return (row.live, pod.uid, pod.address, worn, pod.service, pod.workload)


def _mark(rows: Rows, mark: Mark, source: Source, ours: Tracking) -> Outputs:
    if mark.kind is MarkKind.LIST_STARTED:
        return []
    outputs: Outputs = []
    if mark.kind is MarkKind.LIST_COMPLETE and mark.started is not None:
        outputs += _unnamed(rows, mark.cluster, mark.started, source, ours)
    here = mark.model_copy(update={"partition": source.partition})
    for graph in ours.graphs:
        fact = GraphFact(graph=graph, mark=here, cause=source.cause())
        outputs += [Send(topic, graph, fact) for topic in _topics(ours)]
    return outputs


def _unnamed(rows: Rows, cluster: str, started: Stamp, source: Source, ours: Tracking) -> Outputs:
    """Return that all are gone whom the listing did not name."""
    outputs: Outputs = []
    listing_key = _listing_key(cluster)
    for key, row in list(rows.items()):
        unseen = row.stamp is not None and row.stamp.order < started.order
        if row.live and row.pod.cluster == cluster and unseen:
            # Inferred, not seen: born after the list was read and told by the leader before, the
            # same uid may still come.
            gone = _gone(row, started, source, source.cause())
            rows[key] = gone.model_copy(update={"gone": row.gone})
            outputs += claims(gone, source.partition, ours)
        elif not row.live and row.rev == source.offset and key != listing_key:
            # A replay of this mark: what it inferred may never have been sent.
            rows[key] = row
            outputs += claims(row, source.partition, ours)
    known = rows.get(listing_key)
    newer = known is None or known.stamp is None or known.stamp.order < started.order
    if newer or (known is not None and known.rev == source.offset):
        nobody = PodRef(cluster=cluster, namespace="", name="", uid="")
        rows[listing_key] = PodRow(pod=nobody, live=False, rev=source.offset, stamp=started)
    return outputs
