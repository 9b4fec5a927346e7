"""The settings of the service graph, and of how the clusters that share it see each other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from streams.records.addresses import PodAddress, Subnet
from streams.records.naming import Elsewhere
from streams.settings_group import Group
from streams.settings_values import Cidr, Name

Seen = Literal["pods"] | Annotated[tuple[Cidr, ...], Field(min_length=1, max_length=64)]


class Link(Group):
    """How packets get from one cluster to another.

    ``seen`` is under which addresses the source's arrive: its pods' own, or those of its nodes or
    of its way out. ``dialled`` is to which the source's pods send: the destination's pods' own, or
    those of what stands before them.
    """

    source: Name
    destination: Name
    seen: Seen = "pods"
    dialled: Seen = "pods"

    @model_validator(mode="after")
    def _leads_elsewhere(self) -> Link:
        if self.source == self.destination:
            raise ValueError("a link leads from one cluster to another one")
        return self


class GraphSettings(Group):
    """The service graph: its name here, its number there, how firewalls are placed."""

    name: Name = Field(default="main", description="Under which rules are sent by topic.")
    id: int | None = Field(default=None, ge=0, description="None: made at the first start.")
    placement: Literal["star", "distributed"] = Field(
        default="star", description="One firewall for all pods, or one before each."
    )
    firewall: PodAddress = Field(
        default="10.0.0.1", description="A star's name in the graph: an address that no pod has."
    )
    base: PodAddress = Field(
        default="10.0.0.0",
        description="The first of 4,096 addresses for firewalls before pods; no pod has one.",
    )
    wiring: Literal["mesh", "hub"] = Field(
        default="mesh", description="Whether they are all joined to each other, or to one more."
    )
    identities: Cidr = Field(
        default="198.18.0.0/15",
        description="Where identities other than pods get addresses; nothing else may have one.",
    )
    grace_minutes: int = Field(
        default=60,
        ge=0,
        le=10_080,
        description="How long at least an identity without pods keeps its own.",
    )
    aliases: Elsewhere = Field(
        default={}, description="By address of elsewhere: CLUSTER/NAMESPACE/KIND/NAME of who it is."
    )
    mesh_limit: int = Field(
        default=200, gt=0, le=1000, description="Each joins to all others: no more pods than this."
    )
    clusters: tuple[Name, ...] = Field(
        default=(),
        max_length=16,
        description="Whose pods are in the graph; none: those of `cluster.name` alone.",
    )
    links: tuple[Link, ...] = Field(
        default=(),
        max_length=64,
        description="How clusters see each other; without one, nothing flows from one to another.",
    )

    subnets: dict[Name, Subnet] = Field(
        default={},
        max_length=16,
        description="By cluster that is one node: where its pods, and no others, are: 10.2.-1.-1.",
    )

    @model_validator(mode="after")
    def _has_whole_clusters_of_its_own(self) -> GraphSettings:
        if unknown := self.subnets.keys() - set(self.clusters):
            raise ValueError(f"a subnet, and not in clusters: {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _links_each_pair_once(self) -> GraphSettings:
        pairs = [(each.source, each.destination) for each in self.links]
        if len(set(pairs)) < len(pairs):
            raise ValueError("two links from one cluster to one other")
        unknown = {name for pair in pairs for name in pair}.difference(self.clusters)
        if unknown:
            raise ValueError(f"linked, and not in clusters: {', '.join(sorted(unknown))}")
        return self
