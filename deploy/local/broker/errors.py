"""What can be in the way of a broker."""

from __future__ import annotations


class BrokerNotReady(RuntimeError):
    """The broker could not be started, or does not answer; the message says what helps."""
