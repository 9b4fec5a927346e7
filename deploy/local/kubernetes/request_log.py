"""What a server was asked for, for tests that count it."""

from collections import Counter, deque
from typing import NamedTuple

_LIMIT = 10_000


class Write(NamedTuple):
    """One write request and what it was answered."""

    method: str
    resource: str
    namespace: str
    name: str
    status: int


class RequestLog:
    """The newest writes, and how many of each sort there were, and reads."""

    def __init__(self) -> None:
        self.totals: Counter[tuple[str, str, int]] = Counter()
        # By verb, which is GET or LIST, and resource; what is watched is not read.
        self.reads: Counter[tuple[str, str]] = Counter()
        self._newest: deque[Write] = deque(maxlen=_LIMIT)

    def add(self, write: Write) -> None:
        """Remember a write."""
        self.totals[write.method, write.resource, write.status] += 1
        self._newest.append(write)

    def writes(self, resource: str = "", namespace: str = "") -> list[Write]:
        """Return the newest writes, oldest first."""
        return [
            write
            for write in self._newest
            if resource in ("", write.resource) and namespace in ("", write.namespace)
        ]

    def clear(self) -> None:
        """Count from here."""
        self.totals.clear()
        self.reads.clear()
        self._newest.clear()
