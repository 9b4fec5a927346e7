"""What a watcher says of pods, in which order, and what it leaves out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.clients.errors import TryLater
from agents.courier import Courier
from agents.pod_teller import PodTeller
from streams.flow.output import DEAD_LETTERS, Send
from streams.flow.tracker import PodRow, Tracking, handle
from streams.records.cause import Source
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEvent
from streams.records.views import Workload

NAMES = ["a", "b", "c"]


def pod(name: str, version: int, label: str = "x", uid: str = "u") -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "uid": uid}
    return {
        "metadata": meta | {"resourceVersion": str(version), "labels": {"app": label}},
        "status": {"phase": "Running", "podIP": f"10.1.0.{ord(name) - 96}"},
    }


class Sent:
    """A broker whose acknowledgements come after a few turns of the loop, each after its own."""

    def __init__(self, turns: list[int] | None = None) -> None:
        self.begun: list[Send] = []
        self.arrived: list[Send] = []
        self._turns = turns or [0]

    async def emit(self, output: Send) -> None:
        self.begun.append(output)
        for _ in range(self._turns[len(self.begun) % len(self._turns)]):
            await asyncio.sleep(0)
        self.arrived.append(output)


class Whose:
    """Who says of every pod that it is of the same Deployment; without a name he cannot say."""

    unread: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    async def begin(self, pods: Any) -> None:
        """Nothing is to be prepared."""

    async def workload(self, pod: Any) -> Workload:
        if not self.name:
            raise TryLater("busy")
        return Workload(kind="Deployment", name=self.name)


def teller(sent: Sent, at_once: int = 8, **more: Any) -> tuple[PodTeller, Courier]:
    courier = Courier(sent.emit, at_once)
    told = {"cluster_name": "local", "partitions": 2, "epoch": 1, "lease": 5}
    return PodTeller(courier, **told, **more), courier  # type: ignore[arg-type]


@settings(max_examples=2 * settings().max_examples)
@given(st.lists(st.sampled_from(NAMES)), st.lists(st.integers(0, 5), min_size=1), st.integers(1, 4))
def test_records_of_one_key_arrive_in_their_order(
    names: list[str], turns: list[int], at_once: int
) -> None:
    async def send_all() -> tuple[list[Send], list[Send]]:
        sent = Sent(turns)
        courier = Courier(sent.emit, at_once)
        mark = Mark(kind=MarkKind.BARRIER, id="b")
        outputs = [
            Send("t", name, PodEvent(mark=mark.model_copy(update={"partition": number})))
            for number, name in enumerate(names)
        ]
        for output in outputs:
            await courier.send(output)
        await courier.arrived()
        return outputs, sent.arrived

    outputs, arrived = asyncio.run(send_all())

    assert len(arrived) == len(outputs)
    for name in NAMES:
        assert [each for each in arrived if each.key == name] == [
            each for each in outputs if each.key == name
        ]


async def test_no_more_than_so_many_are_under_way() -> None:
    going = most = 0

    async def emit(output: Send) -> None:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0)
        going -= 1

    courier = Courier(emit, at_once=3)
    for number in range(20):
        await courier.send(Send("t", str(number), PodEvent(mark=Mark(kind="BARRIER", id="b"))))
    await courier.arrived()

    assert most == 3


async def test_a_failure_is_noticed_with_nothing_to_send_and_ends_all_sending() -> None:
    async def emit(output: Send) -> None:
        raise ConnectionError("no broker")

    courier = Courier(emit)
    mark = PodEvent(mark=Mark(kind=MarkKind.BARRIER, id="b"))
    await courier.send(Send("t", "a", mark))

    with pytest.raises(ConnectionError):
        await courier.failure()
    with pytest.raises(ConnectionError):
        await courier.arrived()
    with pytest.raises(ConnectionError):
        await courier.send(Send("t", "b", mark))


async def test_what_we_do_not_carry_is_no_news_but_a_listing_names_all() -> None:
    sent = Sent()
    speaker, courier = teller(sent)

    await speaker.tell("ADDED", pod("a", 1))
    await speaker.tell("MODIFIED", pod("a", 2))
    await speaker.tell("MODIFIED", pod("a", 3, "y"))
    started = await speaker.list_started("l")
    await speaker.tell("ADDED", pod("a", 4, "y"))
    await speaker.list_complete("l", started)
    await speaker.tell("MODIFIED", pod("a", 5, "y"))
    await courier.arrived()

    said = [each.value for each in sent.arrived if isinstance(each.value, PodEvent)]
    assert [event.resource_version for event in said if event.mark is None] == ["1", "3", "4"]


async def test_a_pod_that_came_to_be_of_another_workload_is_news() -> None:
    sent, whose = Sent(), Whose("web")
    speaker, courier = teller(sent, workloads=whose)

    await speaker.tell("ADDED", pod("a", 1))
    await speaker.tell("MODIFIED", pod("a", 2))
    whose.name = "other"
    await speaker.tell("MODIFIED", pod("a", 3))
    await courier.arrived()

    said = [each.value.workload for each in sent.arrived if isinstance(each.value, PodEvent)]
    assert said == [Workload(kind="Deployment", name=name) for name in ("web", "other")]


async def test_whose_workload_is_not_known_yet_is_not_told() -> None:
    sent, whose = Sent(), Whose("")
    speaker, courier = teller(sent, workloads=whose)

    with pytest.raises(TryLater):
        await speaker.tell("ADDED", pod("a", 1))
    whose.name = "web"
    await speaker.tell("ADDED", pod("a", 1))
    await courier.arrived()

    assert len(sent.arrived) == 1


async def test_a_pod_that_came_back_is_news() -> None:
    sent = Sent()
    speaker, courier = teller(sent)

    for change in ("ADDED", "DELETED", "ADDED"):
        await speaker.tell(change, pod("a", 1))
    await courier.arrived()

    assert len(sent.arrived) == 3


@pytest.mark.row("E31")
@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("BOOKMARK", pod("a", 7)),
        ("ERROR", {"kind": "Status", "code": 410, "metadata": {}, "message": "too old"}),
        ("ADDED", {"kind": "Status", "code": 410, "metadata": {}, "message": "too old"}),
        ("added", pod("a", 7)),
    ],
)
async def test_what_is_no_change_of_a_pod_is_one_dead_letter(
    change: str, found: dict[str, Any]
) -> None:
    sent = Sent()
    speaker, courier = teller(sent)

    await speaker.tell(change, found)
    await courier.arrived()

    (letter,) = sent.arrived
    assert (letter.topic, letter.value.reason) == (DEAD_LETTERS, "bad-pod")  # type: ignore[union-attr]


async def play(speaker: PodTeller, acts: list[tuple[str, str]], told: bool) -> set[str]:
    """Let pods come and go, perhaps unseen, with a listing now and then and one at the end."""
    there: dict[str, str] = {}
    for version, (name, act) in enumerate([*acts, ("a", "list")]):
        if act == "list":
            started = await speaker.list_started(str(version))
            for each, uid in there.items():
                await speaker.tell("ADDED", pod(each, version, uid=uid))
            await speaker.list_complete(str(version), started)
        elif (act == "ADDED") == (name not in there):
            uid = there.pop(name, f"u-{version}")
            if act == "ADDED":
                there[name] = uid
            if told:
                await speaker.tell(act, pod(name, version, uid=uid))
    return set(there)


@settings(max_examples=2 * settings().max_examples)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["ADDED", "DELETED", "list"]))),
    st.lists(st.integers(0, 3), min_size=1),
    st.booleans(),
)
def test_the_tracker_ends_with_the_pods_there_are_whatever_was_missed(
    acts: list[tuple[str, str]], turns: list[int], told: bool
) -> None:
    async def follow() -> tuple[Sent, set[str]]:
        sent = Sent(turns)
        speaker, courier = teller(sent)
        there = await play(speaker, acts, told)
        await courier.arrived()
        return sent, there

    sent, there = asyncio.run(follow())

    rows: dict[str, PodRow] = {}
    ours = Tracking("local", ("main",), frozenset({"default"}), frozenset())
    for offset, send in enumerate(sent.arrived):
        assert isinstance(send.value, PodEvent)
        if send.partition in (None, 0):
            source = Source(topic="pod-events", partition=0, offset=offset)
            handle(rows, send.value, send.key, source, ours)
    assert {row.pod.name for row in rows.values() if row.live} == there
