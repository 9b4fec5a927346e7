"""Constraints and requirements as a request says them, in the field order of the answers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from deploy.local.verefoo.words import Aim, Body, Flag, Place, Protocol, Rows, Text


class NodeMetrics(Body):
    """What one place offers."""

    node: Text = None
    nr_of_operations: int | None = None
    max_node_latency: int | None = None
    req_storage: int = 0
    cores: int = 0
    memory: int = 0
    optional: bool = False


class LinkMetrics(Body):
    """What one link must do."""

    src: Text = None
    dst: Text = None
    req_latency: int | None = None


class AllocationConstraint(Body):
    """Where a firewall must or must not be."""

    type: Place = None
    node_a: Text = None
    node_b: Text = None


class NodeConstraints(Body):
    """All node metrics."""

    node_metrics: Rows[NodeMetrics] = Field(default_factory=list)


class LinkConstraints(Body):
    """All link metrics."""

    link_metrics: Rows[LinkMetrics] = Field(default_factory=list)


class AllocationConstraints(Body):
    """All allocation constraints."""

    allocation_constraint: Rows[AllocationConstraint] = Field(default_factory=list)


class Constraints(Body):
    """What a solver must respect in one graph."""

    node_constraints: NodeConstraints | None = None
    link_constraints: LinkConstraints | None = None
    allocation_constraints: AllocationConstraints | None = None


class Property(Body):
    """One requirement between two nodes of a graph; its id is never shown."""

    httpdefinition: dict[str, Any] | None = None
    pop3_definition: dict[str, Any] | None = None
    name: Aim = None
    graph: int = 0
    src: Text = None
    dst: Text = None
    lv4_proto: Protocol = "ANY"
    src_port: Text = None
    dst_port: Text = None
    is_sat: Flag = None
    body: Text = None


class PropertyDefinition(Body):
    """A set of requirements."""

    property: Rows[Property] = Field(default_factory=list)
