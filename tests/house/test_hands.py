"""What a hand's docstring says that it reads and writes is what its code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from streams.flow import output
from streams.topics import VOCABULARY
from tables.catalog import CATALOG
from tests.house.hands import ROOT, Hand, hand_in, hands, plain

HANDS = hands()
AGENTS = [hand for hand in HANDS if hand.agent]
OTHERS = [hand for hand in HANDS if not hand.agent and hand.name.startswith("agents/")]
OUTSIDE = {"agents/clients/kubernetes.py": "cluster", "agents/clients/verefoo.py": "Verefoo"}
TOPICS = {
    name: topic
    for name, topic in vars(output).items()
    if isinstance(topic, str) and topic in VOCABULARY
}


def test_every_agent_says_what_it_reads_and_writes() -> None:
    written = (ROOT / "agents").rglob("*.py")
    agents = {path for path in written if "@app.agent(" in path.read_text()}

    assert {hand.path for hand in AGENTS} == agents
    assert len(agents) > 7


@pytest.mark.threat("T3")
@pytest.mark.parametrize("hand", AGENTS, ids=lambda hand: hand.path.stem)
def test_no_agent_yields_for_a_record_may_say_where_an_answer_goes(hand: Hand) -> None:
    bodies = [
        each
        for each in ast.walk(ast.parse(hand.path.read_text()))
        if isinstance(each, ast.AsyncFunctionDef)
        and any(ast.unparse(by).startswith("app.agent(") for by in each.decorator_list)
    ]
    found = {type(node) for body in bodies for node in ast.walk(body)}

    assert bodies
    assert found & {ast.Yield, ast.YieldFrom} == set()


@pytest.mark.parametrize("hand", AGENTS, ids=lambda hand: hand.path.stem)
def test_an_agent_reads_and_writes_what_it_says(hand: Hand) -> None:
    text = hand.path.read_text()
    (read,) = re.findall(r"@app\.agent\(topics\[f?\"?\{?([A-Z_]+)", text)
    tables = set(re.findall(r"tables\[\"([a-z-]+)\"\]", text))
    handlers = handlers_of(hand.path)
    sent = {topic for path in handlers for topic in topics_in(path)}
    sent |= topics_in(hand.path) - {TOPICS[read]}

    assert {plain(name) for name in hand.reads} == {TOPICS[read]}
    assert topics_of(hand.writes) == sent
    assert {name.strip("[]") for name in hand.writes if "[" in name} == tables


@pytest.mark.parametrize("hand", OTHERS, ids=lambda hand: hand.path.stem)
def test_any_other_hand_writes_and_knows_of_the_outside_what_it_says(hand: Hand) -> None:
    helpers = {hand.path, *helpers_of(hand.path)}
    known = {OUTSIDE[name] for path in helpers for name in map(relative, imported(path))
             if name in OUTSIDE}  # fmt: skip
    words = " ".join(hand.reads | hand.writes)
    # The one who tells firewalls apart is given the graph as its caller has read it.
    given = {"Verefoo"} if hand.path.stem == "firewall_watcher" else set()

    assert topics_of(hand.writes) == {topic for path in helpers for topic in topics_in(path)}
    assert {name for name in OUTSIDE.values() if name in words} == known | given


def test_every_topic_is_written_and_read_by_somebody_and_every_table_by_one() -> None:
    written = {plain(name) for hand in HANDS for name in hand.writes}
    read = {plain(name) for hand in HANDS for name in hand.reads}
    tables = [name.strip("[]") for hand in HANDS for name in hand.writes if "[" in name]

    assert set(VOCABULARY) - written == set()
    assert set(VOCABULARY) - read == set()
    assert sorted(tables) == sorted(CATALOG)


def topics_of(named: frozenset[str]) -> set[str]:
    return {plain(name) for name in named} & set(VOCABULARY)


def handlers_of(path: Path) -> set[Path]:
    """Return the pure modules that a module imports, and those behind them."""
    found = {each for each in imported(path) if each.parent.name == "flow"}
    return found | {behind for each in found for behind in handlers_of(each)}


@cache
def topics_in(path: Path) -> frozenset[str]:
    """Return the topics that a module uses."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)]
    used = {node.id for node in nodes if isinstance(node.ctx, ast.Load)}
    return frozenset(TOPICS[name] for name in used & set(TOPICS))


def helpers_of(path: Path) -> Iterator[Path]:
    """Yield the modules beside a hand that are its own: those that say nothing for themselves."""
    for each in imported(path):
        if each.parent == path.parent and each.stem != "outlet" and hand_in(each) is None:
            yield each
            yield from helpers_of(each)


@cache
def imported(path: Path) -> tuple[Path, ...]:
    """Return the modules of ours that a module imports."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                found.append(ROOT / f"{name.replace('.', '/')}.py")
    return tuple(path for path in dict.fromkeys(found) if path.is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
