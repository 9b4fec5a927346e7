"""Have a program at hand that Go builds, once, from the modules that its source pins by hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.cache import cached
from deploy.local.errors import PartNotReady

BUILD_WITHIN = 3600.0
_PARTS = ("go.mod", "go.sum", "main.go")


@dataclass(frozen=True)
class GoProgram:
    """A program: where its source is, and how it is built."""

    name: str
    source: Path
    build: tuple[str, ...]
    """Each of these words is part of the key of Go's cache: one other word, and all is new."""
    called: str
    """What people know it by."""
    package: str = "."
    failure: type[PartNotReady] = PartNotReady

    def kept(self) -> Path:
        """Return where the program of this source is kept, built or not."""
        told = hashlib.sha256(" ".join(self.build).encode())
        for part in _PARTS:
            told.update((self.source / part).read_bytes())
        return cached(f"{self.name}-{told.hexdigest()[:12]}")

    def binary(self) -> Path:
        """Return the program, building it the first time.

        Raise the failure where it is not there yet and there is no Go, or Go fails.
        """
        program = self.kept()
        if program.exists():
            return program
        go = shutil.which("go")
        if go is None:
            raise self.failure(
                f"{self.called} is built by Go 1.26 or newer, and there is no `go`: install one,"
                " https://go.dev/doc/install"
            )
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent, prefix="building-") as folder:
            built = Path(folder) / self.name
            self._build(go, built)
            # Whoever builds at the same time builds the same.
            built.rename(program)
        return program

    def _build(self, go: str, target: Path) -> None:
        try:
            done = subprocess.run(
                [go, *self.build, "-o", str(target), self.package],
                cwd=self.source,
                # A toolchain that is too old says so, instead of fetching another.
                env={
                    **os.environ,
                    "GOTOOLCHAIN": "local",
                    "GOFLAGS": "-mod=readonly",
                    "GOWORK": "off",
                },
                capture_output=True,
                text=True,
                timeout=BUILD_WITHIN,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self.failure(f"Go was not done within {BUILD_WITHIN:.0f} s") from error
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if "downloading" not in line]
            raise self.failure(f"Go could not build {self.called}: {' '.join(said[:3])[:500]}")
