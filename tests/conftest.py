"""What holds for every test: its folder is its marker, and CI draws the same examples each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.real import DEMANDED, HOW
from tests.summary import what_ran

HERE = Path(__file__).parent
NOT_RUN = pytest.StashKey[int]()

# A slow machine is no fault, and CI must not fail for an example that nobody else draws.
settings.register_profile("thorough", derandomize=bool(os.environ.get("CI")), deadline=None)
# For `make check`: a fifth of the examples; a test that wants more than usual says how many times.
settings.register_profile("light", settings.get_profile("thorough"), max_examples=20)
settings.load_profile("thorough")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(item.path.relative_to(HERE).parts[0])
    if not DEMANDED:
        real = [item for item in items if item.get_closest_marker("real")]
        items[:] = [item for item in items if item not in real]
        config.hook.pytest_deselected(items=real)
        config.stash[NOT_RUN] = len(real)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = what_ran(terminalreporter.stats)
    if left_out := terminalreporter.config.stash.get(NOT_RUN, 0):
        lines.append(f"on real servers: {left_out} did not run; {HOW}")
    if lines:
        terminalreporter.section("what ran")
        terminalreporter.write_line("\n".join(lines))
