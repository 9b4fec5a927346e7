"""Two at a time, the tests of a file stay together."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def test_the_tests_of_a_file_run_one_after_the_other() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "test"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=True,
    )
    command = shlex.split(said.stdout.splitlines()[-1])
    run = subprocess.run(
        [*command, "-v", "tests/house/test_summary.py", "tests/house/test_settings.py"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout
    ran = [line.split() for line in run.stdout.splitlines() if line.startswith("[gw")]
    files = {(words[0], words[-1].split("::")[0]) for words in ran}
    assert len(ran) > 2
    assert len(files) == 2, run.stdout
