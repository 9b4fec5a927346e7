"""Report the identities of which some pods are on the network of their node: no policy holds them.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.records.reasons import InexactReason
from streams.records.views import Allowance, Errs, Inexactness, PodRef


def on_hosts(subject: PodRef, allowances: Iterable[Allowance]) -> Iterator[Inexactness]:
    """Yield that the subject is not closed, and which peers what is allowed does not reach."""
    if _is_one(subject):
        yield _report(f"isolation {subject.key}", Errs.WIDER, subject)
    for each in allowances:
        if _is_one(each.peer):
            yield _report(f"{each.direction} {each.peer.key}", Errs.NARROWER, each.peer)


def _is_one(pod: PodRef) -> bool:
    return pod.identity is not None and pod.identity.on_hosts


def _report(rule: str, errs: Errs, pod: PodRef) -> Inexactness:
    return Inexactness(
        rule=rule,
        errs=errs,
        reason=InexactReason.HOST_NETWORK,
        example=f"a pod of {pod.key} that is on the network of its node",
    )
