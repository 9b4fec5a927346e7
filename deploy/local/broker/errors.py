"""What can be in the way of a broker."""

from __future__ import annotations

from deploy.local.errors import PartNotReady


class BrokerNotReady(PartNotReady):
    """The broker could not be started, or does not answer."""
