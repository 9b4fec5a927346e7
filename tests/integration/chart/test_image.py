"""The Dockerfile's steps, without a container engine: what they install is a vereflow that runs."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.test_image import instructions
from tests.integration.chart.rendering import ROOT
from tests.real import needs_packets

BUILD_WITHIN = 1500.0


@pytest.mark.long
@needs_packets
def test_what_the_steps_install_runs_as_nobody(tmp_path: Path) -> None:
    for name in ("build", "opt"):
        (tmp_path / name).mkdir()
    script = "\n".join(
        [
            f"mount --bind {tmp_path}/opt /opt",
            f"cd {tmp_path}/build",
            *steps(),
            "export PATH=/opt/vereflow/bin:/usr/bin:/bin",
            "cd / && vereflow --version && vereflow doctor --help && vereflow up --help",
            "python -c 'import deploy, sys; print(deploy.__file__)'",
            "! /opt/vereflow/bin/python -m pip --version",
        ]
    )

    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", script],
        capture_output=True,
        text=True,
        timeout=BUILD_WITHIN,
        # The interpreter that stands in for the base image's.
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "vereflow 0.1.0" in done.stdout
    assert "/opt/vereflow/lib/python3.11/site-packages/deploy/__init__.py" in done.stdout


def steps() -> Iterator[str]:
    """Yield what the stage that builds does."""
    told = instructions()
    begin, end = (number for number, (word, _) in enumerate(told) if word == "FROM")
    for word, rest in told[begin:end]:
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                place = Path(target) / Path(source).name if target.endswith("/") else target
                yield shlex.join(["cp", "-r", str(ROOT / source), str(place)])
        elif word == "RUN":
            yield rest
