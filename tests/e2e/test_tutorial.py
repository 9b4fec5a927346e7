"""The tutorial of the local world, typed line by line."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.shell import shells, typed_in

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorials/local-world.md"
# What runs until somebody ends it says so.
RUNS_ON = "Ctrl-C stops it.\n"


def test_whatever_the_tutorial_lets_us_type_says_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    lines = [*typed_in(PAGE.read_text())]

    with shells(tmp_path) as terminals:
        for line in lines:
            shell = terminals[line.terminal]
            if line.said.endswith(RUNS_ON):
                said = shell.begin(line.command, until=RUNS_ON)
            else:
                said = shell.run(line.command)
            assert line.fits(said), f"{line.command}\n{said}"
        terminals["First terminal"].interrupt()

        assert terminals["First terminal"].ended() == ""

    assert len(lines) > 20
    assert not (tmp_path / "here.json").exists()
