"""What holds for every test: its folder is its marker, and CI draws the same examples each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.real import demand
from tests.summary import what_ran

HERE = Path(__file__).parent

# A slow machine is no fault, and CI must not fail for an example that nobody else draws.
settings.register_profile("thorough", derandomize=bool(os.environ.get("CI")), deadline=None)
# For `make check`: a fifth of the examples; a test that wants more than usual says how many times.
settings.register_profile("light", settings.get_profile("thorough"), max_examples=20)
settings.load_profile("thorough")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(item.path.relative_to(HERE).parts[0])


def pytest_runtest_setup(item: pytest.Item) -> None:
    demand(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := what_ran(terminalreporter.stats):
        terminalreporter.section("what ran")
        terminalreporter.write_line("\n".join(lines))
