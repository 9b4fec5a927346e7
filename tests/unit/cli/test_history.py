"""The history of a policy: newest first, with its causes, its changes and what each hop took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from agents.asking.newest import Newest
from streams.flow.output import PATCH_OUTCOMES, POD_RULES, POLICY_PATCHES
from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.policies import Outcome, PatchOutcome, PodRules, PolicyPatch
from tests.unit.cli.conftest import Invoke
from tests.unit.cli.rows import answers, key, pod, ref, revision

Past = dict[str, list[Any]]

BEGAN = datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp()


def record(told: Record, at: float, offset: int = 0) -> Any:
    return SimpleNamespace(value=told.to_bytes(), offset=offset, timestamp=1000 * at)


def version(past: Past, name: str, offset: int, port: int, at: float) -> None:
    """Let one version of a policy go its whole way, half a second long."""
    cause = Cause(topic="firewall-changes", partition=0, offset=offset, at=at)
    labels = {"matchLabels": {"app": name}}
    opened = {"from": [{"podSelector": labels}], "ports": [{"port": port}]}
    manifest = {"spec": {"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [opened]}}
    said = {"key": key(name), "revision": revision(offset), "cause": cause}
    view = PodRules(graph="main", subject=ref(name), revision=offset)
    past[POD_RULES].append(record(view, at + 0.1, offset))
    past[POLICY_PATCHES].append(record(PolicyPatch(**said, manifest=manifest), at + 0.3))
    outcome = PatchOutcome(**said, outcome=Outcome.APPLIED, at=at + 0.5)
    past[PATCH_OUTCOMES].append(record(outcome, at + 0.5))


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Iterator[Past]:
    found: Past = {topic: [] for topic in (POD_RULES, POLICY_PATCHES, PATCH_OUTCOMES)}

    async def read(settings: object, topics: object, most: int) -> dict[str, Newest]:
        return {topic: Newest(each, more=False) for topic, each in found.items()}

    async def ask(*asked: object) -> Any:
        return answers({"pods": {key("known"): pod("known")}})

    monkeypatch.setattr("deploy.cli.history.read_topics", read)
    monkeypatch.setattr("deploy.cli.endpoints.ask_workers", ask)
    version(found, "a", 1, 80, BEGAN)
    version(found, "b", 2, 80, BEGAN)
    version(found, "a", 3, 81, BEGAN + 3600)
    return found


def test_the_newest_comes_first_with_its_cause_its_hops_and_what_it_changed(
    past: Past, invoke: Invoke
) -> None:
    told = json.loads(invoke("history", "a", "-o", "json").stdout)
    newer, older = told["changes"]

    assert (told["policy"], told["more"]) == (key("a"), False)
    assert (newer["at"], newer["cause"]) == ("2026-11-27T09:00:00.500Z", "firewall-changes/0/3")
    assert newer["took"] == "500 ms"
    assert [(hop["name"], hop["took"]) for hop in newer["hops"]] == [
        ("routed", "100 ms"),
        ("compiled", "200 ms"),
        ("written", "200 ms"),
    ]
    assert newer["changed"] == ["+ ingress app=a: TCP 81", "- ingress app=a: TCP 80"]
    # What stood before the first that is kept nobody knows.
    assert older["changed"] == []
    shown = invoke("history", "default/a").stdout
    assert "500 ms (routed 100 ms, compiled 200 ms, written 200 ms)" in shown
    assert "+ ingress app=a: TCP 81; - ingress app=a: TCP 80" in shown


@pytest.mark.parametrize("options", [("-n", "1"), ("--since", "2026-11-27T08:30:00Z")])
def test_so_many_are_shown_or_those_since_then(
    past: Past, invoke: Invoke, options: tuple[str, ...]
) -> None:
    ended = invoke("history", "a", "-o", "json", *options)

    (only,) = json.loads(ended.stdout)["changes"]
    assert only["revision"] == "1.1.3"
    assert ("older ones are not shown" in ended.stderr) is (options[0] == "-n")


def test_a_pod_of_which_no_record_tells_has_no_history_yet(past: Past, invoke: Invoke) -> None:
    ended = invoke("history", "known", "-o", "json")

    assert (ended.exit_code, json.loads(ended.stdout)["changes"]) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("nobody",), 1, "nothing is known of 'nobody'"),
        (("a", "--since", "12"), 2, "say a time"),
        (("a", "--since", "then"), 2, "is no moment"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_line(
    past: Past, invoke: Invoke, arguments: tuple[str, ...], status: int, said: str
) -> None:
    ended = invoke("history", *arguments)

    assert (ended.exit_code, ended.stdout) == (status, "")
    assert said in ended.stderr
