"""What it takes for the nodes of a running installation to stand for something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rich.table import Table

from agents.clients.verefoo import Verefoo
from deploy.cli.differing import FLOW_HEADERS, Difference, flow_cells, go_live
from deploy.cli.foreseeing import Seen, look, surroundings
from deploy.cli.remembered import Remembered
from deploy.cli.showing import table
from deploy.errors import Unusable
from deploy.judging import judging_of
from deploy.placing import placement_of
from streams.flow.differences import MOST_RULES, firewall_in, in_one_set, read
from streams.flow.fence import is_ours
from streams.flow.foresight import Foresight
from streams.flow.migrating import Pod, bound, meant, rest, rules_in, will_mean
from streams.flow.rewriting import Nodes, Partial, Rewritten, rewrite
from streams.graph.identities import assignments
from streams.graph.model import FIREWALL, GraphState
from streams.graph.wanted import Owner, owner_of
from streams.policy.reach import name_of, selects
from streams.records.facts import FirewallChange
from streams.records.policies import PolicyPatch
from streams.records.rules import Rule
from streams.records.views import PodRef
from streams.settings import Settings

Json = dict[str, Any]
_MOST_SHOWN = 20


class CannotMigrate(Unusable):
    """Something has to be changed before the nodes may stand for something else."""


class Migration(NamedTuple):
    """The nodes that are to come, each firewall's rules in other words, and what that changes.

    ``spoken`` are the rules that Verefoo does not say, ``unlabelled`` the pods that policies are to
    select by a label that they do not wear yet.
    """

    hosts: dict[str, Owner]
    lists: dict[str, Rewritten]
    spoken: tuple[FirewallChange, ...]
    difference: Difference
    bare: tuple[str, ...]
    unlabelled: tuple[PodRef, ...] = ()

    @property
    def partial(self) -> list[Partial]:
        """Return the rules that will be said of more pods than they were."""
        return [each for done in self.lists.values() for each in done.partial]

    @property
    def nothing(self) -> bool:
        """Whether nothing opens or closes."""
        return not self.difference.flows

    @property
    def code(self) -> str:
        """Return what stands for just these changes of flows."""
        text = json.dumps(self.difference.flows, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def as_data(self) -> Json:
        """Return it as plain data."""
        return {
            "nodes": sorted(self.hosts),
            "rules": {
                name: [rule.model_dump(mode="json", by_alias=True) for rule in done.rules]
                for name, done in self.lists.items()
            },
            "partial": [each.text for each in self.partial],
            "difference": self.difference.as_data(),
            "unprotected": list(self.bare),
            "code": self.code,
        }

    def page(self) -> Iterator[str | Table]:
        """Yield what people want to see of it."""
        if self.difference.flows:
            yield table(FLOW_HEADERS, map(flow_cells, self.difference.flows))
        for each in self.partial[:_MOST_SHOWN]:
            yield each.text
        rules = sum(len(done.rules) for done in self.lists.values())
        yield f"{len(self.hosts)} nodes, {rules} rules in {len(self.lists)} firewalls"
        yield f"it would {self.difference.counted}"


async def plan(
    settings: Settings, verefoo: Verefoo, remembered: Remembered, epoch: int
) -> Migration:
    """Return what our settings ask of an installation whose nodes stand for something else."""
    _check(settings)
    seen, state = await look(settings), await find(settings, verefoo)
    foresight = Foresight(surroundings(settings, epoch), assignments(state))
    for event in seen.events:
        foresight.hear(event)
    pods = {
        key: Pod(pod.uid, pod.address, seen.homes[key]) for key, pod in foresight.tracked().items()
    }
    new = foresight.nodes()
    to_pods = settings.cluster.identity == "pod"
    nodes = Nodes(meant(state, pods, aliases=to_pods), will_mean(new, pods))
    lists = _lists(state, remembered, nodes)
    spoken = _spoken(lists, state, remembered, nodes, new.values())
    for change in (*_written(state, lists, settings), *spoken):
        foresight.say(change.model_copy(update={"change_set": None}))
    wanted = foresight.policies()
    outside = judging_of(settings).outside
    return Migration(
        hosts=_hosts(state, new.values()),
        lists=lists,
        spoken=spoken,
        difference=go_live(wanted, seen.stored, settings, outside),
        bare=tuple(_bare(seen, wanted, settings)),
        unlabelled=seen.unlabelled,
    )


def _check(settings: Settings) -> None:
    if settings.part != "whole" or len(settings.clusters) > 1:
        raise CannotMigrate("several clusters in one graph cannot be migrated")
    if settings.graph.placement != "star":
        raise CannotMigrate(
            "a firewall for each node cannot be carried over: set graph.placement to star, migrate,"
            " and set it back"
        )
    if settings.graph.subnets:
        raise CannotMigrate("a whole cluster that is one node has nothing to migrate")
    if settings.graph.aliases:
        raise CannotMigrate("set graph.aliases when it is done: what they open is not foreseen")


async def find(settings: Settings, verefoo: Verefoo) -> GraphState:
    """Return the graph that is ours."""
    if settings.graph.id is not None:
        return await verefoo.graph(settings.graph.id)
    placement = placement_of(settings.graph)
    found = [each for each in await verefoo.graphs() if placement.is_ours(each)]
    if not found:
        raise CannotMigrate("Verefoo has no graph of ours")
    return min(found, key=lambda each: each.gid)


def _lists(state: GraphState, remembered: Remembered, nodes: Nodes) -> dict[str, Rewritten]:
    """Return what each firewall of the graph has to say; who is gone is named no more."""
    by_rule = _bound_by_rule(remembered)
    found: dict[str, Rewritten] = {}
    for node in state.nodes:
        if node.functional_type == FIREWALL and node.name not in found:
            meant_so = (by_rule.get((node.name, rule), rule) for rule in rules_in(node))
            found[node.name] = rewrite([rule for rule in meant_so if rule is not None], nodes)
    return found


def _bound_by_rule(remembered: Remembered) -> dict[tuple[str, Rule], Rule | None]:
    index = remembered.graph
    return {
        (index.rules[key].firewall, index.rules[key].rule): rule
        for key, rule in bound(index).items()
    }


def _spoken(
    lists: Mapping[str, Rewritten],
    state: GraphState,
    remembered: Remembered,
    nodes: Nodes,
    new: Iterable[PodRef],
) -> tuple[FirewallChange, ...]:
    """Return the rules that came by topic alone, in other words, as one change set."""
    by_key, changes = bound(remembered.graph), list[FirewallChange]()
    uids = {pod.address: pod.uid for pod in new if pod.address}
    for name, rules in remembered.by_topic_alone().items():
        firewall = remembered.graph.firewalls.get(name)
        if firewall is not None and firewall.ordered:
            raise CannotMigrate(f"the rules of {name} have an order: say them without one first")
        said = rewrite([rule for key, _ in rules if (rule := by_key[key]) is not None], nodes)
        left = rest(said.rules, lists[name].rules if name in lists else ())
        default = firewall.default_action if firewall and state.firewall(name) is None else None
        for start in range(0, len(left), MOST_RULES):
            part = left[start : start + MOST_RULES]
            named = {end for rule in part for end in (rule.source, rule.destination)}
            changes.append(
                FirewallChange(
                    graph=remembered.name,
                    firewall=name,
                    added=part,
                    default_action=default,
                    beyond_limit=True,
                    holders={end: uids[end] for end in sorted(named & uids.keys())},
                )
            )
    return tuple(in_one_set(changes, "migration"))


def _written(
    state: GraphState, lists: Mapping[str, Rewritten], settings: Settings
) -> Iterator[FirewallChange]:
    """Yield what the firewalls of the graph will be read to say."""
    for name, done in lists.items():
        node = firewall_in(state, name)
        if node is None:
            continue
        default = read(node, {}, settings.rules.default_allow).said.default
        for start in range(0, max(1, len(done.rules)), MOST_RULES):
            yield FirewallChange(
                graph=settings.graph.name,
                firewall=name,
                default_action=default,
                added=done.rules[start : start + MOST_RULES],
                polled=True,
            )


def _hosts(state: GraphState, new: Iterable[PodRef]) -> dict[str, Owner]:
    """Return the end hosts that are not there yet."""
    there = {(node.name, node.mark) for node in state.nodes}
    found = {pod.address: owner_of(pod) for pod in new if pod.address}
    return {each: owner for each, owner in found.items() if (each, tuple(owner)) not in there}


def _bare(seen: Seen, wanted: Mapping[str, PolicyPatch], settings: Settings) -> Iterator[str]:
    """Yield the pods that policies of ours select now, and none would."""
    ours = [each for each in seen.stored.policies if is_ours(dict(each), settings.instance)]
    new = [patch.manifest for patch in wanted.values() if patch.manifest is not None]
    for name, pod in seen.stored.pods.items():
        home, labels = name.partition("/")[0], pod["metadata"].get("labels") or {}
        before, after = (
            any(
                name_of(each).startswith(f"{home}/")
                and selects(each["spec"]["podSelector"], labels)
                for each in policies
            )
            for policies in (ours, new)
        )
        if before and not after:
            yield name
