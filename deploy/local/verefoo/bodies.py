"""Graphs, nodes and configurations as a request says them, in the field order of the answers."""

from __future__ import annotations

from pydantic import Field

from deploy.local.verefoo.words import (
    Action,
    Body,
    Exchange,
    Flag,
    FunctionalType,
    Ignored,
    Protocol,
    Rows,
    Text,
)


class Element(Body):
    """One rule; its id and priority are never kept."""

    id: Ignored = None
    action: Action = None
    source: Text = None
    destination: Text = None
    protocol: Protocol = None
    src_port: Text = None
    dst_port: Text = None
    priority: Ignored = None
    directional: Flag = None


class Firewall(Body):
    """A packet filter."""

    elements: Rows[Element] = Field(default_factory=list)
    default_action: Action = None


class Endhost(Body):
    """A host that sends one kind of message."""

    body: Text = None
    sequence: int | None = None
    protocol: Exchange = None
    email_from: Text = None
    url: Text = None
    options: Text = None
    destination: Text = None


class DpiElement(Body):
    """One condition of a deep packet inspection."""

    action: Action = None
    condition: Text = None


class Dpi(Body):
    """A deep packet inspection."""

    dpi_elements: Rows[DpiElement] = Field(default_factory=list)
    default_action: Action = None


class WafElement(Body):
    """One condition of a web application firewall."""

    action: Action = None
    url: Text = None
    domain: Text = None


class WebApplicationFirewall(Body):
    """A filter that looks at URLs and domains."""

    waf_elements: Rows[WafElement] = Field(default_factory=list)
    default_action: Action = None


class Named(Body):
    """A function that has a name and nothing else."""

    name: Text = None


class Sources(Body):
    """A function over a list of sources."""

    source: Rows[str] = Field(default_factory=list)


class Cache(Body):
    """A cache of resources."""

    resource: Rows[str] = Field(default_factory=list)


class Pool(Body):
    """A load balancer's pool."""

    pool: Rows[str] = Field(default_factory=list)


class Mailclient(Body):
    """A mail client."""

    mailserver: Text = None


class Vpnaccess(Body):
    """The entry of a tunnel."""

    vpnexit: Text = None


class Vpnexit(Body):
    """The exit of a tunnel."""

    vpnaccess: Text = None


class Webclient(Body):
    """A web client."""

    name_web_server: Text = None


class Configuration(Body):
    """What a node does: at most one of eighteen alternatives, by intention."""

    firewall: Firewall | None = None
    endhost: Endhost | None = None
    endpoint: Named | None = None
    antispam: Sources | None = None
    cache: Cache | None = None
    dpi: Dpi | None = None
    mailclient: Mailclient | None = None
    mailserver: Named | None = None
    nat: Sources | None = None
    vpnaccess: Vpnaccess | None = None
    vpnexit: Vpnexit | None = None
    webclient: Webclient | None = None
    webserver: Named | None = None
    fieldmodifier: Named | None = None
    forwarder: Named | None = None
    loadbalancer: Pool | None = None
    stateful_firewall: Firewall | None = None
    web_application_firewall: WebApplicationFirewall | None = None
    id: Ignored = None
    name: Text = None
    description: Text = None


class Neighbour(Body):
    """A directed edge to a node, by its name."""

    id: Ignored = None
    name: Text = None


class Node(Body):
    """A graph node; without a functional type it is a place for a firewall."""

    neighbour: Rows[Neighbour] = Field(default_factory=list)
    configuration: Configuration | None = None
    id: Ignored = None
    name: Text = None
    functional_type: FunctionalType = None


class Graph(Body):
    """A service graph."""

    node: Rows[Node] = Field(default_factory=list)
    id: Ignored = None
    service_graph: bool = False


class Graphs(Body):
    """Several service graphs."""

    graph: Rows[Graph] = Field(default_factory=list)
