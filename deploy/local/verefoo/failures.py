"""Why a request gets no for an answer."""

from __future__ import annotations


class Failure(Exception):
    """An answer with an error status and Verefoo's kind of message."""

    def __init__(self, status: int, message: str = "No message available") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_there(kind: str, number: int) -> Failure:
    """Return the 404 for an id that names nothing of this kind."""
    return Failure(404, f"The {kind} {number} doesn't exist.")
