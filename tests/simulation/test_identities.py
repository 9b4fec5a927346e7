"""Worlds whose graph stands for workloads: random ones with every fault, and a few told out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.flow import identities, identity_marks
from streams.flow.identity_rows import IdentitiesRow
from streams.flow.output import FIREWALL_CHANGES, Send
from streams.records.pods import PodEventType
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import Workload
from tests.simulation.cluster import LivePod
from tests.simulation.identified import GRACE, WORKLOADS, Crowd, IdentityRun
from tests.simulation.playing import play
from tests.simulation.ruling import GRAPH, LOOSE
from tests.simulation.running import ALL_FAULTS, NO_FAULTS, Faults
from tests.simulation.test_worlds import WORLDS

WEB, DB = WORKLOADS[0], WORKLOADS[2]
STORE = WORKLOADS[3]


def played(seed: int, faults: Faults = ALL_FAULTS) -> list[str]:
    try:
        return play(seed, faults=faults, world=IdentityRun)
    except Exception as error:
        return [repr(error)]


@pytest.mark.parametrize("batch", range(4))
@pytest.mark.fault("F08", "F20", "F22", "F49")
def test_worlds_of_workloads_keep_every_promise(batch):
    each = max(1, WORLDS // 100)
    seeds = range(batch * each, (batch + 1) * each)

    assert {seed: wrong for seed in seeds if (wrong := played(seed))} == {}


def test_worlds_of_workloads_without_faults_write_nothing_twice():
    seeds = range(10_000, 10_000 + max(1, WORLDS // 100))

    assert {seed: wrong for seed in seeds if (wrong := played(seed, NO_FAULTS))} == {}


def rows_are_taken_as_they_are(patch):
    patch.setattr(IdentitiesRow, "before", lambda row, offset: row)


def addresses_are_given_before_verefoo_was_read(patch):
    for module in (identities, identity_marks):
        patch.setattr(module, "is_open", lambda state, ours: True)


def labels_may_be_anybodys(patch):
    patch.setattr("streams.flow.wearing.Wearing.wearers", lambda wearing, identity: set())


def an_address_is_free_at_once(patch):
    patch.setattr("streams.flow.allocation.Addresses.hold", lambda addresses, address, key: None)


@pytest.mark.parametrize(
    "mutate",
    [
        rows_are_taken_as_they_are,
        addresses_are_given_before_verefoo_was_read,
        labels_may_be_anybodys,
        an_address_is_free_at_once,
    ],
)
def test_without_this_line_some_world_of_workloads_goes_wrong(mutate: Callable):
    with pytest.MonkeyPatch.context() as patch:
        mutate(patch)
        seed = next((seed for seed in range(40) if played(seed)), None)

    assert seed is not None


class Unmoved(Crowd):
    """Nobody but the test gives pods to workloads."""

    def _owned(self, pod: LivePod) -> LivePod:
        return pod


class Story(IdentityRun):
    """A world in which only that happens which the test says."""

    def __init__(self) -> None:
        super().__init__(0, NO_FAULTS)
        self.begin()
        self.settle()

    def _people(self) -> Crowd:
        return Unmoved(self.chance, self.cluster)

    def born(self, name: str, workload: Workload | None, address: str, **labels: str) -> None:
        self.cluster.clock += 1
        uid, worn = f"uid-{self.cluster.clock}", (workload.selector if workload else {}) | labels
        pod = LivePod(name, uid, address, worn, "Running", self.cluster.clock, workload=workload)
        self.people._happened(PodEventType.ADDED, pod)
        self.settle()

    def dies(self, name: str) -> None:
        self.people._died(self.cluster.pods[f"local/default/{name}"])
        self.settle()

    def allows(self, source: str, destination: str) -> None:
        rule = Rule(
            action=Action.ALLOW,
            source=str(self.identity(source).address),
            destination=str(self.identity(destination).address),
            protocol=Protocol.TCP,
            dst_port="80",
        )
        holders = {str(pod.address): pod.uid for pod in self.nodes()}
        change = self.solver._said(LOOSE, holders, added=(rule,))
        self.broker.append(Send(FIREWALL_CHANGES, GRAPH, change))
        self.judge.rules_changed()
        self.settle()

    def identity(self, name: str):
        return self.told().living()[f"local/default/{name}"]

    def reaches(self, source: str, destination: str) -> bool:
        pods = [self.cluster.pods[f"local/default/{name}"] for name in (source, destination)]
        return bool(self.judge._said(*pods, list(self.cluster.policies.values())))


@pytest.fixture
def shop() -> Story:
    story = Story()
    story.born("web-1", WEB, "10.2.0.1", hash="1")
    story.born("web-2", WEB, "10.2.0.2", hash="1")
    story.born("db-1", DB, "10.2.0.3")
    story.allows("deployment.web", "deployment.db")
    return story


def test_scaling_and_rolling_over_changes_no_policy_and_no_node(shop):
    before, nodes = shop.cluster.writes, shop.nodes()

    for number in (3, 4, 5):
        shop.born(f"web-{number}", WEB, f"10.2.0.{number + 1}", hash="1")
        assert shop.reaches(f"web-{number}", "db-1")
    for number in (1, 2):
        shop.dies(f"web-{number}")
    for number in (3, 4, 5):
        shop.born(f"web-{number}-new", WEB, f"10.2.0.{number + 10}", hash="2")
        shop.dies(f"web-{number}")
        assert shop.reaches(f"web-{number}-new", "db-1")

    assert shop.cluster.writes == before
    assert shop.nodes() == nodes
    assert shop.judge.violations == []


def test_a_pod_that_is_replaced_keeps_its_reach_and_who_gets_its_address_nothing(shop):
    shop.born("store-0", STORE, "10.2.0.9")
    shop.allows("deployment.web", "statefulset.store")

    shop.dies("store-0")
    shop.born("other", None, "10.2.0.9", app="other")
    shop.born("store-0", STORE, "10.2.0.8")

    assert shop.reaches("web-1", "store-0")
    assert not shop.reaches("web-1", "other")
    assert shop.judge.violations == []


def test_all_state_and_all_topics_lost_leave_the_same_identities(shop):
    nodes, before = shop.nodes(), shop.judge.spec_writes

    shop.begin_anew()
    shop.settle()

    assert sorted(shop.nodes()) == sorted(nodes)
    assert shop.judge.spec_writes == before
    assert shop.reaches("web-1", "db-1")
    assert shop.judge.violations == []


@pytest.mark.parametrize("waits", [False, True], ids=["within-its-grace", "after-its-grace"])
def test_a_workload_that_comes_back_has_its_rules_within_its_grace_alone(shop, waits):
    before = shop.identity("deployment.db")
    shop.dies("db-1")
    shop.broker.now += GRACE if waits else GRACE / 2
    shop.settle()

    shop.born("db-9", DB, "10.2.0.7")

    assert (shop.identity("deployment.db").uid == before.uid) is not waits
    assert shop.reaches("web-1", "db-9") is not waits
    assert shop.judge.violations == []


def test_two_workloads_with_one_label_set_are_closed_until_one_is_gone(shop):
    blue = Workload(kind="Deployment", name="blue", selector={"app": "web"})

    shop.born("blue-1", blue, "10.2.0.7")
    assert not shop.reaches("web-1", "db-1")
    assert not shop.reaches("blue-1", "db-1")

    shop.dies("blue-1")
    assert shop.reaches("web-1", "db-1")
    assert shop.judge.violations == []
