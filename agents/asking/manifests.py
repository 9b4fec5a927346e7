"""Pods and policies as a replay tells them: what is compared must be what it seems."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Json = dict[str, Any]


def _address(text: str) -> str:
    ip_address(text)
    return text


def _network(text: str) -> str:
    ip_network(text)
    return text


Labels = dict[str, str]
Number = Annotated[int, Field(ge=1, le=65535)]
Network = Annotated[str, AfterValidator(_network)]
Protocol = Literal["TCP", "UDP", "SCTP"]


class Part(BaseModel):
    """A part of an object: what nobody reads may be there."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel)


class Said(Part):
    """A part that has a meaning: what nobody reads would change it."""

    model_config = ConfigDict(extra="forbid")


class Metadata(Part):
    """Which object it is."""

    name: str
    namespace: str
    labels: Labels | None = None
    annotations: Labels | None = None


class Expression(Said):
    """One condition on a label."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] | None = None


class Selector(Said):
    """Who is meant, by labels."""

    match_labels: Labels | None = None
    match_expressions: list[Expression] | None = None


class IpBlock(Said):
    """Who is meant, by address."""

    cidr: Network
    excepted: list[Network] | None = Field(default=None, alias="except")


class Peer(Said):
    """Who is at the other end."""

    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: IpBlock | None = None


class Port(Said):
    """Where a packet may go: numbers, or the name of a port."""

    protocol: Protocol | None = None
    port: Number | str | None = None
    end_port: Number | None = None

    @model_validator(mode="after")
    def _runs_upwards(self) -> Self:
        if self.end_port is not None and not (
            isinstance(self.port, int) and self.port <= self.end_port
        ):
            raise ValueError("endPort without a port below it")
        return self


class Ingress(Said):
    """Who may come in, and where."""

    peers: list[Peer] | None = Field(default=None, alias="from")
    ports: list[Port] | None = None


class Egress(Said):
    """Who may be gone to, and where."""

    peers: list[Peer] | None = Field(default=None, alias="to")
    ports: list[Port] | None = None


class PolicySpec(Said):
    """What a policy says."""

    pod_selector: Selector
    policy_types: list[Literal["Ingress", "Egress"]] | None = None
    ingress: list[Ingress] | None = None
    egress: list[Egress] | None = None


class Policy(Part):
    """A NetworkPolicy."""

    metadata: Metadata
    spec: PolicySpec


class ContainerPort(Part):
    """A port that a container says it listens on."""

    container_port: Number
    name: str | None = None
    protocol: Protocol | None = None


class Container(Part):
    """A container of a pod."""

    ports: list[ContainerPort] | None = None


class PodSpec(Part):
    """What a pod is made of."""

    containers: list[Container] | None = None


class PodStatus(Part):
    """Where a pod is."""

    pod_ip: Annotated[str, AfterValidator(_address)] | None = Field(default=None, alias="podIP")


class Pod(Part):
    """A pod."""

    metadata: Metadata
    spec: PodSpec | None = None
    status: PodStatus | None = None


def _checked(kind: type[Part]) -> AfterValidator:
    def check(manifest: Json) -> Json:
        kind.model_validate(manifest)
        return manifest

    return AfterValidator(check)


PodManifest = Annotated[Json, _checked(Pod)]
"""A pod as it was told, of which every part that is read is what it seems."""

PolicyManifest = Annotated[Json, _checked(Policy)]
"""A policy as it was told, likewise."""
