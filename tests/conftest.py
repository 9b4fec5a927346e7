"""What holds for every test: its folder is its marker, and CI draws the same examples each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.faults import report as faults
from tests.real import demand
from tests.summary import what_ran

HERE = Path(__file__).parent
# Which only compute, and come first: whoever broke something hears of it soon.
COMPUTING = ("unit", "simulation", "house")

# A slow machine is no fault, and CI must not fail for an example that nobody else draws.
settings.register_profile("thorough", derandomize=bool(os.environ.get("CI")), deadline=None)
# For `make check`: a fifth of the examples; a test that wants more than usual says how many times.
settings.register_profile("light", settings.get_profile("thorough"), max_examples=20)
settings.load_profile("thorough")

# Two at a time, tests are told of a terminal that there is none of: tables would be cut to it.
os.environ.pop("COLUMNS", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("FAULTS") != "all":
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=lambda item: _folder(item) not in COMPUTING)
    for item in items:
        item.add_marker(_folder(item))
        ids = [id for mark in item.iter_markers("fault") for id in mark.args]
        if ids:
            item.user_properties.append(("faults", ids))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0]


def pytest_runtest_setup(item: pytest.Item) -> None:
    demand(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := what_ran(terminalreporter.stats):
        if tried := faults.lines(terminalreporter.stats):
            terminalreporter.section("faults")
            terminalreporter.write_line("\n".join(tried))
        terminalreporter.section("what ran")
        terminalreporter.write_line("\n".join(lines))
