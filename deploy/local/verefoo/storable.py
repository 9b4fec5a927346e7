"""What Verefoo's storage cannot keep: words it looks up without asking whether they are there."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.local.verefoo.bodies import Configuration, Graph, Node
from deploy.local.verefoo.failures import Failure


def check_graph(graph: Graph) -> None:
    """Raise the 500 of the first node that cannot be kept."""
    for node in graph.node:
        check_node(node)


def check_node(node: Node) -> None:
    """Raise the 500 of a node that cannot be kept."""
    if node.configuration is not None:
        check_configuration(node.configuration)


def check_configuration(configuration: Configuration) -> None:
    """Raise the 500 of a configuration that cannot be kept."""
    for word in _needed_words(configuration):
        if word is None:
            raise Failure(500)
        if word == "ALLOW_COND":
            raise Failure(500, "No enum constant ActionTypes.ALLOW_COND")
        if word.startswith("POP_3_"):
            raise Failure(500, f"No enum constant ProtocolTypes.{word}")


def _needed_words(configuration: Configuration) -> Iterator[str | None]:
    for firewall in (configuration.firewall, configuration.stateful_firewall):
        if firewall is not None:
            yield firewall.default_action
            for element in firewall.elements:
                yield element.action
                yield element.protocol
    if configuration.endhost is not None:
        yield configuration.endhost.protocol
    if configuration.dpi is not None:
        yield configuration.dpi.default_action
        yield from (element.action for element in configuration.dpi.dpi_elements)
    waf = configuration.web_application_firewall
    if waf is not None:
        yield waf.default_action
        yield from (element.action for element in waf.waf_elements)
