"""What the outside world can answer besides yes.

ClientError
├── TryLater       silence, "slow down", or an answer that makes no sense: wait and ask again
│   ├── NotLetIn       our login is not accepted, as yet or any more
│   └── Unproven       whoever listens there does not prove to be whom we ask
├── Gone           our place in a watch is too old: list again
├── Conflict       somebody else owns, or depends on, what we want to change
│   ├── AlreadyThere   what we want to create exists
│   └── Owned          others own fields that we want to set
├── Refused        understood and declined: asking again is pointless
└── NotThere       what the question is about does not exist
"""

from __future__ import annotations


class ClientError(Exception):
    """The answer was not yes; the message says what was tried and what was answered."""


class TryLater(ClientError):
    """Silence, "slow down", or an answer that makes no sense: wait and ask again."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        # How many seconds the other side asked us to wait, if it did.
        self.retry_after = retry_after


class NotLetIn(TryLater):
    """Our login is not accepted: somebody may be replacing it."""


class Unproven(TryLater):
    """Whoever listens there does not prove to be whom we ask: its certificate may be replaced."""


class Gone(ClientError):
    """Our place in a watch is too old: list again."""


class Conflict(ClientError):
    """Somebody else owns, or depends on, what we want to change."""


class AlreadyThere(Conflict):
    """What we want to create exists."""


class Owned(Conflict):
    """Others own fields that we want to set."""

    def __init__(self, message: str, managers: frozenset[str]) -> None:
        super().__init__(message)
        self.managers = managers


class Refused(ClientError):
    """Understood and declined: asking again is pointless."""


class NotThere(ClientError):
    """What the question is about does not exist."""
