"""A list and the watch from it tell the same story as the next list; pages make a list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.kinds import NETWORK_POLICIES, PODS, Json
from deploy.local.kubernetes.listing import Lister, ListRequest
from deploy.local.kubernetes.selectors import Predicate, parse
from deploy.local.kubernetes.store import DELETED, Compacted, Store
from deploy.local.kubernetes.watch import seen_through
from tests.unit.local.kubernetes.objects import refusal

#: A name, and the label it then has; None removes it.
STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", None])), max_size=20)
SELECTORS = st.sampled_from(["", "n=1", "n!=1", "n"])


def do(store: Store, name: str, label: str | None) -> None:
    stored = store.get(PODS, "default", name)
    if label is not None:
        labels = {"n": label}
        store.put(PODS, {"metadata": {"namespace": "default", "name": name, "labels": labels}})
    elif stored is not None:
        store.remove(PODS, stored)


def listed(store: Store, selects: Predicate) -> dict[str, Json]:
    return {one["metadata"]["name"]: one for one in store.all(PODS) if selects(one)}


@given(STEPS, st.integers(0, 20), SELECTORS)
def test_a_list_and_what_happened_since_is_the_next_list(
    steps: list[tuple[str, str | None]], place: int, selector: str
) -> None:
    store, selects = Store(), parse(PODS, selector, "")
    for step in steps[:place]:
        do(store, *step)
    seen, since = listed(store, selects), store.revision
    for step in steps[place:]:
        do(store, *step)

    for change in store.since(since):
        event = seen_through(selects, change)
        if event is None:
            continue
        name = event["object"]["metadata"]["name"]
        assert (event["type"] == "ADDED") == (name not in seen)
        if event["type"] == DELETED:
            del seen[name]
        else:
            seen[name] = event["object"]

    assert seen == listed(store, selects)


@given(STEPS)
def test_every_write_has_the_next_number(steps: list[tuple[str, str | None]]) -> None:
    store = Store()
    for step in steps:
        do(store, *step)

    revisions = [change.revision for change in store.since(1)]

    assert revisions == list(range(2, store.revision + 1))


def test_only_so_much_is_remembered() -> None:
    store = Store(history=3)
    for number in range(5):
        do(store, "a", str(number))

    assert [change.revision for change in store.since(3)] == [4, 5, 6]
    with pytest.raises(Compacted, match=r"too old resource version: 2 \(3\)"):
        store.since(2)


def request(**more: str | int) -> ListRequest:
    return ListRequest(PODS, "", parse(PODS, "", ""), **more)  # type: ignore[arg-type]


@given(st.integers(0, 12), st.integers(1, 5))
def test_pages_make_the_list_of_the_first_moment(count: int, size: int) -> None:
    store = Store()
    for number in range(count):
        do(store, f"p{number:02}", "1")
    lister = Lister(store)
    whole = lister.answer(request())["items"]

    page = lister.answer(request(limit=size))
    read = page["items"]
    while token := page["metadata"].get("continue"):
        do(store, "p00", None)
        page = lister.answer(request(limit=size, token=token))
        read += page["items"]

    assert read == whole


def test_forgotten_pages_are_gone_with_a_way_on() -> None:
    store = Store()
    for name in "abc":
        do(store, name, "1")
    lister = Lister(store)
    token = lister.answer(request(limit=2))["metadata"]["continue"]
    lister.forget()

    with pytest.raises(ApiError) as caught:
        lister.answer(request(token=token))

    assert caught.value.code == 410
    rest = lister.answer(request(token=caught.value.body["metadata"]["continue"]))
    assert [one["metadata"]["name"] for one in rest["items"]] == ["c"]


def test_many_unread_pages_are_forgotten_oldest_first() -> None:
    store = Store()
    for name in "ab":
        do(store, name, "1")
    lister = Lister(store)
    tokens = [lister.answer(request(limit=1))["metadata"]["continue"] for _ in range(100)]

    assert lister.answer(request(token=tokens[-1]))["items"]
    with pytest.raises(ApiError):
        lister.answer(request(token=tokens[0]))


@given(st.text(max_size=20))
def test_any_token_is_answered_or_refused(token: str) -> None:
    lister = Lister(Store())

    assert refusal(lambda: lister.answer(request(token=token))) in {0, 400, 410}


def test_kinds_are_listed_apart() -> None:
    store = Store()
    do(store, "a", "1")

    assert Lister(store).answer(ListRequest(NETWORK_POLICIES, "", lambda _: True))["items"] == []
