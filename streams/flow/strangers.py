"""How many pods may come by topic alone: whoever may write there can make them up."""

from __future__ import annotations

from collections.abc import Mapping

from streams.flow.output import Refusal
from streams.flow.tracker import PodRow, Tracking
from streams.records.pods import PodEvent, PodEventType
from streams.records.reasons import LetterReason


class Strangers:
    """The living pods of one partition that no watcher has seen, by their keys."""

    def __init__(self, rows: Mapping[str, PodRow], most: int) -> None:
        self._rows = rows
        self._most = most
        self._keys = {key for key, row in rows.items() if _is_stranger(row)}

    def refuse(self, event: PodEvent, key: str, ours: Tracking) -> Refusal | None:
        """Return why a pod is one too many, if it is: those that are known stay what they are."""
        if event.mark is not None or event.stamp is not None or len(self._keys) < self._most:
            return None
        cluster = event.cluster or ours.cluster
        if event.event is PodEventType.DELETED or not ours.manages(cluster, event.namespace):
            return None
        row = self._rows.get(key)
        # Under a foreign key nobody is known yet: it is judged when it comes under its own.
        if key != event.key(ours.cluster) or (row is not None and row.live):
            return None
        return Refusal(LetterReason.TOO_MANY_STRANGERS, f"{key[:80]}, beside {self._most} others")

    def note(self, key: str) -> None:
        """Take in what the row of a pod says by now."""
        row = self._rows.get(key)
        if row is not None and _is_stranger(row):
            self._keys.add(key)
        else:
            self._keys.discard(key)


def _is_stranger(row: PodRow) -> bool:
    return row.live and row.stamp is None
