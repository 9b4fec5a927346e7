"""Build the image of the Dockerfile with buildah, on a base that Debian's own packages make.

The base stands in for the one that the Dockerfile names, under its name and with a digest of its
own: a Debian with the same version of Python, at another place.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.local.cache import cached
from tests.integration.chart.rendering import ROOT

Json = dict[str, Any]

BASE = "docker.io/library/python:3.11-slim"
RELEASE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
NEEDED = ("buildah", "runc", "mmdebstrap")
BUILD_WITHIN = 2400.0
LINKED = ("ln", "-s", "python3", "/usr/bin/python")
# Where this machine says where its packages are and whom it trusts; the image keeps none of it.
OF_THE_MACHINE = ("/etc/pip.conf", "/etc/ssl/certs")


@functools.cache
def engine_lacks() -> str:
    """Return what building and running an image needs and is not here."""
    absent = [each for each in NEEDED if not shutil.which(each)]
    if absent:
        return f"an image needs {' and '.join(absent)}: apt-get install {' '.join(absent)}"
    return "" if os.geteuid() == 0 else "an image is built and run by root here: run it with sudo"


needs_engine = pytest.mark.real.with_args(engine_lacks)


class Images:
    """Images in a store of their own."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder for the store."""
        self._store = (
            *("--root", str(folder / "store"), "--runroot", str(folder / "run")),
            *("--storage-driver", "vfs"),
        )

    def base(self) -> str:
        """Make what stands in for the base; return its digest."""
        container = self._buildah("from", "scratch")
        self._buildah("add", container, str(base_archive()), "/")
        # Debian has no `python`.
        self._buildah("run", "--isolation", "chroot", container, "--", *LINKED)
        self._buildah("commit", container, BASE)
        self._buildah("rm", container)
        return str(self._inspected(BASE)["FromImageDigest"])

    def build(self, digest: str, tag: str) -> None:
        """Do what the Dockerfile says, and ask no registry."""
        mounts = [f"--volume={each}:{each}:ro" for each in OF_THE_MACHINE if Path(each).exists()]
        how = ("--pull-never", "--isolation", "chroot", "--network", "host", *mounts)
        argument = ("--build-arg", f"PYTHON_DIGEST={digest}")
        self._buildah("build", *how, *argument, "--tag", tag, str(ROOT))

    def config(self, tag: str) -> Json:
        """Return how an image wants to be run."""
        found: Json = self._inspected(tag)["OCIv1"]["config"]
        return found

    def root(self, tag: str) -> Path:
        """Return the root of a new container of an image."""
        container = self._buildah("from", "--pull-never", tag)
        return Path(self._buildah("mount", container))

    def _inspected(self, tag: str) -> Json:
        found: Json = json.loads(self._buildah("inspect", "--type", "image", tag))
        return found

    def _buildah(self, *arguments: str) -> str:
        done = subprocess.run(
            ["buildah", *self._store, *arguments],
            capture_output=True,
            text=True,
            timeout=BUILD_WITHIN,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout.strip()


def base_archive() -> Path:
    """Return a root file system of Debian with Python, made the first time."""
    archive = cached(f"{RELEASE}-{re.sub('[^a-z0-9]+', '-', PACKAGES)}.tar")
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        made = archive.with_name(f"making-{os.getpid()}-{archive.name}")
        subprocess.run(
            [*("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE), str(made)],
            check=True,
            capture_output=True,
            timeout=BUILD_WITHIN,
        )
        made.rename(archive)
    return archive
