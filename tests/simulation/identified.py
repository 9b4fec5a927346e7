"""A world whose graph stands for workloads: their pods, their keeper, and a judge of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from itertools import permutations
from typing import Any

from streams.flow import identities, tracker
from streams.flow.fence import POD_UID, is_ours
from streams.flow.identities import Identifying
from streams.flow.identity_rows import Identities
from streams.flow.output import IDENTITY_FACTS, POD_EVENTS, Send
from streams.records.facts import Assignment, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEventType
from streams.records.views import PodRef, Workload
from tests.simulation.applying import INSTANCE
from tests.simulation.cluster import Cluster, LivePod
from tests.simulation.judging import Judge
from tests.simulation.kafka import Handle, Task
from tests.simulation.living import Population
from tests.simulation.meant import ALL, NOTHING, Bound, Packets, allowed
from tests.simulation.ruling import GRAPH, Firewall
from tests.simulation.running import PARTITIONS, TRACKING, Run

GRACE = 20.0
RANGE = IPv4Network("10.0.0.0/27")
CANONICAL = [f"10.0.0.{last}" for last in range(11, 18)]
RESERVED = frozenset(str(each) for each in RANGE.hosts()) - {*CANONICAL}
PODS = [f"10.2.0.{last}" for last in range(1, 7)]
WORKLOADS = (
    Workload(kind="Deployment", name="web", selector={"app": "web"}),
    Workload(kind="Deployment", name="web", selector={"app": "web"}),
    Workload(kind="Deployment", name="db", selector={"app": "db", "tier": "back"}),
    Workload(kind="StatefulSet", name="store", selector={"app": "store"}),
    # Its pods wear what the first one's wear.
    Workload(kind="Deployment", name="canary", selector={"app": "web", "track": "canary"}),
    # It does not say how it finds its pods.
    Workload(kind="Job", name="night"),
    None,
)


class Crowd(Population):
    """Whoever scales workloads, rolls them out, and gives pods to other owners."""

    def change(self) -> list[Send]:
        """Let something happen to a pod; sometimes it goes over to another workload."""
        here = (pod for pod in self.cluster.pods.values() if pod.cluster == self.home)
        seen = [pod for pod in here if pod.told == "watcher"]
        if seen and self.chance.random() < 0.1:
            return self._became(self._owned(self.chance.choice(seen)))
        return super().change()

    def _happened(self, event: PodEventType, pod: LivePod) -> list[Send]:
        born = event is PodEventType.ADDED and pod.told == "watcher"
        return super()._happened(event, self._owned(pod) if born else pod)

    def _owned(self, pod: LivePod) -> LivePod:
        workload = self.chance.choice(WORKLOADS)
        selector = (workload.selector if workload else None) or {"app": pod.name}
        if workload is not None and workload.selector is None:
            selector = {"app": workload.name}
        if self.chance.random() < 0.05:
            selector = {"app": f"not-{pod.name}"}
        labels = {**selector, "pod-template-hash": str(self.chance.randrange(9))}
        return pod._replace(workload=workload, labels=labels)


class Told:
    """What the graph was told of identities: the last claim of each, and every one by its uid."""

    def __init__(self) -> None:
        self.ever: dict[str, PodRef] = {}
        self.begin()

    def begin(self) -> None:
        """Forget what was told: the mailbox is a new one."""
        self.claims: dict[str, PodClaim] = {}
        self.ended: set[str] = set()
        self._seen = 0

    def take(self, mailbox: Sequence[GraphFact]) -> None:
        """Take in what is new."""
        for fact in mailbox[self._seen :]:
            claim = fact.claim
            if claim is None:
                continue
            self.ever[claim.pod.uid] = claim.pod
            if not claim.live:
                self.ended.add(claim.pod.uid)
            known = self.claims.get(claim.pod.key)
            if known is None or known.rev < claim.rev:
                self.claims[claim.pod.key] = claim
        self._seen = max(self._seen, len(mailbox))

    def living(self) -> dict[str, PodRef]:
        """Return the identities that live, by key."""
        return {key: claim.pod for key, claim in self.claims.items() if claim.live}


class Selecting(Cluster):
    """A cluster whose policies are not named like the pods that they select."""

    def lives(self, key: str) -> bool:
        """Tell whether some pod that runs is selected by a policy."""
        policy = self.policies.get(key)
        selector = policy["spec"]["podSelector"].get("matchLabels", {}) if policy else None
        return selector is not None and any(
            key.startswith(f"{pod.cluster}/") and selector.items() <= pod.labels.items()
            for pod in running(self)
        )


def running(cluster: Cluster) -> list[LivePod]:
    return [pod for pod in cluster.pods.values() if pod.phase == "Running"]


class IdentityJudge(Judge):
    """Judges pods by what the rules say between the workloads that they are of."""

    def __init__(self, firewalls: Mapping[str, Firewall], told: Callable[[], Told]) -> None:
        super().__init__(firewalls)
        self.cluster = Selecting(self.hear)
        self.told = told

    def hear(self, key: str, old: Any, new: Any, decided: int) -> None:
        """Judge one write of one policy."""
        self._judge_write(key, old, new)
        self.told()
        one = self._node(key)
        for other in map(self._node, self.cluster.policies):
            if one is None or other is None or one.cluster != other.cluster:
                continue
            if _overlap(one, other):
                continue
            self._never_wider(one, other)
            self._never_wider(other, one)

    def _node(self, key: str) -> LivePod | None:
        """Return for which identity a policy is, as a pod that wears what it selects."""
        policy = self.cluster.policies.get(key)
        if policy is None or not is_ours(policy, INSTANCE):
            return None
        pod = self.told().ever[policy["metadata"]["annotations"][POD_UID]]
        labels = policy["spec"]["podSelector"]["matchLabels"]
        return node_of(pod)._replace(labels=labels)

    def _never_wider(self, source: LivePod, destination: LivePod) -> None:
        policies = [self.cluster.policies[pod.key] for pod in (source, destination)]
        said = self._said(source, destination, policies)
        if more := said - self._ever_allowed(source, destination):
            self._wrong(f"wider: {source.name} to {destination.name}: {sorted(more)}")

    def _judge_policies(self) -> None:
        living = self.told().living()
        for key, labels in selectors(running(self.cluster)).items():
            if not labels:
                continue
            policy, identity = self.cluster.policies.get(key), living.get(key)
            uid = policy["metadata"]["annotations"].get(POD_UID) if policy else None
            if identity is None or uid != identity.uid:
                self._wrong(f"{key} has no policy of its own")
        for key, policy in self.cluster.policies.items():
            orphaned = is_ours(policy, INSTANCE) and key not in living
            if orphaned and not self.cluster.lives(key):
                self._wrong(f"orphan {key}")
        for key, policy in self.foreign.items():
            if self.cluster.policies.get(key) != policy:
                self._wrong(f"foreign policy {key} is another")

    def _judge_reach(self, bound: Bound) -> None:
        policies, pods = list(self.cluster.policies.values()), running(self.cluster)
        shared, protected = shared_among(pods), selectors(pods)
        for source, destination in permutations(pods, 2):
            if not (protected[whose(source)] and protected[whose(destination)]):
                continue
            meant = self._meant(source, destination, shared, bound)
            said = self._said(source, destination, policies)
            if said != meant:
                names = f"{source.key} to {destination.key}"
                self._wrong(f"{names}: {sorted(said)} instead of {sorted(meant)}")

    def _meant(
        self, source: LivePod, destination: LivePod, shared: set[str], bound: Bound
    ) -> Packets:
        keys = [whose(pod) for pod in (source, destination)]
        if shared.intersection(keys):
            return NOTHING
        if keys[0] == keys[1]:
            return ALL
        living = self.told().living()
        if not living.keys() >= {*keys}:
            return NOTHING
        ends = [living[key] for key in keys]
        return allowed(*map(node_of, ends), self.firewalls, bound)


def node_of(pod: PodRef) -> LivePod:
    """Return an identity as the pod for which its node stands."""
    return LivePod(pod.name, pod.uid, pod.address, {}, "Running", 0, cluster=pod.cluster)


def whose(pod: LivePod) -> str:
    """Return the key of the identity that a pod is of."""
    owner = pod.workload
    if owner is None or not (owner.selector or {}).items() <= pod.labels.items():
        return f"{pod.cluster}/default/pod.{pod.name}"
    return f"{pod.cluster}/default/{owner.kind.lower()}.{owner.name}"


def selectors(pods: Iterable[LivePod]) -> dict[str, dict[str, str]]:
    """Return by which labels each identity's pods are selected; by none, if they share none."""
    members: defaultdict[str, list[LivePod]] = defaultdict(list)
    for pod in pods:
        members[whose(pod)].append(pod)
    return {key: _selector(key, mine) for key, mine in members.items()}


def shared_among(pods: Sequence[LivePod]) -> set[str]:
    """Return the identities whose labels are worn by somebody else's pods as well."""
    return {
        key
        for key, labels in selectors(pods).items()
        for other in pods
        if labels and whose(other) != key and key.startswith(f"{other.cluster}/")
        if labels.items() <= other.labels.items()
    }


def _selector(key: str, mine: Sequence[LivePod]) -> dict[str, str]:
    said = mine[0].workload.selector if mine[0].workload else None
    if said and "/pod." not in key:
        return said
    worn = set.intersection(*({*pod.labels.items()} for pod in mine))
    return {label: value for label, value in worn if label != "pod-template-hash"}


def _overlap(one: LivePod, other: LivePod) -> bool:
    mine, others = one.labels.items(), other.labels.items()
    return one.key == other.key or mine <= others or others <= mine


class IdentityRun(Run):
    """A world with one more agent, and somebody who looks whose grace is over."""

    def __init__(self, *said: Any) -> None:
        self.known = Told()
        # Who was there when the topics were lost, by uid.
        self.found: set[str] = set()
        self.kept: dict[int, Identities] = {}
        super().__init__(*said)
        self.solver.addresses = CANONICAL

    def _judge(self, firewalls: Mapping[str, Firewall]) -> Judge:
        return IdentityJudge(firewalls, self.told)

    def _people(self) -> Population:
        return Crowd(self.chance, self.cluster, PODS)

    def told(self) -> Told:
        """Return what the graph was told by now."""
        self.known.take(self.mailbox())
        return self.known

    def nodes(self) -> list[LivePod]:
        """Return the identities for which the nodes of the graph stand."""
        return [node_of(pod) for pod in self.told().living().values()]

    def _agents(self) -> Iterable[tuple[str, Callable[[Task], Handle]]]:
        for topic, make in super()._agents():
            yield topic, make
            if topic == POD_EVENTS:
                yield IDENTITY_FACTS, self._keeper

    def _tracker(self, task: Task) -> Handle:
        rows, ours = task.rows("pods"), TRACKING._replace(identities=True)
        return lambda value, key, source: tracker.handle(rows, value, key, source, ours)

    def _keeper(self, task: Task) -> Handle:
        state = self.kept[task.partition] = Identities(GRAPH, task.rows("identities"))
        ours = self._identifying()

        def handle(value, key, source):
            if source.offset % 7 == 6:
                identities.forget(state, task.committed)
            return identities.handle(state, value, source, ours)

        return handle

    def _identifying(self) -> Identifying:
        return Identifying(PARTITIONS, self.epoch, self.clusters, RANGE, RESERVED, GRACE)

    def is_told_again(self) -> bool:
        """Tell whether every identity has a pod that says what its pods wear."""
        return self.told().living().keys() == {whose(pod) for pod in running(self.cluster)}

    def begin(self) -> None:
        """Start as ever; and say for whom the nodes stand that are there."""
        self.told()
        self.found.clear()
        super().begin()
        for key, pod in self.known.living().items():
            if pod.address is not None:
                home, kind = key.rpartition("/")[0], pod.identity.kind
                name = f"{home}/{kind}/{pod.identity.name}"
                assigned = Assignment(address=pod.address, name=name, uid=pod.uid)
                self._identity_fact(assigned=assigned)
                self.found.add(pod.uid)
        read = Mark(kind=MarkKind.FIREWALLS_READ, id="read", graph=GRAPH, epoch=self.epoch)
        self._identity_fact(mark=read)
        self.known.begin()

    def settle(self) -> None:
        """Settle as ever; whoever was found in the graph must be there, or have ended since."""
        super().settle()
        there = {pod.uid for pod in self.told().living().values()}
        if lost := self.found - there - self.known.ended:
            self.judge.violations.append(f"forgotten: {sorted(lost)}")

    def step(self) -> None:
        """Let one thing happen somewhere, or time pass."""
        super().step()
        if self.chance.random() < 0.05:
            self.broker.now += self.chance.choice((1.0, 5.0, GRACE))
        if self.chance.random() < 0.05:
            self.look()

    def look(self) -> bool:
        """Say that somebody's grace is over, if that is so; tell whether it was."""
        state = self.kept[self.broker.partition_of(GRAPH)]
        over = identities.due(state, self.broker.now, self._identifying())
        if over:
            mark = Mark(kind=MarkKind.GRACE_OVER, id="over", graph=GRAPH, epoch=self.epoch)
            self._identity_fact(mark=mark)
        return over

    def _settle_more(self) -> bool:
        return super()._settle_more() or self.look()

    def _identity_fact(self, **said: Any) -> None:
        fact = GraphFact(graph=GRAPH, **said)
        self.broker.append(Send(IDENTITY_FACTS, GRAPH, fact))
