"""One seeded world: the real handlers on the modelled Kafka, a world that will not keep still."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agents import policy_applier
from streams.flow import compiler, gate, router, tracker
from streams.flow.judging import Judging
from streams.flow.output import (
    FIREWALL_CHANGES,
    GRAPH_FACTS,
    POD_EVENTS,
    POD_RULES,
    POLICY_PATCHES,
    Send,
)
from tests.simulation.applying import SYNCED, Call, Queue, arrive
from tests.simulation.cluster import LivePod
from tests.simulation.judging import Judge
from tests.simulation.kafka import Broker, Handle, Killed, Place, Task
from tests.simulation.living import Population
from tests.simulation.meant import Heard, bindings
from tests.simulation.ruling import GRAPH, LOOSE, STRICT, Firewall, Solver
from tests.simulation.watching import Watcher

PARTITIONS = 2
CLUSTER = "local"
TRACKING = tracker.Tracking(CLUSTER, (GRAPH,), frozenset({"default"}), frozenset({LOOSE, STRICT}))
CHECKS = gate.Checks(frozenset({GRAPH}), frozenset({LOOSE, STRICT}))
PATCHES = f"{POLICY_PATCHES}.{CLUSTER}"
FOREIGN = {
    "metadata": {"name": "e", "namespace": "default", "labels": {"team": "shop"}},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}
NEIGHBOUR = {
    "metadata": {
        "name": "z",
        "namespace": "default",
        "labels": {"app.kubernetes.io/managed-by": "vereflow", "vereflow.io/instance": "other"},
    },
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}


class Faults(NamedTuple):
    """What goes wrong in a world."""

    crashes: bool = True
    zombies: bool = True
    changes_of_leader: bool = True


ALL_FAULTS = Faults()
NO_FAULTS = Faults(crashes=False, zombies=False, changes_of_leader=False)


class Run:
    """A world and everything that runs in it; ``chance`` decides all that happens.

    Where changes are limited, what counts is what the mailbox says, read slowly beside the router.
    Each cluster has a watcher and an applier of its own.
    """

    clusters: tuple[str, ...] = (CLUSTER,)
    judging = Judging()

    def __init__(
        self,
        seed: int,
        faults: Faults = ALL_FAULTS,
        trace: Callable[[str], None] | None = None,
        limit: int | None = None,
    ) -> None:
        self.chance = random.Random(seed)
        self.faults = faults
        self.trace = trace
        self.epoch = 1
        self.broker = Broker(PARTITIONS)
        self.limit = limit
        self.solver = Solver(self.chance, limited=limit is not None)
        self.heard = Heard(PARTITIONS, limit)
        self.judge = self._judge(self.solver.firewalls if limit is None else self.heard.firewalls)
        self.cluster = self.judge.cluster
        self.judge.put_foreign("local/default/e", FOREIGN)
        self.judge.put_foreign("local/default/z", NEIGHBOUR)
        self.people = self._people()
        self.calls: list[Call] = []
        # Requests whose sender is dead or only paused: they arrive one day.
        self.stray: list[Call] = []
        self.queues: dict[Place, Queue] = {}
        self.tasks = [task for place in self._agents() for task in self._tasks(*place)]
        self.watchers: list[Watcher] = []
        self.lease = 0

    def _judge(self, firewalls: Mapping[str, Firewall]) -> Judge:
        return Judge(firewalls)

    def _people(self) -> Population:
        return Population(self.chance, self.cluster)

    def _people_at(self, home: str) -> Population:
        return self.people

    def nodes(self) -> list[LivePod]:
        """Return the pods for which the nodes of the graph stand."""
        return list(self.cluster.pods.values())

    def _agents(self) -> Iterable[tuple[str, Callable[[Task], Handle]]]:
        yield POD_EVENTS, self._tracker
        yield FIREWALL_CHANGES, lambda _: lambda v, k, s: gate.handle(v, k, s, CHECKS)
        yield GRAPH_FACTS, self._router
        yield POD_RULES, self._compiler
        for cluster in self.clusters:
            yield f"{POLICY_PATCHES}.{cluster}", self._applier

    def _tasks(self, topic: str, make: Callable[[Task], Handle]) -> list[Task]:
        return [Task(self.broker, topic, partition, make) for partition in range(PARTITIONS)]

    def _tracker(self, task: Task) -> Handle:
        rows = task.rows("pods")
        return lambda value, key, source: tracker.handle(rows, value, key, source, TRACKING)

    def _router(self, task: Task) -> Handle:
        graph = router.Graph(GRAPH, task.rows("graph-pods"), task.rows("graph-rules"))
        known = (PARTITIONS, self.epoch, self.clusters, self.judging)
        ours = router.Routing(*known, blast_limit=self.limit)

        def handle(value, key, source):
            if source.offset % 7 == 6:
                router.forget(graph, task.committed)
            return router.handle(graph, value, source, ours)

        return handle

    def _compiler(self, task: Task) -> Handle:
        rows = task.rows("pod-rules")
        ours = compiler.Compiling("demo", self.epoch, self.clusters)
        return lambda value, key, source: compiler.handle(rows, value, key, source, ours)

    def _applier(self, task: Task) -> Handle:
        queue = Queue(task, self.cluster, self.calls, self.epoch)
        self.queues[task.topic, task.partition] = queue
        return queue.take

    def begin(self) -> None:
        """Start the watchers' side: a leader that lists, and all rules read once."""
        self.judge.rules_changed()
        for cluster in self.clusters:
            self._elect(cluster)
        living = {pod.uid for pod in self.nodes()}
        for send in self.solver.read_again(self.epoch, living):
            self.broker.append(send)

    def act(self) -> None:
        """Change the world: a pod or a rule."""
        if self.chance.random() < 0.6:
            for send in self.people.change():
                self.broker.append(send)
        else:
            for send in self.solver.change(self.nodes()):
                self._say(f"rules: {send.value.model_dump_json(exclude_defaults=True)}")
                self.broker.append(send)
        self._follow()
        for queue in self.queues.values():
            queue.keys |= {key for key in self.cluster.policies if queue.owns(key)}
        self._say(
            f"pods: {[(pod.name, pod.uid, pod.address) for pod in self.cluster.pods.values()]}"
        )

    def step(self) -> None:
        """Let one thing happen somewhere in the machinery."""
        happenings = (
            (0.42, self._process),
            (0.55, self._flush),
            (0.62, self._commit),
            (0.85, self._apply),
            (0.965, self._watch),
            (0.985, self._crash),
            (1.0, self._deliver_late),
        )
        dice = self.chance.random()
        next(happen for below, happen in happenings if dice < below)()

    def chaos(self, acts: int) -> None:
        """Let the world change so often while everything goes on and wrong."""
        while acts:
            if self.chance.random() < 0.04:
                self.act()
                acts -= 1
            self.step()
        self.wander(self.chance.randint(0, 60))

    def wander(self, steps: int) -> None:
        """Let so many things happen in the machinery, in a world that keeps still."""
        for _ in range(steps):
            self.step()

    def settle(self) -> None:
        """Let everything that was said have its effect, and judge."""
        leaders = {watcher.home: watcher for watcher in self.watchers}
        self._retire([each for each in self.watchers if each is not leaders[each.home]])
        self.watchers = list(leaders.values())
        for leader in self.watchers:
            while leader.behind:
                leader.follow()
            leader.producer.flush()
        for _ in range(500):
            if not self._settle_more():
                break
        else:
            self.judge.violations.append("it never becomes quiet")
        self._follow()
        limited = self.limit is not None
        self.judge.quiet(self.heard.bound if limited else bindings(self.mailbox()))
        self._let_a_day_pass()

    def _follow(self) -> None:
        """Let the judge know what the firewalls say now."""
        if self.limit is None:
            self.judge.rules_changed()
            return
        for fact in self.mailbox()[self.heard.facts :]:
            self.heard.take(fact)
            self.judge.rules_changed()

    def mailbox(self) -> list:
        """Return all facts of the graph in their order."""
        place = (GRAPH_FACTS, self.broker.partition_of(GRAPH))
        return [fact for _, fact in self.broker.logs[place]]

    def next_epoch(self) -> int:
        """Return what ``vereflow init`` chooses: one above what it finds on our policies."""
        return self.epoch + 1

    def is_told_again(self) -> bool:
        """Tell whether all that policies are for would be told again to new topics."""
        return True

    def wipe(self) -> None:
        """Lose all state, changelogs and offsets; the topics stay and are read again."""
        self.calls.clear()
        self.stray.clear()
        for task in self.tasks:
            task.wipe()

    def begin_anew(self) -> None:
        """Lose the topics as well; only the policies stay, and the epoch is one higher."""
        if self.limit is not None:
            # What was refused is taken out of the lists, or it would count from the beginning.
            self.solver.firewalls.update(self.heard.firewalls)
            self.solver.learn(self.heard.bound)
            self.heard.begin()
        else:
            self.solver.learn(bindings(self.mailbox()))
        self.broker.lose_topics()
        self.epoch = self.next_epoch()
        self.wipe()
        self.watchers = []
        self.begin()
        for send in self.people.say_again():
            self.broker.append(send)

    def _let_a_day_pass(self) -> None:
        """Forget the pods that are gone, if nobody is left who could still speak of them."""
        if self.broker.late or self.stray:
            return
        for task in self.tasks:
            if task.topic == POD_EVENTS:
                tracker.forget(task.rows("pods"), task.committed, math.inf)
            elif task.topic == POD_RULES:
                compiler.forget(task.rows("pod-rules"), task.committed, math.inf)
            elif task.topic.startswith(POLICY_PATCHES):
                kept = {SYNCED, *self.cluster.policies}
                policy_applier.forget(task.rows("wanted"), kept.__contains__, math.inf)
            task.commit()

    def _settle_more(self) -> bool:
        busy = False
        for task in self.tasks:
            while task.behind:
                task.process()
                busy = True
            busy |= bool(task.producer.waiting)
            task.commit()
        for queue in self.queues.values():
            for key in queue.ready:
                queue.compare(key)
                busy = True
        while self.calls:
            self._arrive(self.calls, self.calls[0])
            busy = True
        return busy

    def _process(self) -> None:
        ready = [task for task in self.tasks if task.behind]
        if not ready:
            return
        task = self.chance.choice(ready)
        fuse = (
            self.chance.randint(0, 3) if self.faults.crashes and self.chance.random() < 0.03 else -1
        )
        self._say(f"{task.topic}/{task.partition}/{task.position}")
        try:
            task.process(fuse)
        except Killed:
            self._say("killed between two puts")
            self._abandon(self.queues.get((task.topic, task.partition)), zombie=False)
            task.crash(self.chance, moves=self.chance.random() < 0.5, zombie=False)

    def _flush(self) -> None:
        self.chance.choice(self.tasks).producer.flush_some(self.chance)

    def _commit(self) -> None:
        self.chance.choice(self.tasks).commit()

    def _deliver_late(self) -> None:
        if self.broker.late and self.chance.random() < 0.7:
            self.broker.deliver_late(self.chance)
        elif self.stray:
            self._arrive(self.stray, self.chance.choice(self.stray))

    def _crash(self) -> None:
        if not self.faults.crashes:
            return
        task = self.chance.choice(self.tasks)
        moves = self.chance.random() < 0.5
        zombie = self.faults.zombies and self.chance.random() < 0.5
        self._say(f"crash of {task.topic}/{task.partition}: {moves=} {zombie=}")
        self._abandon(self.queues.get((task.topic, task.partition)), zombie)
        task.crash(self.chance, moves, zombie)

    def _apply(self) -> None:
        if self.calls and self.chance.random() < 0.5:
            self._arrive(self.calls, self.chance.choice(self.calls))
            return
        queue = self.chance.choice(list(self.queues.values()))
        if queue.ready:
            queue.compare(self.chance.choice(queue.ready))

    def _abandon(self, queue: Queue | None, zombie: bool) -> None:
        under_way = [call for call in self.calls if call.queue is queue]
        for call in under_way:
            self.calls.remove(call)
        if zombie:
            self.stray += under_way

    def _arrive(self, calls: list[Call], call: Call) -> None:
        calls.remove(call)
        self._say(f"call {call.step.verb} {call.key}")
        if self.limit is not None:
            self._follow()
        arrive(call)
        self.look_at(call.key)

    def look_at(self, key: str) -> None:
        """Let the owner of a key compare it: the watch on our own policies saw it change."""
        for queue in self.queues.values():
            if queue.owns(key):
                queue.keys.add(key)

    def _watch(self) -> None:
        watcher = self.chance.choice(self.watchers)
        dice = self.chance.random()
        if dice < 0.45:
            if watcher.behind:
                watcher.follow()
        elif dice < 0.9:
            watcher.producer.flush_some(self.chance)
        elif dice < 0.92:
            watcher.list_pods()
        elif self.faults.changes_of_leader and dice < 0.96:
            self._elect(watcher.home)
        else:
            oldest, *others = (each for each in self.watchers if each.home == watcher.home)
            if others:
                self._retire([oldest])
                self.watchers.remove(oldest)

    def _elect(self, home: str = CLUSTER) -> None:
        self.lease += 1
        self._say(f"leader {self.lease} at {home}")
        events = self._people_at(home).events
        leader = Watcher(self.broker, self.cluster, events, self.lease, self.epoch, home)
        leader.list_pods()
        self.watchers.append(leader)

    def _retire(self, watchers: list[Watcher]) -> None:
        for watcher in watchers:
            waiting = [each for each in watcher.producer.waiting if isinstance(each, Send)]
            if waiting and self.faults.zombies and self.chance.random() < 0.5:
                self.broker.late.append(waiting)

    def _say(self, text: str) -> None:
        if self.trace:
            self.trace(text)
