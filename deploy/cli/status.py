"""vereflow status: what is wrong, then how the workers fare."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from rich.table import Table

from agents.asking.condition import Letters, condition
from agents.asking.rows import TABLES
from agents.asking.workers import Answers
from deploy.cli.answers import failures, plain_errors
from deploy.cli.endpoints import Running, ask_all, find
from deploy.cli.letters import read_letters
from deploy.cli.options import EndpointsFile, Output, Watch, WebUrls
from deploy.cli.showing import Format, Shown, table
from deploy.cli.watching import answer

Json = dict[str, Any]

# Of each kind: the first tell what it is about, the commands for each kind show all.
_MOST_SHOWN = 10
_WORKER_HEADERS = ("WORKER", "READY", "PARTITIONS", "LAG", "HANDS")


def status(
    watch: Watch = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Say what is wrong, then how the workers fare; exit 1 if one is not ready.

    Example: vereflow status --web http://127.0.0.1:6066
    """
    with plain_errors():
        running = find(endpoints, web)
    answer(partial(_ask, running), output, watch)


def _ask(running: Running) -> Shown:
    answers, letters = asyncio.run(_look(running))
    found = condition(answers, letters)
    return Shown(found, partial(_page, found), answers.gaps(), found["ready"])


async def _look(running: Running) -> tuple[Answers, Letters]:
    return await asyncio.gather(ask_all(running, TABLES), _letters(running))


async def _letters(running: Running) -> Letters:
    try:
        found, _ = await read_letters(running.settings)
    except failures() as error:
        return Letters([], str(error) or type(error).__name__)
    return Letters(found)


def _page(found: Json) -> Iterator[str | Table]:
    wrong = [*_shown(found["wrong"])]
    yield table(("WRONG", "ABOUT", "WHAT"), wrong) if wrong else "nothing is wrong"
    yield ""
    yield table(_WORKER_HEADERS, [_worker(each) for each in found["workers"]])
    yield ""
    if found["allowed"]:
        told = (f"{name} by {count} policies" for name, count in found["allowed"].items())
        yield f"allowed beside the rules: {', '.join(told)}"
    yield ", ".join(f"{what}: {number}" for what, number in found["counts"].items())


def _shown(wrong: list[Json]) -> Iterator[tuple[object, ...]]:
    counted: Counter[str] = Counter()
    for each in wrong:
        counted[each["kind"]] += 1
        if counted[each["kind"]] <= _MOST_SHOWN:
            yield (each["kind"], each["about"], each["detail"])
    for kind, number in counted.items():
        if number > _MOST_SHOWN:
            yield (kind, f"{number - _MOST_SHOWN} more", "")


def _worker(worker: Json) -> tuple[object, ...]:
    hands = worker["hands"]
    watcher, applier = hands.get("pod_watcher", {}), hands.get("policy_applier", {})
    keeper = hands.get("graph_keeper", {})
    told = [
        "watches the pods" if watcher.get("leading") else "",
        f"{applier['pending']} policies pending" if applier.get("pending") else "",
        f"keeps graph {keeper.get('graph')}" if keeper.get("aligned") else "",
    ]
    ready = "yes" if worker["ready"] else "no"
    said = ", ".join(each for each in told if each)
    return (worker["worker"], ready, worker["partitions"], worker["lag"], said)
