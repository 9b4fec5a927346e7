"""What a firewall says: ordered five-tuples with an action, and a default."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from streams.records.addresses import AddressPattern
from streams.records.base import Record
from streams.records.ports import Ports


class Action(StrEnum):
    """What becomes of the packets a rule matches."""

    ALLOW = "ALLOW"
    DENY = "DENY"


class Protocol(StrEnum):
    """The fourth element of the five-tuple; Verefoo knows ANY, TCP, UDP and OTHER."""

    ANY = "ANY"
    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    OTHER = "OTHER"


class Rule(Record):
    """One element of a firewall, in Verefoo's words."""

    action: Action
    source: AddressPattern
    destination: AddressPattern
    protocol: Protocol
    src_port: Ports = "*"
    dst_port: Ports = "*"
    directional: bool = Field(default=True, strict=True)

    def names(self, address: str) -> bool:
        """Tell whether one end is exactly this address."""
        return address in (self.source, self.destination)
