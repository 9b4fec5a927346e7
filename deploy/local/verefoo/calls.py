"""What each call of the REST contract does to the store and says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import orjson
from pydantic import ValidationError

from deploy.local.verefoo.bodies import Configuration, Graph, Graphs, Neighbour, Node
from deploy.local.verefoo.demands import Constraints, Property, PropertyDefinition
from deploy.local.verefoo.failures import Failure
from deploy.local.verefoo.store import Store
from deploy.local.verefoo.words import Body

B = TypeVar("B", bound=Body)


class Said(NamedTuple):
    """What a call has to say, before it is wrapped; without a key, links only."""

    status: int = 200
    key: str = ""
    values: list[Any] = []  # noqa: RUF012 - never changed


class Call(NamedTuple):
    """One call: the store it is about, the ids in its path, its body."""

    store: Store
    ids: tuple[int, ...]
    content: bytes

    def read(self, kind: type[B]) -> B:
        """Read the body; raise the 400 for one that makes no sense."""
        try:
            return kind.model_validate(orjson.loads(self.content))
        except (ValidationError, orjson.JSONDecodeError) as fault:
            raise Failure(400, f"JSON parse error: {fault}"[:1000]) from fault


Handler = Callable[[Call], Said]


def list_graphs(call: Call) -> Said:
    """Show all graphs."""
    graphs = list(call.store.graphs.rows.values())
    if not graphs:
        raise Failure(404, "No graph is in the workspace.")
    return Said(200, "graphsList", [{"graph": graphs}])


def create_graphs(call: Call) -> Said:
    """Keep new graphs."""
    return Said(201, "longList", list(call.store.graphs.create(call.read(Graphs).graph)))


def delete_graphs(call: Call) -> Said:
    """Forget all graphs."""
    if not call.store.graphs.rows:
        return Said(304)
    call.store.delete_graphs()
    return Said()


def show_graph(call: Call) -> Said:
    """Show one graph."""
    return Said(200, "graphList", [call.store.graphs.get(call.ids[0])])


def replace_graph(call: Call) -> Said:
    """Lay a graph over a stored one."""
    call.store.graphs.replace(call.ids[0], call.read(Graph))
    return Said()


def delete_graph(call: Call) -> Said:
    """Forget one graph."""
    call.store.delete_graph(call.ids[0])
    return Said()


def add_node(call: Call) -> Said:
    """Keep a new node."""
    return Said(201, "longList", [call.store.graphs.add_node(call.ids[0], call.read(Node))])


def show_node(call: Call) -> Said:
    """Show one node."""
    return Said(200, "nodeList", [call.store.graphs.node(call.ids[1])])


def replace_node(call: Call) -> Said:
    """Lay a node over a stored one."""
    call.store.graphs.replace_node(call.ids[1], call.read(Node))
    return Said()


def delete_node(call: Call) -> Said:
    """Forget one node."""
    call.store.graphs.delete_node(call.ids[0], call.ids[1])
    return Said()


def add_neighbour(call: Call) -> Said:
    """Keep a new neighbour entry."""
    neid = call.store.graphs.add_neighbour(call.ids[1], call.read(Neighbour))
    return Said(201, "longList", [neid])


def delete_neighbour(call: Call) -> Said:
    """Forget a neighbour entry."""
    call.store.graphs.delete_neighbour(call.ids[2])
    return Said()


def show_configuration(call: Call) -> Said:
    """Show a node's configuration; a node without one, or no node, shows nothing."""
    try:
        configuration = call.store.graphs.node(call.ids[1])["configuration"]
    except Failure:
        configuration = None
    return Said(200, "configurationList", [configuration] if configuration else [])


def replace_configuration(call: Call) -> Said:
    """Lay a configuration over a stored one."""
    call.store.graphs.replace_configuration(call.ids[1], call.ids[2], call.read(Configuration))
    return Said()


def show_constraints(call: Call) -> Said:
    """Show a graph's constraints."""
    return Said(200, "constraintsList", [call.store.constraints.get(call.ids[0])])


def create_constraints(call: Call) -> Said:
    """Keep a graph's constraints."""
    call.store.constraints.put(call.ids[0], call.read(Constraints))
    return Said(201)


def replace_constraints(call: Call) -> Said:
    """Keep a graph's constraints, in place of those it had."""
    call.store.constraints.put(call.ids[0], call.read(Constraints))
    return Said()


def delete_constraints(call: Call) -> Said:
    """Forget a graph's constraints."""
    call.store.constraints.delete(call.ids[0])
    return Said()


def list_requirements(call: Call) -> Said:
    """Show all requirement sets, without their ids."""
    requirements = call.store.requirements
    sets = [requirements.get(rid) for rid in requirements.rows]
    return Said(200, "propertyDefinitionList", sets) if sets else Said(204)


def create_requirements(call: Call) -> Said:
    """Keep a new requirement set."""
    rid = call.store.requirements.create(call.read(PropertyDefinition))
    return Said(201, "longList", [rid])


def delete_requirements(call: Call) -> Said:
    """Forget all requirement sets."""
    if not call.store.requirements.rows:
        return Said(304)
    for rid in list(call.store.requirements.rows):
        call.store.requirements.delete(rid)
    return Said()


def show_requirement(call: Call) -> Said:
    """Show one requirement set."""
    return Said(200, "propertyDefinitionList", [call.store.requirements.get(call.ids[0])])


def replace_requirement(call: Call) -> Said:
    """Put other requirements into a set."""
    call.store.requirements.replace(call.ids[0], call.read(PropertyDefinition))
    return Said()


def delete_requirement(call: Call) -> Said:
    """Forget one requirement set."""
    call.store.requirements.delete(call.ids[0])
    return Said()


def add_property(call: Call) -> Said:
    """Keep one more requirement."""
    pid = call.store.requirements.add_property(call.ids[0], call.read(Property))
    return Said(201, "longList", [pid])


def show_property(call: Call) -> Said:
    """Show one requirement."""
    return Said(200, "propertyList", [call.store.requirements.property(call.ids[1])])


def replace_property(call: Call) -> Said:
    """Say one requirement anew."""
    call.store.requirements.replace_property(call.ids[1], call.read(Property))
    return Said()


def delete_property(call: Call) -> Said:
    """Forget one requirement."""
    call.store.requirements.delete_property(call.ids[1])
    return Said()
