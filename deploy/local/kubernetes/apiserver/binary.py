"""Have kube-apiserver with etcd at hand: built once from the Go modules beside this file."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.cache import cached
from deploy.local.errors import PartNotReady

SOURCE = Path(__file__).parent
VERSION = "v1.37.2"
# Each of these words is part of the key of Go's cache: one other word, and all is built anew.
BUILD = (
    *("build", "-trimpath", "-ldflags"),
    f"-s -w -X k8s.io/component-base/version.gitVersion={VERSION}",
)
BUILD_WITHIN = 3600.0
_PARTS = ("go.mod", "go.sum", "main.go")


class ApiServerNotReady(PartNotReady):
    """The API server could not be built or started."""


def kept() -> Path:
    """Return where the program of this source is kept, built or not."""
    told = hashlib.sha256(" ".join(BUILD).encode())
    for part in _PARTS:
        told.update((SOURCE / part).read_bytes())
    return cached(f"apiserver-{told.hexdigest()[:12]}")


def binary() -> Path:
    """Return the program, building it the first time: 124 MB, 6 minutes on two idle cores.

    Raise ApiServerNotReady where it is not there yet and there is no Go, or Go fails.
    """
    program = kept()
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise ApiServerNotReady(
            "kube-apiserver is built by Go 1.26 or newer, and there is no `go`: install one,"
            " https://go.dev/doc/install"
        )
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent, prefix="building-") as folder:
        built = Path(folder) / "apiserver"
        _build(go, built)
        # Whoever builds at the same time builds the same.
        built.rename(program)
    return program


def _build(go: str, target: Path) -> None:
    try:
        done = subprocess.run(
            [go, *BUILD, "-o", str(target), "."],
            cwd=SOURCE,
            # A toolchain that is too old says so, instead of fetching another.
            env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
            capture_output=True,
            text=True,
            timeout=BUILD_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ApiServerNotReady(f"Go was not done within {BUILD_WITHIN:.0f} s") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "downloading" not in line]
        raise ApiServerNotReady(f"Go could not build kube-apiserver: {' '.join(said[:3])[:500]}")
