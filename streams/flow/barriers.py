"""Count from where a barrier came: each cluster sends it through every partition."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streams.records.marks import Mark


def seen_with(
    seen: Collection[int], mark: Mark, clusters: Sequence[str], partitions: int
) -> list[int]:
    """Return as numbers where a barrier came from by now; a negative one is no cluster's side.

    What another cluster says, whose pods are not in the graph, counts for nothing.
    """
    if mark.partition < 0:
        return sorted({*seen, mark.partition})
    if mark.cluster not in clusters:
        return sorted(seen)
    return sorted({*seen, clusters.index(mark.cluster) * partitions + mark.partition})
