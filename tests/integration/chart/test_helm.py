"""Helm itself makes of the chart what its libraries do here, and packs it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.chart.cases import ASKS
from tests.integration.chart.rendering import CHART, HELM, VERSION, Rendered, needs_helm

# It is four times as much to build.
pytestmark = [needs_helm, pytest.mark.long]


@pytest.mark.parametrize("name", ASKS)
def test_helm_makes_the_same_of_every_installation(
    every: dict[str, Rendered], name: str, tmp_path: Path
) -> None:
    ask = ASKS[name]
    (values := tmp_path / "values.json").write_text(json.dumps(ask.values))
    where = [ask.release, str(CHART), "--namespace", ask.namespace, "--kube-version", VERSION]

    made = helm(tmp_path, "template", *where, "--values", str(values))
    helm(tmp_path, "lint", str(CHART), "--strict", "--values", str(values))

    assert by_name(yaml.safe_load_all(made)) == by_name(every[name].objects)


def test_helm_packs_it_with_all_its_files(tmp_path: Path) -> None:
    told = helm(tmp_path, "package", str(CHART), "--destination", str(tmp_path))
    (packed,) = tmp_path.glob("vereflow-*.tgz")

    listed = subprocess.run(["tar", "-tzf", packed], capture_output=True, text=True, check=True)
    assert packed.name in told
    for part in CHART.rglob("*"):
        if part.is_file():
            assert f"vereflow/{part.relative_to(CHART)}" in listed.stdout.splitlines()


def helm(folder: Path, *arguments: str) -> str:
    """Run Helm with nothing of this machine's; return what it says."""
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    done = subprocess.run(
        [HELM.binary(), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **home},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_name(objects: Any) -> dict[tuple[str, str, str], Any]:
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in objects
        if each
    }
