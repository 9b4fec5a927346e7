"""Put rules and stored policies side by side, and say in which packets they differ."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

from agents.asking.stored import ON_HOST, Stored
from agents.asking.workers import Answers
from deploy.judging import judging_of
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.index import GraphIndex
from streams.flow.views import allowing, resolve
from streams.flow.workloads import home_of
from streams.policy.comparing import Difference, Pair, compare, compare_beyond, open_pods
from streams.policy.compile import compile_policy
from streams.policy.flows import Flows
from streams.policy.reach import Reach
from streams.policy.selection import selector_of
from streams.records.views import Allowance, Direction, Errs, Inexactness, PodRef
from streams.rules.outside import outside_inexactness
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet, from_spans
from streams.rules.spaces import Space, inside, merged, networks
from streams.rules.verdict import in_order
from streams.rules.wording import one_line
from streams.settings import Settings

Json = dict[str, Any]
# Of each difference; its count is always whole.
MOST_PAIRS = 20


@dataclass(frozen=True)
class Findings:
    """Everything in which stored policies are not what the rules are."""

    differences: list[Json]
    inexact: list[Json]
    unprotected: list[Json]
    unsettled: list[str]
    notes: tuple[str, ...]
    counts: Json

    @property
    def settled(self) -> bool:
        """Whether nothing was found that may be different in a moment."""
        return not (self.differences or self.unsettled)

    @property
    def equal(self) -> bool:
        """Whether nothing was found."""
        return self.settled and not (self.inexact or self.unprotected)

    @property
    def summary(self) -> str:
        """Return it in one line."""
        counts = self.counts
        looked = "{pods} pods, {policies} policies, {rules} rules".format_map(counts)
        if self.equal:
            return f"equal: {looked}, {counts['flows']} pairs that reach each other"
        errs: Counter[str] = Counter()
        for each in self.differences:
            errs[each["errs"]] += each["count"]
        found = {
            "pairs wider": errs["wider"],
            "pairs narrower": errs["narrower"],
            "differences that policies cannot say": len(self.inexact),
            "pods open": len({each["pod"] for each in self.unprotected}),
            "not settled": len(self.unsettled),
        }
        said = ", ".join(f"{count} {what}" for what, count in found.items() if count)
        return f"not equal: {said}; looked at {looked}"

    def as_data(self) -> Json:
        """Return it as plain data."""
        return {
            "equal": self.equal,
            "differences": self.differences,
            "inexact": self.inexact,
            "unprotected": self.unprotected,
            "unsettled": self.unsettled,
            "checked": self.counts,
        }


def verify_all(answers: Answers, stored: Stored, settings: Settings) -> Findings:
    """Compare what the workers know of all graphs with what the cluster holds."""
    began = time.perf_counter()
    indexes = list(_indexes(answers))
    flows = Flows(stored.pods, stored.policies, stored.labels)
    rules = _Rules(indexes, settings, stored)
    beyond = compare_beyond(rules.beyond, flows, rules.elsewhere)
    differences = rules.gathered((*compare(rules.allowed, flows), *beyond))
    return Findings(
        differences=differences,
        inexact=rules.inexact,
        unprotected=list(_unprotected(flows, stored)),
        unsettled=list(_unsettled(rules.pods, stored)),
        notes=stored.notes,
        counts={
            "pods": len(stored.pods),
            "policies": len(stored.policies),
            "rules": sum(not row.dropped for index in indexes for row in index.rules.values()),
            "flows": len(rules.allowed),
            "seconds": round(time.perf_counter() - began, 3),
        },
    )


class _Rules:
    """What the rules of all graphs say of the pods of one cluster, by namespace and name.

    What they say of an identity they say of each of its pods, as far as it is known by address.
    """

    def __init__(self, indexes: Sequence[GraphIndex], settings: Settings, stored: Stored) -> None:
        self.allowed: dict[Pair, PortSet] = {}
        # By side and pod: addresses outside, and what they may exchange with it.
        self.beyond: dict[tuple[str, str], list[tuple[Space, PortSet]]] = {}
        self.pods: dict[str, PodRef] = {}
        self._seen: defaultdict[str, set[str]] = defaultdict(set)
        self._indexes = indexes
        self._judging = judging_of(settings)
        # Outside of all clusters, and where pods of the other ones are met.
        met = networks(_met(indexes, settings))
        self.elsewhere = merged((*self._judging.outside, *met))
        found: set[Inexactness] = set()
        for index in indexes:
            if not self._judging.outside:
                subnets = settings.graph.subnets.values()
                found |= set(_unsaid_of_outside(index, subnets))
            for name, identity in _seen(index, settings.cluster.name, stored):
                self._seen[identity.key].add(name)
            for pod in _live(index, settings.cluster.name, stored.labels):
                self.pods |= dict.fromkeys(self._names(pod), pod)
                found |= self._take(index, pod)
        self.inexact = [each.model_dump(mode="json") for each in in_order(list(found))]

    def _take(self, index: GraphIndex, pod: PodRef) -> set[Inexactness]:
        resolved = resolve(index, pod, self._judging)
        names = self._names(pod)
        if pod.identity is not None and not pod.identity.shared_with:
            self.allowed |= dict.fromkeys(permutations(names, 2), EVERYTHING)
        for each in resolved.allowances:
            if each.peer.cluster != pod.cluster:
                self._take_abroad(names, each)
                continue
            # What comes in here goes out there, and is said by that pod's view.
            if each.direction is Direction.EGRESS:
                ports = EVERYTHING if each.everything else from_spans(each.ports)
                for pair in product(names, self._names(each.peer)):
                    self.allowed[pair] = self.allowed.get(pair, NOTHING) | ports
        for one in resolved.outside:
            ports = EVERYTHING if one.everything else from_spans(one.ports)
            for name in names:
                side = (str(one.direction).capitalize(), name)
                self.beyond.setdefault(side, []).append((inside(one.blocks), ports))
        unsaid = compile_policy(pod, resolved.allowances)[1] if selector_of(pod) else ()
        return {*resolved.inexact, *unsaid}

    def _take_abroad(self, names: Collection[str], allowance: Allowance) -> None:
        ports = EVERYTHING if allowance.everything else from_spans(allowance.ports)
        for name in names:
            side = (str(allowance.direction).capitalize(), name)
            self.beyond.setdefault(side, []).append((networks(allowance.seen_at), ports))

    def _names(self, pod: PodRef) -> Collection[str]:
        """Return what one in a graph stands for: a pod for itself, an identity for its pods."""
        return self._seen[pod.key] if pod.identity else (f"{pod.namespace}/{pod.name}",)

    def gathered(self, differences: Iterable[Difference]) -> list[Json]:
        """Return differences of one cause as one, with how many pairs they are about.

        A missing flow comes with the rules that ask for it.
        """
        found: dict[tuple[Errs, PortSet, tuple[str, ...], tuple[str, ...]], Json] = {}
        for each in differences:
            rules = self._asking(each) if each.errs is Errs.NARROWER else ()
            one = found.setdefault(
                (each.errs, each.ports, each.policies, rules),
                {
                    "errs": str(each.errs),
                    "example": each.example,
                    "ports": Reach(each.ports).text or "ICMP",
                    "policies": list(each.policies),
                    "rules": list(rules),
                    "count": 0,
                    "pairs": [],
                },
            )
            one["count"] += 1
            if one["count"] <= MOST_PAIRS:
                one["pairs"].append(f"{each.source} -> {each.destination}")
        return list(found.values())

    def _asking(self, difference: Difference) -> tuple[str, ...]:
        ends = (difference.source, difference.destination)
        if not self.pods.keys() >= set(ends):
            return ()
        source, destination = (self.pods[name] for name in ends)
        rules = (
            rule
            for index in self._indexes
            for rule in allowing(index, source, destination, self._judging)
        )
        return tuple(sorted({one_line(rule) for rule in rules}))


def _indexes(answers: Answers) -> Iterator[GraphIndex]:
    pods = answers.rows("graph-pods", PodsRow)
    rows = answers.rows("graph-rules", GraphRow)
    for graph in sorted({key.partition("|")[0] for key in (*pods, *rows)}):
        yield GraphIndex.of(graph, pods, rows)


def _unsaid_of_outside(index: GraphIndex, subnets: Collection[str]) -> Iterator[Inexactness]:
    """Yield what rules say of addresses that no pod has, where nobody says which these are."""
    rules = (row.rule for row in index.rules.values() if not row.dropped)
    yield from outside_inexactness(rules, subnets=subnets)
    for firewall in index.firewalls.values():
        yield from outside_inexactness((), firewall.default_action)


def _live(index: GraphIndex, cluster: str, namespaces: Collection[str]) -> Iterator[PodRef]:
    for _, row in sorted(index.pods.items()):
        here = row.pod.cluster == cluster and row.pod.namespace in namespaces
        if row.live and here and row.pod.service is None:
            yield row.pod


def _met(indexes: Iterable[GraphIndex], settings: Settings) -> Iterator[str]:
    """Yield the networks at which pods of other clusters are met."""
    for link in settings.graph.links:
        for side in (link.seen, link.dialled):
            yield from side if side != "pods" else ()
    for index in indexes:
        for row in index.pods.values():
            if row.live and row.pod.cluster != settings.cluster.name:
                held = row.pod.aliases if row.pod.identity else (row.pod.address,)
                yield from (f"{each}/32" for each in held if each)


def _seen(index: GraphIndex, cluster: str, stored: Stored) -> Iterator[tuple[str, PodRef]]:
    """Yield each pod that is seen under an alias of one identity here, and the identity.

    Pods of other clusters may have that address as well.
    """
    for name, pod in stored.pods.items():
        home = f"{cluster}/{pod['metadata']['namespace']}"
        claimants = (index.pods[key].pod for key in index.aliases.get(pod["status"]["podIP"], ()))
        identities = (each for each in claimants if each.identity is not None and each.address)
        here = [each for each in identities if home_of(each) == home]
        if len(here) == 1:
            yield name, here[0]


def _unprotected(flows: Flows, stored: Stored) -> Iterator[Json]:
    for name, side in open_pods(flows):
        yield {"pod": name, "why": f"no policy closes its {side}"}
    for name in stored.on_host:
        yield {"pod": name, "why": f"it {ON_HOST}"}


def _unsettled(known: dict[str, PodRef], stored: Stored) -> Iterator[str]:
    for name, pod in stored.pods.items():
        ours = known.get(name)
        if ours is not None and ours.identity is not None:
            # Known by the address it has.
            continue
        if ours is None or ours.uid != pod["metadata"]["uid"]:
            yield f"{name} is in no graph yet"
        elif ours.address != pod["status"]["podIP"]:
            yield f"{name} has {pod['status']['podIP']}, its graph has {ours.address}"
    for name in sorted(known.keys() - stored.pods.keys() - set(stored.on_host)):
        yield f"{name} is in a graph, and not in the cluster with an address"
