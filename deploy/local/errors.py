"""What can be in the way of a server of our own."""

from __future__ import annotations


class PartNotReady(RuntimeError):
    """A server could not be had or started, or does not answer; the message says what helps."""
