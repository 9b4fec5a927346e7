"""What the rules let one pod do: its whole resolved view, as the router sends it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from streams.records.addresses import PodAddress
from streams.records.base import Record

SERVICE = "service:"


def _is_absent(value: object) -> bool:
    return not value


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


class ServicePort(Record):
    """A port of a Service, and at which port of a pod it arrives: a number, or a port's name."""

    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: int = Field(ge=1, le=65535)
    target: Annotated[int, Field(ge=1, le=65535)] | Annotated[str, Field(max_length=63)]


class Service(Record):
    """What stands behind a Service's address: the pods with these labels; without any, nobody.

    ``further`` are its other addresses: those of load balancers and external ones. ``translated``
    says that who comes through those may be seen under another address than his own.
    """

    selector: dict[str, str] = Field(default_factory=dict, max_length=128)
    ports: tuple[ServicePort, ...] = Field(default=(), max_length=256)
    further: Annotated[tuple[PodAddress, ...], Field(max_length=64)] = Field(
        default=(), exclude_if=_is_absent
    )
    translated: bool = Field(default=False, strict=True, exclude_if=_is_absent)


class Workload(Record):
    """What made a pod and outlives it: its topmost owner; a pod that nobody made is its own.

    ``selector`` are the labels by which it finds its pods; None: it does not say.
    """

    kind: str = Field(max_length=253)
    name: str = Field(max_length=253)
    selector: dict[str, str] | None = Field(default=None, max_length=128)


class Identity(Record):
    """What a node of the graph stands for where nodes are not pods: all pods of one workload.

    ``selector`` are the labels by which policies select its pods, and ``aliases`` the addresses
    under which it is seen beside its own, sorted. ``shared_with`` is the key of a pod that wears
    those labels and is another's, if there is one. ``on_hosts`` says that some of its pods are on
    the network of their node: for those no policy holds. ``stray`` is the key of the newest pod,
    if it shares no label with the others, who share some among themselves.
    """

    kind: str
    name: str
    selector: dict[str, str] = Field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    shared_with: str = ""
    on_hosts: bool = False
    stray: str = Field(default="", exclude_if=_is_absent)


class PodRef(Record):
    """A pod as a policy can point at it; a Service, or an identity, which stand for their pods.

    ``named_ports`` are keyed by protocol and name: ``TCP/http``. ``labels`` of an identity are
    those that all its pods wear. On its host's network a pod has no address that is its alone.
    """

    cluster: str
    namespace: str
    name: str
    uid: str
    incarnation: int = 0
    address: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    named_ports: dict[str, int] = Field(default_factory=dict)
    service: Service | None = None
    # Not said where there is none: a view names thousands of peers.
    workload: Workload | None = Field(default=None, exclude_if=_is_absent)
    identity: Identity | None = Field(default=None, exclude_if=_is_absent)
    host_network: bool = Field(default=False, exclude_if=_is_absent)

    @property
    def key(self) -> str:
        """The key of the pod and of its policy; no pod's name begins like a Service's key."""
        kind = SERVICE if self.service is not None else ""
        return f"{self.cluster}/{self.namespace}/{kind}{self.name}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """The addresses of an identity's pods, or of a Service; a pod has none but its own."""
        if self.identity is not None:
            return self.identity.aliases
        return self.service.further if self.service is not None else ()

    def without_aliases(self) -> PodRef:
        """Return it as a policy sees it, which does not change as pods come and go."""
        if not self.aliases:
            return self
        named = self.identity and self.identity.model_copy(update={"aliases": ()})
        served = self.service and self.service.model_copy(update={"further": ()})
        return self.model_copy(update={"identity": named, "service": served})

    def serves(self, other: PodRef) -> bool:
        """Tell whether this pod stands behind a Service."""
        if other.service is None or self.service is not None or not other.service.selector:
            return False
        near = (self.cluster, self.namespace) == (other.cluster, other.namespace)
        return near and other.service.selector.items() <= self.labels.items()


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

    ``everything`` means all protocols and ports, ICMP included; then ``ports`` is empty. A peer in
    another cluster is ``seen_at`` these networks; at none where nobody says how.
    """

    direction: Direction
    peer: PodRef
    everything: bool = False
    ports: tuple[PortSpan, ...] = ()
    seen_at: tuple[str, ...] = Field(default=(), exclude_if=_is_absent)
