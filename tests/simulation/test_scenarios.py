"""Single misfortunes, told one by one: what they were, and how the world must end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.flow.fence import POD_UID, is_ours
from streams.flow.output import FIREWALL_CHANGES, GRAPH_FACTS, POD_EVENTS, POD_RULES, Send
from streams.records.facts import FirewallChange
from streams.records.pods import PodEventType
from streams.records.rules import Action, Protocol, Rule
from tests.simulation.applying import INSTANCE, arrive
from tests.simulation.cluster import LivePod
from tests.simulation.kafka import Task
from tests.simulation.ruling import GRAPH, LOOSE
from tests.simulation.running import NO_FAULTS, PATCHES, Run

X, Y = "10.0.0.11", "10.0.0.12"
A_TO_B = Rule(action=Action.ALLOW, source=X, destination=Y, protocol=Protocol.TCP, dst_port="80")


class Story(Run):
    """A world in which only that happens which the test says."""

    def __init__(self) -> None:
        super().__init__(0, NO_FAULTS)
        self.begin()
        self.born("a", "u1", X)
        self.born("b", "u2", Y)
        self.settle()

    def born(self, name: str, uid: str, address: str) -> None:
        self.cluster.clock += 1
        labels = {"app": name}
        pod = LivePod(name, uid, address, labels, "Running", self.cluster.clock)
        self.people._happened(PodEventType.ADDED, pod)

    def dies(self, name: str) -> None:
        self.people._died(self.cluster.pods[f"local/default/{name}"])

    def says(self, **said: object) -> None:
        holders = {pod.address: pod.uid for pod in self.cluster.pods.values() if pod.address}
        change = self.solver._said(LOOSE, holders, **said)
        self.broker.append(Send(FIREWALL_CHANGES, GRAPH, change))
        self.judge.rules_changed()

    def tasks_of(self, topic: str) -> list[Task]:
        return [task for task in self.tasks if task.topic == topic]

    def until(self, topic: str) -> None:
        """Let everything before this topic's agents happen, and be committed."""
        watcher = self.watchers[-1]
        while watcher.behind:
            watcher.follow()
        watcher.producer.flush()
        for task in self.tasks:
            if task.topic == topic:
                return
            while task.behind:
                task.process()
            task.commit()

    def work(self, topic: str) -> None:
        """Let this topic's agents handle what they have, and send nothing yet."""
        for task in self.tasks_of(topic):
            while task.behind:
                task.process()

    def crash(self, topic: str, moves: bool = False, zombie: bool = False) -> None:
        for task in self.tasks_of(topic):
            task.crash(self.chance, moves, zombie)

    def owners(self) -> dict[str, str]:
        """Return whose policies there are."""
        return {
            key.rpartition("/")[2]: policy["metadata"]["annotations"][POD_UID]
            for key, policy in self.cluster.policies.items()
            if is_ours(policy, INSTANCE)
        }


def fair(story: Story) -> list[str]:
    story.settle()
    return story.judge.violations


AGENTS = [POD_EVENTS, GRAPH_FACTS, POD_RULES, PATCHES]


@pytest.mark.parametrize("moves", [False, True], ids=["stays", "moves"])
@pytest.mark.parametrize("topic", [*AGENTS, FIREWALL_CHANGES])
@pytest.mark.fault("F20")
def test_a_worker_that_dies_with_everything_unsent_loses_nothing(topic, moves):
    story = Story()
    story.says(added=(A_TO_B,))
    story.born("c", "u3", "10.0.0.13")
    story.until(topic)
    story.work(topic)

    story.crash(topic, moves)

    assert fair(story) == []


def paused_write() -> list[str]:
    """Let a request arrive after its sender was succeeded and everything has changed again."""

    def succeed(story: Story) -> None:
        story.crash(PATCHES, moves=True)
        story.says(removed=(A_TO_B,))

    return _paused_write(succeed)


def paused_write_over_new_topics() -> list[str]:
    """Let a request arrive after all topics were lost, though the policy is as it was before it."""

    def lose_topics(story: Story) -> None:
        story.says(removed=(A_TO_B,))
        story.begin_anew()

    return _paused_write(lose_topics)


def _paused_write(meanwhile: Callable[[Story], None]) -> list[str]:
    story = Story()
    story.says(added=(A_TO_B,))
    story.until(PATCHES)
    story.work(PATCHES)
    for queue in story.queues.values():
        for key in queue.ready:
            queue.compare(key)
    paused = list(story.calls)
    story.calls.clear()
    meanwhile(story)
    story.settle()
    for call in paused:
        arrive(call)
    assert len(paused) == 2
    return fair(story)


@pytest.mark.fault("F14", "F49")
def test_a_write_that_arrives_after_all_topics_were_lost_changes_nothing():
    assert paused_write_over_new_topics() == []


@pytest.mark.fault("F49")
def test_a_write_that_arrives_late_changes_nothing():
    assert paused_write() == []


@pytest.mark.parametrize("topic", AGENTS)
@pytest.mark.fault("F22")
def test_a_worker_that_wakes_up_late_changes_nothing(topic):
    story = Story()
    story.says(added=(A_TO_B,))
    story.until(topic)
    story.work(topic)
    story.crash(topic, moves=True, zombie=True)
    story.says(removed=(A_TO_B,))
    story.dies("b")
    assert fair(story) == []
    before = story.cluster.writes

    while story.broker.late:
        story.broker.deliver_late(story.chance)

    assert fair(story) == []
    assert story.cluster.writes == before


def test_rules_that_a_gate_says_once_more_do_not_open_again_what_was_closed():
    story = Story()
    story.says(added=(A_TO_B,))
    story.until(FIREWALL_CHANGES)
    story.work(FIREWALL_CHANGES)
    story.crash(FIREWALL_CHANGES, zombie=True)
    story.says(removed=(A_TO_B,))
    story.settle()

    story.broker.deliver_late(story.chance)

    assert fair(story) == []


def test_a_request_that_arrives_after_its_pod_has_gone_leaves_no_orphan():
    story = Story()
    story.born("c", "u3", "10.0.0.13")
    story.until(PATCHES)
    story.work(PATCHES)
    for queue in story.queues.values():
        for key in queue.ready:
            queue.compare(key)
            story._abandon(queue, zombie=True)
    story.dies("c")
    story.settle()
    assert story.stray

    while story.stray:
        story._arrive(story.stray, story.stray[0])

    assert fair(story) == []
    assert story.owners() == {"a": "u1", "b": "u2"}


@pytest.mark.fault("F07")
def test_a_pod_that_dies_while_nobody_watches_is_missed_by_the_next_listing():
    story = Story()
    story.watchers.clear()
    story.dies("b")

    story._elect()

    assert fair(story) == []
    assert story.owners() == {"a": "u1"}


@pytest.mark.fault("F08")
def test_the_word_of_the_last_leader_brings_nobody_back():
    story = Story()
    story.born("c", "u3", "10.0.0.13")
    old = story.watchers[-1]
    while old.behind:
        old.follow()
    story.dies("c")
    story._elect()
    story.settle()

    old.producer.flush()

    assert fair(story) == []
    assert story.owners() == {"a": "u1", "b": "u2"}


def test_a_pod_the_new_leader_has_not_listed_is_not_lost_for_ever():
    story = Story()
    old = story.watchers[-1]
    story._elect()
    story.born("c", "u3", "10.0.0.13")
    old.follow()
    old.producer.flush()

    assert fair(story) == []
    assert story.owners()["c"] == "u3"


@pytest.mark.fault("F51")
def test_a_name_reborn_takes_over_its_policy_and_inherits_no_rule():
    story = Story()
    story.says(added=(A_TO_B,))
    story.settle()

    story.dies("b")
    story.born("b", "u9", Y)

    assert fair(story) == []
    assert story.owners() == {"a": "u1", "b": "u9"}


@pytest.mark.fault("F50")
def test_an_address_reused_at_once_inherits_no_rule():
    story = Story()
    story.says(added=(A_TO_B,))
    story.settle()

    story.dies("b")
    story.born("c", "u3", Y)

    assert fair(story) == []
    assert story.owners() == {"a": "u1", "c": "u3"}


@pytest.mark.fault("F14")
def test_new_topics_change_no_policy_and_sweep_what_nobody_wants():
    story = Story()
    story.says(added=(A_TO_B,))
    story.born("c", "u3", "10.0.0.13")
    story.settle()
    story.dies("c")
    before = story.judge.spec_writes

    story.begin_anew()

    assert fair(story) == []
    assert story.judge.spec_writes == before + 1
    assert story.owners() == {"a": "u1", "b": "u2"}


@pytest.mark.fault("F19", "F30")
def test_all_state_lost_and_all_topics_read_again_write_nothing():
    story = Story()
    story.says(added=(A_TO_B,))
    story.born("c", "u3", "10.0.0.13")
    story.settle()
    story.dies("c")
    story.settle()
    before = story.cluster.writes

    story.wipe()

    assert fair(story) == []
    assert story.cluster.writes == before


@pytest.mark.count("C5")
@pytest.mark.fault("F49")
def test_the_same_said_three_times_writes_once():
    story = Story()
    isolated = story.cluster.writes
    story.says(added=(A_TO_B,))
    story.settle()
    before = story.cluster.writes
    assert before == isolated + 2

    for _ in range(3):
        story.says(added=(A_TO_B,))
        story.watchers[-1].list_pods()
    story.settle()

    assert story.cluster.writes == before


def test_a_record_of_a_foreign_graph_reaches_nobody():
    story = Story()
    stranger = FirewallChange(graph="other", firewall=LOOSE, elements=(A_TO_B,))
    story.broker.append(Send(FIREWALL_CHANGES, "other", stranger))

    assert fair(story) == []
    refused = [each.reason for task in story.tasks_of(FIREWALL_CHANGES) for each in task.refused]
    assert refused == ["unknown-graph"]
