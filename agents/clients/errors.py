"""What the outside world can answer besides yes.

ClientError
├── TryLater   silence, "slow down", or an answer that makes no sense: wait and ask again
├── Gone       our place in a watch is too old: list again
├── Conflict   somebody else owns, or depends on, what we want to change
├── Refused    understood and declined: asking again is pointless
└── NotThere   what the question is about does not exist
"""

from __future__ import annotations


class ClientError(Exception):
    """The answer was not yes; the message says what was tried and what was answered."""


class TryLater(ClientError):
    """Silence, "slow down", or an answer that makes no sense: wait and ask again."""


class Gone(ClientError):
    """Our place in a watch is too old: list again."""


class Conflict(ClientError):
    """Somebody else owns, or depends on, what we want to change."""


class Refused(ClientError):
    """Understood and declined: asking again is pointless."""


class NotThere(ClientError):
    """What the question is about does not exist."""
