"""What a policy means, before any syntax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.policy.selection import Selector
from streams.records.views import Block, PodRef, PortSpan


class Peer(NamedTuple):
    """A pod as policies select it."""

    namespace: str
    selector: Selector

    @property
    def text(self) -> str:
        """What a report calls it."""
        return f"{self.namespace}/{self.selector.text}"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """Peers that may exchange the same ports; no ports means everything, ICMP included."""

    peers: tuple[Peer, ...]
    blocks: tuple[Block, ...] = field(default=(), kw_only=True)
    ports: tuple[PortSpan, ...] = ()

    @property
    def everything(self) -> bool:
        """Tell whether all protocols are meant."""
        return not self.ports


@dataclass(frozen=True, slots=True)
class PodPolicy:
    """All that one pod may receive and send; a direction without a rule is closed to itself too."""

    subject: PodRef
    selector: Selector
    ingress: tuple[PolicyRule, ...]
    egress: tuple[PolicyRule, ...]
