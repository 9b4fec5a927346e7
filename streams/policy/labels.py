"""What a policy says of itself in labels, for `kubectl get netpol -L` and `-l`.

They are no part of what it means: the digest leaves them out, and no write comes of them alone.
So how exact it is they say of the rules for which it was written; records and Events say it now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from streams.records.views import Errs, Inexactness, PodRef

GRAPH = "vereflow.io/graph"
SELECTS = "vereflow.io/selects"
EXACTNESS = "vereflow.io/exactness"
SAYING = (GRAPH, SELECTS, EXACTNESS)
EXACT = "exact"
SEVERAL = "several"
# It is wider here and narrower there.
BOTH = "inexact"


def labels_of(
    subject: PodRef, graphs: Collection[str], inexact: Iterable[Inexactness]
) -> dict[str, str]:
    """Return the labels; each says one of few words, or the name of a graph, which fits."""
    found = {
        SELECTS: "pod" if subject.identity is None else "identity",
        EXACTNESS: exactness(inexact),
    }
    if graphs:
        found[GRAPH] = SEVERAL if len(graphs) > 1 else next(iter(graphs))
    return found


def exactness(inexact: Iterable[Inexactness]) -> str:
    """Return in one word whether a policy is its rules, and on which side it errs where not."""
    ways = {each.errs for each in inexact}
    if not ways:
        return EXACT
    return BOTH if len(ways) == len(Errs) else str(*ways)
