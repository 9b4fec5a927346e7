"""Give manifests to an API server as people do, with an unmodified kubectl."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Json = dict[str, Any]

KUBECTL = Path(sys.executable).parent / "kubectl"
APPLY = ("apply", "--server-side", "--validate=strict", "-f", "-")
DRY = (*APPLY, "--dry-run=server")


class Kubectl:
    """A kubectl of somebody who may do everything."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Return what it says; it has to end well, and warn of nothing."""
        done = self.run(*arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it, however it ends."""
        return subprocess.run(
            [KUBECTL, "--kubeconfig", self._kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def get(self, *arguments: str) -> Json:
        """Return an object."""
        found: Json = json.loads(self("get", *arguments, "-o", "json"))
        return found


def as_text(objects: Iterable[Json]) -> str:
    """Return objects as one text for kubectl."""
    return "\n---\n".join(json.dumps(each) for each in objects)
