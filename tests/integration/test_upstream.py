"""Each fault of Faust that we cure is in the release, and its patch for upstream cures it too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import faust
import pytest

UPSTREAM = Path(__file__).parents[2] / "docs" / "upstream"
FAULTS = sorted(path.stem for path in UPSTREAM.glob("*.py"))
LOST, KEPT = 1, 0


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with Faust as it was released."""
    source = Path(faust.__file__).parent
    shutil.copytree(source, tmp_path / "faust", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def shows(fault: str, copy: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(UPSTREAM / f"{fault}.py")],
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def patched(fault: str, copy: Path) -> Path:
    patch = UPSTREAM / f"{fault}.patch"
    # Without a ceiling git would look for a repository around the copy.
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}
    subprocess.run(["git", "apply", "-p1", str(patch)], cwd=copy, env=env, check=True, timeout=60)
    return copy


def test_there_is_a_patch_for_each_fault_and_a_line_about_it() -> None:
    text = (UPSTREAM / "README.md").read_text()

    assert sorted(path.stem for path in UPSTREAM.glob("*.patch")) == FAULTS
    assert all(f"[`{fault}`]" in text for fault in FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_release_has_the_fault_and_the_patch_mends_it(fault: str, copy: Path) -> None:
    # When the first fails, a release mended it: the cure in streams/steady.py can go.
    assert (before := shows(fault, copy)).returncode == LOST, before.stderr
    assert (after := shows(fault, patched(fault, copy))).returncode == KEPT, after.stderr
