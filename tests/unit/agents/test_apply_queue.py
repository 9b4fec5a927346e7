"""What is due, who waits for it, what is known to be stored, and what is remembered and told."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents import outcome_recorder, policy_applier
from agents.clients.kubernetes import Cluster, Listing
from agents.due_policies import DuePolicies
from agents.managed_namespaces import ManagedNamespaces
from agents.outcome_teller import OutcomeTeller
from agents.stored_policies import StoredPolicies
from streams.flow.output import Refusal, Send
from streams.records.cause import Source
from streams.records.marks import Mark, MarkKind
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch, Revision
from streams.records.views import Errs, Inexactness

KEY = "local/default/a"
SOURCE = Source(topic="t", partition=0, offset=0)
KEYS = ["a", "b", "c"]
puts = st.tuples(st.just("put"), st.sampled_from(KEYS), st.booleans())
steps = st.lists(
    puts
    | st.tuples(st.sampled_from(["take", "settle", "postpone", "resume", "bar"]))
    | st.tuples(st.just("resume"), st.sampled_from(KEYS)),
    max_size=60,
)


class Model:
    """The same by remembering everything that ever happened."""

    def __init__(self) -> None:
        self.due = DuePolicies()
        self.time = 0
        self.put_at: dict[str, list[int]] = {key: [] for key in KEYS}
        self.urgent: dict[str, bool] = {}
        self.in_hand: dict[str, int] = {}
        self.postponed: set[str] = set()
        self.bars: dict[str, int] = {}

    def put(self, key: str, urgent: bool) -> None:
        self.put_at[key].append(self.time)
        self.urgent[key] = urgent
        self.postponed.discard(key)
        self.due.put(0, key, urgent)

    def take(self) -> None:
        ready = [
            key
            for key, times in self.put_at.items()
            if times and key not in self.in_hand and key not in self.postponed
        ]
        taken = self.due.take()
        assert (taken is None) == (not ready)
        if taken is not None:
            assert taken.key in ready
            assert self.urgent[taken.key] or not any(self.urgent[key] for key in ready)
            self.in_hand[taken.key] = self.time

    def settle(self) -> None:
        for key, at in list(self.in_hand.items())[:1]:
            self.due.settled(key)
            del self.in_hand[key]
            self.put_at[key] = [time for time in self.put_at[key] if time > at]

    def postpone(self) -> None:
        for key, at in list(self.in_hand.items())[:1]:
            waits = not any(time > at for time in self.put_at[key])
            assert self.due.postponed(key) is waits
            del self.in_hand[key]
            if waits:
                self.postponed.add(key)

    def resume(self, *keys: str) -> None:
        for key in keys:
            self.due.resume(key)
            self.postponed.discard(key)

    def bar(self) -> None:
        name = f"b{self.time}"
        self.bars[name] = self.time
        self.due.bar(0, Mark(kind=MarkKind.BARRIER, id=name))

    def check(self) -> None:
        open_bars = {
            name
            for name, at in self.bars.items()
            if not any(time < at for times in self.put_at.values() for time in times)
        }
        assert {mark.id for _, mark in self.due.reached()} == open_bars
        assert len(self.due) == sum(bool(times) for times in self.put_at.values())


@settings(max_examples=5 * settings().max_examples)
@given(steps)
def test_each_is_in_hand_once_and_barriers_wait_for_what_was_put_before_them(
    steps: list[tuple[Any, ...]],
) -> None:
    model = Model()
    for step, *told in steps:
        model.time += 1
        getattr(model, step)(*told)
        model.check()


def test_a_dropped_policy_takes_along_who_waited_for_its_partition() -> None:
    due = DuePolicies()
    due.put(0, "a", False)
    for partition in (0, 1):
        due.bar(partition, Mark(kind=MarkKind.BARRIER, id="b"))
    due.take()

    due.dropped("a")

    assert (len(due), [partition for partition, _ in due.reached()]) == (0, [1])


def postponed(*keys: str) -> DuePolicies:
    """Return who waits because a server did not hear; the urgent are called so."""
    due = DuePolicies()
    for key in keys:
        due.put(0, key, "urgent" in key)
    for key in takes(due, len(keys)):
        due.postponed(key)
    return due


def takes(due: DuePolicies, times: int) -> list[str]:
    return [taken.key for taken in (due.take() for _ in range(times)) if taken]


def test_a_calm_one_that_wakes_has_an_urgent_one_tried_before_it() -> None:
    due = postponed("calm", "urgent", "urgent too")

    due.resume("calm")
    assert takes(due, 3) == ["urgent"]
    # It may be that one alone of which the server will not hear.
    due.postponed("urgent")
    assert takes(due, 3) == ["calm"]


def test_after_an_outage_a_calm_one_waits_until_all_urgent_ones_are_settled() -> None:
    due = postponed("calm", "urgent", "urgent too")
    due.resume("urgent")
    (first,) = takes(due, 2)
    due.settled(first)
    due.resume_all()
    due.put(0, "calm too", False)

    assert takes(due, 4) == ["urgent too"]
    due.settled("urgent too")
    assert takes(due, 4) == ["calm", "calm too"]


def test_who_is_gone_or_became_calm_holds_nobody_up() -> None:
    due = postponed("calm", "urgent", "urgent too")
    due.resume_all()
    assert takes(due, 3) == ["urgent", "urgent too"]

    due.dropped("urgent")
    due.put(0, "urgent too", False)
    due.settled("urgent too")

    assert takes(due, 3) == ["calm", "urgent too"]


def test_an_urgent_one_that_never_waited_holds_nobody_up() -> None:
    due = DuePolicies()
    due.put(0, "urgent", True)
    due.put(0, "calm", False)

    assert takes(due, 2) == ["urgent", "calm"]


def test_what_became_urgent_is_taken_first() -> None:
    due = DuePolicies()
    for key in KEYS:
        due.put(0, key, False)

    due.sort(lambda _, key: key == "c")

    assert [taken.key for taken in (due.take(), due.take(), due.take()) if taken] == ["c", "a", "b"]


class Server:
    """One policy at a server, seen through a watch that lags and answers that are late."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.stored = StoredPolicies(
            Cluster(None),  # type: ignore[arg-type]
            instance="main",
            cluster_name="local",
            managed=ManagedNamespaces(["default"]),
            on_change=self.changed.append,
            on_listed=lambda: None,
        )
        self.stored._take("default", Listing([], "0"))
        self.version = 0
        self.uid = 0
        self.policy: dict[str, Any] | None = None
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answer: tuple[dict[str, Any] | None, int] | None = None
        self.removed = ""

    def write(self) -> dict[str, Any]:
        self.version += 1
        change = "MODIFIED" if self.policy else "ADDED"
        self.uid += not self.policy
        meta = {"name": "a", "namespace": "default", "uid": str(self.uid)}
        self.policy = {"metadata": meta | {"resourceVersion": str(self.version)}}
        self.events.append((change, self.policy))
        return self.policy

    def theirs(self) -> None:
        self.write()

    def theirs_gone(self) -> None:
        if self.policy is not None:
            self.version += 1
            last = {**self.policy["metadata"], "resourceVersion": str(self.version)}
            self.events.append(("DELETED", {"metadata": last}))
            self.policy = None

    def ours(self, removes: bool = False) -> None:
        if self.answer is not None:
            return
        since = self.stored.ask_about(KEY)
        known = self.stored.get(KEY)
        if removes and known is not None and _version(known) == _version(self.policy):
            self.removed = known["metadata"]["uid"]
            self.theirs_gone()
            self.answer = (None, since)
        elif _version(known) == _version(self.policy):
            self.answer = (self.write(), since)
        elif self.policy is not None:
            # A conflict: the policy is read again.
            self.answer = (self.policy, since)
        else:
            self.stored.answered_gone(KEY, known["metadata"]["uid"] if known else "")
            self.stored.asked(KEY)

    def ours_gone(self) -> None:
        self.ours(removes=True)

    def answered(self) -> None:
        if self.answer is not None:
            found, since = self.answer
            if found is None:
                self.stored.answered_gone(KEY, self.removed)
            else:
                self.stored.answered(KEY, found, since)
            self.stored.asked(KEY)
            self.answer = None

    def heard(self) -> None:
        if self.events:
            self.stored._hear(*self.events.pop(0))

    def listed(self) -> None:
        self.events.clear()
        found = [self.policy] if self.policy else []
        self.stored._take("default", Listing(found, str(self.version)))


def _version(found: dict[str, Any] | None) -> str:
    return found["metadata"]["resourceVersion"] if found else ""


acts = st.lists(
    st.sampled_from(["ours", "ours_gone", "answered", "heard", "theirs", "theirs_gone", "listed"]),
    max_size=40,
)


@settings(max_examples=10 * settings().max_examples)
@given(acts, st.booleans())
def test_in_whatever_order_answers_and_events_come_the_newest_state_is_known(
    acts: list[str], answer_first: bool
) -> None:
    server = Server()
    for act in acts:
        getattr(server, act)()

    if answer_first:
        server.answered()
    while server.events:
        server.heard()
    server.answered()

    assert _version(server.stored.get(KEY)) == _version(server.policy)


@given(st.lists(st.sampled_from(["ours", "ours_gone", "answered"]), max_size=20))
def test_the_echoes_of_our_own_writes_are_no_changes(acts: list[str]) -> None:
    server = Server()
    for act in acts:
        getattr(server, act)()
    server.answered()
    while server.events:
        server.heard()

    assert server.changed == []
    assert server.stored._echoes == server.stored._gone == {}


def patch(offset: int, key: str = KEY, **more: Any) -> PolicyPatch:
    return PolicyPatch(key=key, revision=Revision(epoch=1, offset=offset), **more)


@given(st.lists(st.integers(0, 5), min_size=1))
def test_the_newest_patch_is_remembered_whatever_the_order(offsets: list[int]) -> None:
    rows: dict[str, PolicyPatch] = {}

    for offset in offsets:
        assert policy_applier.handle(rows, patch(offset), KEY, SOURCE) == []

    assert rows == {KEY: patch(max(offsets))}


def test_a_patch_under_another_policys_key_is_no_patch() -> None:
    rows: dict[str, PolicyPatch] = {}

    (refusal,) = policy_applier.handle(rows, patch(1, "local/default/b"), KEY, SOURCE)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, rows) == ("bad-key", {})


def outcome(offset: int, key: str = KEY, **more: Any) -> PatchOutcome:
    return PatchOutcome(key=key, revision=Revision(epoch=1, offset=offset), **more)


@given(st.lists(st.integers(0, 5), min_size=1))
def test_the_newest_outcome_is_remembered_whatever_the_order(offsets: list[int]) -> None:
    rows: dict[str, PatchOutcome] = {}

    for at, offset in enumerate(offsets):
        outcome_recorder.handle(rows, outcome(offset, at=float(at)), KEY, SOURCE)

    newest = max(offsets)
    last = max(at for at, offset in enumerate(offsets) if offset == newest)
    assert rows == {KEY: outcome(newest, at=float(last))}


def test_marks_are_no_outcomes_and_a_foreign_key_is_refused() -> None:
    rows: dict[str, PatchOutcome] = {}
    mark = PatchOutcome(mark=Mark(kind=MarkKind.BARRIER, id="b"))

    assert outcome_recorder.handle(rows, mark, "mark-0", SOURCE) == []
    assert outcome_recorder.handle(rows, outcome(1, "x"), KEY, SOURCE) == [
        Refusal("bad-key", f"{KEY} carries an outcome of x")
    ]
    assert rows == {}


async def test_only_news_is_told() -> None:
    sent: list[PatchOutcome] = []

    async def emit(output: Send) -> None:
        assert isinstance(output.value, PatchOutcome)
        sent.append(output.value)

    teller = OutcomeTeller(emit)
    wider = Inexactness(rule="r", errs=Errs.WIDER, reason="source-port")
    for each, what, why in [
        (patch(1), Outcome.APPLIED, ""),
        (patch(1), Outcome.APPLIED, ""),
        (patch(1), Outcome.UNCHANGED, ""),
        (patch(1, inexact=(wider,)), Outcome.UNCHANGED, ""),
        (patch(2), Outcome.REFUSED, "no"),
        (patch(2), Outcome.REFUSED, "no"),
        (patch(2), Outcome.REFUSED, "still no" * 1000),
        (patch(2), Outcome.APPLIED, ""),
    ]:
        teller.tell(each, what, why)
    await teller.deliver()

    told = [(each.revision.offset, str(each.outcome), len(each.inexact)) for each in sent]
    assert told == [
        (1, "APPLIED", 0),
        (1, "UNCHANGED", 1),
        (2, "REFUSED", 0),
        (2, "REFUSED", 0),
        (2, "APPLIED", 0),
    ]
