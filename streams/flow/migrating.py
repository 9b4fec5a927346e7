"""What a graph has to become before its nodes stand for something else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streams.flow.caution import element_of
from streams.flow.differences import firewall_in, read_rule
from streams.flow.index import GraphIndex
from streams.flow.rewriting import Pods, Rewritten
from streams.flow.workloads import identity_name
from streams.graph.alignment import as_told
from streams.graph.model import ENDHOST, FIREWALL, GraphState, Node
from streams.graph.wanted import Owner, WantedGraph, WantedNode, pod_node
from streams.records.addresses import is_exact
from streams.records.rules import Rule
from streams.records.views import PodRef


class Pod(NamedTuple):
    """A pod that lives: its uid, its address, and the keys of the identities it may be of."""

    uid: str
    address: str | None
    homes: frozenset[str]


def meant(state: GraphState, pods: Mapping[str, Pod], *, aliases: bool) -> dict[str, Pods]:
    """Return the keys of the pods that each address means, by the nodes of a graph.

    Addresses of pods without a node mean them, or as ``aliases`` all pods of their identity.
    """
    found: dict[str, Pods] = {}
    identities: dict[str, Pods] = {}
    members = _members(pods)
    for node in state.nodes:
        if node.bears_our_name:
            key = _key(node)
            lives = key in pods and pods[key].uid == node.mark[1]
            own = frozenset({key}) if lives else members.get(key, frozenset())
            found[node.name] = identities[key] = own
    for name, pod in sorted(pods.items()):
        if pod.address and pod.address not in found:
            homes = [identities[each] for each in sorted(pod.homes) if each in identities]
            found[pod.address] = homes[0] if aliases and homes else frozenset({name})
    return found


def will_mean(nodes: Mapping[str, PodRef], pods: Mapping[str, Pod]) -> dict[str, Pods]:
    """Return the keys of the pods that each address is to mean, by what nodes are to stand for."""
    members = _members(pods)
    return {
        pod.address: frozenset({key}) if pod.identity is None else members.get(key, frozenset())
        for key, pod in nodes.items()
        if pod.address
    }


def _members(pods: Mapping[str, Pod]) -> dict[str, Pods]:
    """Return the keys of the pods of each identity."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, pod in pods.items():
        for home in pod.homes:
            found[home].add(name)
    return {home: frozenset(names) for home, names in found.items()}


def bound(index: GraphIndex) -> dict[str, Rule | None]:
    """Return each rule with the addresses of whom it is bound to; None: one of them is gone."""
    living = {each.pod.uid: each.pod.address for each in index.pods.values() if each.live}
    return {key: _bound(index, key, living) for key, row in index.rules.items() if not row.dropped}


def _bound(index: GraphIndex, key: str, living: Mapping[str, str | None]) -> Rule | None:
    row, ends = index.rules[key], dict[str, str]()
    for end, name in row.ends():
        uid = index.uid(key, end) if is_exact(name) else None
        address = living.get(uid) if uid else name
        if address is None:
            return None
        ends[end] = address
    return row.rule.model_copy(update=ends)


def rules_in(node: Node) -> list[Rule]:
    """Return the rules of a firewall, but for what is none to us."""
    return [rule for rule in map(read_rule, node.elements) if rule is not None]


def with_hosts(state: GraphState, hosts: Mapping[str, Owner], firewall: str) -> WantedGraph:
    """Return a graph as it is, with more end hosts behind its firewall."""
    nodes = _as_they_are(state)
    new = [address for address in hosts if address not in nodes]
    centre = nodes[firewall]
    nodes[firewall] = centre._replace(neighbours=(*centre.neighbours, *new))
    return WantedGraph(nodes | {each: pod_node(each, hosts[each], firewall) for each in new})


def with_rules(state: GraphState, lists: Mapping[str, Rewritten]) -> WantedGraph:
    """Return a graph as it is, with other rules in its firewalls."""
    nodes = _as_they_are(state)
    for name, new in lists.items():
        node = firewall_in(state, name)
        if node is None:
            continue
        have, wanted = set(rules_in(node)), set(new.rules)
        gone = (each for each in node.elements if (rule := read_rule(each)) and rule not in wanted)
        added = (element_of(rule) for rule in new.rules if rule not in have)
        nodes[name] = nodes[name]._replace(added=tuple(added), taken=tuple(map(as_told, gone)))
    return WantedGraph(nodes)


def rest(spoken: Iterable[Rule], written: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return what is said by topic and not written as well."""
    known = set(written)
    return tuple(rule for rule in spoken if rule not in known)


def _key(node: Node) -> str:
    """Return the key of the pod or of the identity for which a node stands."""
    cluster, namespace, *names = node.mark[0].split("/")
    name = names[0] if len(names) == 1 else identity_name(names[0], names[1])
    return f"{cluster}/{namespace}/{name}"


def _as_they_are(state: GraphState) -> dict[str, WantedNode]:
    """Return the nodes that are ours, to be kept; the others are none of our business."""
    return {node.name: _as_it_is(node) for node in state.nodes if _is_ours(state, node)}


def _is_ours(state: GraphState, node: Node) -> bool:
    if node.functional_type == FIREWALL:
        return firewall_in(state, node.name) is not None
    return node.bears_our_name or (node.functional_type == ENDHOST and not node.mark[0])


def _as_it_is(node: Node) -> WantedNode:
    marked = {"name": node.mark[0], "description": node.mark[1]}
    neighbours = tuple(dict.fromkeys(each.name for each in node.neighbours))
    return WantedNode(node.name, node.functional_type or "", neighbours, marked)
