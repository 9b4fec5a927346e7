"""Commands ask every worker at once, put the answers together, and say what is missing."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from agents.asking import workers as asking
from agents.asking.workers import ask_workers
from streams.flow.tracker import PodRow
from streams.records.policies import PatchOutcome
from tests.integration.cli.conftest import Start, Vereflow
from tests.integration.cli.stub import BAD, Misbehave, Mute, other_rows
from tests.unit.cli.rows import key, outcome, patch, pod

PODS = {key(f"pod-{number:03}"): pod(f"pod-{number:03}") for number in range(101)}
KEYS = [*PODS]


async def test_every_page_of_every_worker_is_read(start: Start) -> None:
    one = await start({"pods": {each: PODS[each] for each in KEYS[::2]}}, page=7)
    two = await start({"pods": {each: PODS[each] for each in KEYS[1::2]}}, page=50)

    answers = await ask_workers([one.url, two.url], {"pods": PodRow})

    assert answers.rows("pods", PodRow) == PODS
    assert answers.gaps() == []
    assert (len(one.asked), len(two.asked)) == (1 + 8, 1 + 1)


async def test_a_key_is_asked_for_as_it_is(start: Start) -> None:
    keys = ["a/b?c=d&e", "ü #%2F", "z"]
    stub = await start({"pods": {each: pod("a") for each in keys}}, page=1)

    answers = await ask_workers([stub.url], {"pods": PodRow})

    assert [*answers.rows("pods", PodRow)] == sorted(keys)


async def test_a_table_that_a_worker_has_not_is_empty(start: Start) -> None:
    def has_none(request: web.Request) -> web.Response | None:
        return None if "/policies" not in request.path else web.Response(status=404)

    stub = await start({"pods": PODS}, misbehave=has_none)

    answers = await ask_workers([stub.url], {"pods": PodRow, "policies": PatchOutcome})

    assert (answers.rows("pods", PodRow), answers.gaps()) == (PODS, [])
    assert answers.rows("policies", PatchOutcome) == {}


async def test_the_tables_of_all_workers_become_one_answer(
    start: Start, vereflow: Vereflow
) -> None:
    one = await start({"wanted": {key("a"): patch("a")}, "policies": {}})
    two = await start({"wanted": {}, "policies": {key("a"): outcome("a")}})

    ended = await vereflow("policies", "--web", one.url, "--web", two.url, "-o", "json")

    assert ended.exit_code == 0
    (listed,) = json.loads(ended.stdout)["policies"]
    assert (listed["key"], listed["outcome"]) == (key("a"), "APPLIED")


async def test_workers_are_named_by_the_environment_as_well(
    start: Start, vereflow: Vereflow
) -> None:
    one, two = await start({"pods": {key("a"): pod("a")}}), await start()

    ended = await vereflow("pods", VEREFLOW_WEB_URLS=f"{one.url} {two.url}/")

    assert ended.exit_code == 0
    assert key("a") in ended.stdout
    assert one.asked
    assert two.asked


async def test_without_a_name_the_worker_of_the_settings_is_asked(
    start: Start, vereflow: Vereflow
) -> None:
    stub = await start({"pods": {key("a"): pod("a")}})

    ended = await vereflow("pods", VEREFLOW_WEB__PORT=stub.url.rpartition(":")[2])

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert key("a") in ended.stdout


async def test_a_worker_that_is_away_is_said_and_the_others_are_shown(
    start: Start, vereflow: Vereflow
) -> None:
    one = await start({"pods": {key("a"): pod("a")}})

    ended = await vereflow("pods", "--web", one.url, "--web", "http://127.0.0.1:9", "-o", "json")

    assert ended.exit_code == 0
    assert [each["key"] for each in json.loads(ended.stdout)["pods"]] == [key("a")]
    assert "http://127.0.0.1:9 does not answer" in ended.stderr


async def test_a_worker_that_is_still_recovering_is_said(start: Start, vereflow: Vereflow) -> None:
    one = await start(complete=False)

    ended = await vereflow("pods", "--web", one.url)

    assert ended.exit_code == 0
    assert f"{one.url} is not done recovering" in ended.stderr


@pytest.mark.parametrize("command", ["status", "pods", "rules", "policies"])
async def test_when_nobody_answers_it_is_not_reachable(vereflow: Vereflow, command: str) -> None:
    ended = await vereflow(command, "--web", "http://127.0.0.1:9")

    assert (ended.exit_code, ended.stdout) == (3, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("misbehave", BAD)
async def test_an_answer_that_is_none_is_as_good_as_silence(
    start: Start, vereflow: Vereflow, misbehave: Misbehave
) -> None:
    bad = await start(misbehave=misbehave)
    good = await start({"pods": {key("a"): pod("a")}})

    ended = await vereflow("pods", "--web", bad.url, "--web", good.url)

    assert ended.exit_code == 0
    assert key("a") in ended.stdout
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"vereflow: {bad.url} does not answer")
    assert line.isprintable()
    assert (await vereflow("pods", "--web", bad.url)).exit_code == 3


async def test_rows_that_this_version_cannot_read_are_counted(
    start: Start, vereflow: Vereflow
) -> None:
    odd = await start(misbehave=other_rows)
    good = await start({"pods": {key("a"): pod("a")}})

    ended = await vereflow("pods", "--web", odd.url, "--web", good.url)

    assert ended.exit_code == 0
    assert key("a") in ended.stdout
    (line,) = ended.stderr.splitlines()
    assert line == f"vereflow: {odd.url} holds rows of pods that this version cannot read: 1"


async def test_a_worker_that_says_nothing_costs_bounded_time(
    start: Start, vereflow: Vereflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WORKER_SECONDS", 0.3)
    good = await start({"pods": {key("a"): pod("a")}})

    async with Mute() as mute:
        ended = await vereflow("pods", "--web", f"http://{mute.address}", "--web", good.url)

    assert ended.exit_code == 0
    assert "not done within" in ended.stderr
    assert key("a") in ended.stdout


async def test_status_says_first_what_is_wrong_and_then_no(
    start: Start, vereflow: Vereflow
) -> None:
    one, two = await start(name="one"), await start(name="two", ready=False)

    ended = await vereflow("status", "--web", one.url, "--web", two.url)

    assert ended.exit_code == 1
    lines = ended.stdout.splitlines()
    assert lines[1].startswith("not ready  ")
    assert "two" in lines[1]
    assert [line.split()[:2] for line in lines if line.startswith(("one", "two"))] == [
        ["one", "yes"],
        ["two", "no"],
    ]
    # The dead letters lie at a broker that is not there.
    assert "not known" in ended.stdout


async def test_status_of_one_that_is_ready_is_zero(start: Start, vereflow: Vereflow) -> None:
    stub = await start()

    ended = await vereflow("status", "--web", stub.url, "-o", "yaml")

    assert ended.exit_code == 0
    assert "ready: true" in ended.stdout
