"""What the rules let one pod do: its whole resolved view, as the router sends it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from streams.records.base import Record


class Direction(StrEnum):
    """From the subject's point of view."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Errs(StrEnum):
    """Which way the written policy differs from the rule."""

    WIDER = "wider"
    NARROWER = "narrower"


class Inexactness(Record):
    """A part of a rule that the dialect cannot say, and which way that errs."""

    rule: str = Field(description="The rule as one line of text.")
    errs: Errs
    reason: str = Field(description="A code: an InexactReason.")
    example: str = Field(default="", description="One flow on which policy and rule differ.")


class PodRef(Record):
    """A pod as a policy can point at it."""

    cluster: str
    namespace: str
    name: str
    uid: str
    incarnation: int = 0
    address: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the pod and of its policy."""
        return f"{self.cluster}/{self.namespace}/{self.name}"


class PortSpan(Record):
    """An inclusive range of destination ports of one protocol (TCP, UDP or SCTP)."""

    protocol: str
    first: int
    last: int


class Block(Record):
    """Addresses outside the cluster: a network, less some networks inside it."""

    cidr: str
    excepted: tuple[str, ...] = ()


class OutsideAllowance(Record):
    """What addresses outside the cluster may exchange with the subject, in one direction.

    ``everything`` means all protocols and ports, ICMP included; then ``ports`` is empty.
    """

    direction: Direction
    blocks: tuple[Block, ...]
    everything: bool = False
    ports: tuple[PortSpan, ...] = ()


class Allowance(Record):
    """What one peer may exchange with the subject, in one direction.

    ``everything`` means all protocols and ports, ICMP included; then ``ports`` is empty.
    """

    direction: Direction
    peer: PodRef
    everything: bool = False
    ports: tuple[PortSpan, ...] = ()
