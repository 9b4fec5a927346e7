"""Run a pod's only container of its image, by a container runtime, as a kubelet has it run."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.chart.pod_process import Get, PodProcess

Json = dict[str, Any]

# The network is the machine's: whatever the tests start listens on its loopback.
NAMESPACES = ("pid", "ipc", "uts", "mount")
DEV_OPTIONS = ["nosuid", "noexec", "mode=755", "size=64k"]


class Container(PodProcess):
    """One pod whose container has a root and processes of its own."""

    def __init__(
        self, pod: Json, folder: Path, get: Get, account: dict[str, str], root: Path, image: Json
    ) -> None:
        """Take besides the root of the image, and how it wants to be run."""
        self._image = image
        super().__init__(pod, folder, get, account)
        self._root = root
        self._id = f"vereflow-{uuid.uuid4()}"
        self._bundle = folder / "bundle"
        self._bundle.mkdir()
        self._pid = self._bundle / "pid"
        self._runc = ("runc", "--root", str(folder / "runc"))

    @contextmanager
    def started(self, *arguments: str, **server: str) -> Iterator[subprocess.Popen[bytes]]:
        """Have its container run, or another command in the container that runs."""
        try:
            with super().started(*arguments, **server) as process:
                yield process
        finally:
            if not arguments:
                subprocess.run([*self._runc, "delete", "--force", self._id], check=False)

    def pid(self, process: subprocess.Popen[bytes]) -> int:
        """Return which process is the first in its container."""
        return int(self._pid.read_text())

    def _run(
        self, command: list[str], environment: dict[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        own = dict(os.environ)
        if self._pid.exists():
            return [*self._runc, "exec", self._id, *command], own
        told = json.dumps(self._config(command, environment))
        (self._bundle / "config.json").write_text(told)
        where = ("--bundle", str(self._bundle), "--pid-file", str(self._pid))
        return [*self._runc, "run", *where, self._id], own

    def _of_image(self) -> dict[str, str]:
        return dict(each.split("=", 1) for each in self._image["Env"])

    def _config(self, command: list[str], environment: dict[str, str]) -> Json:
        """Return what a runtime is told (OCI runtime specification)."""
        security = self._container["securityContext"]
        pod = self._spec["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        user = {"uid": pod["runAsUser"], "gid": pod["runAsGroup"]}
        return {
            "ociVersion": "1.0.2",
            "root": {"path": str(self._root), "readonly": security["readOnlyRootFilesystem"]},
            "process": {
                "args": command,
                "env": [f"{name}={value}" for name, value in environment.items()],
                "cwd": self._image.get("WorkingDir") or "/",
                "user": {**user, "additionalGids": [pod["fsGroup"]]},
                "capabilities": {},
                "noNewPrivileges": not security["allowPrivilegeEscalation"],
            },
            "mounts": list(self._all_mounts()),
            "linux": {"namespaces": [{"type": each} for each in NAMESPACES]},
        }

    def _all_mounts(self) -> Iterator[Json]:
        yield {"destination": "/proc", "type": "proc", "source": "proc"}
        yield {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": DEV_OPTIONS}
        for path, volume in self._mounts.items():
            options = ["bind", "ro" if path in self._for_reading() else "rw"]
            yield {"destination": path, "type": "bind", "source": str(volume), "options": options}

    def _for_reading(self) -> set[str]:
        mounts = self._container["volumeMounts"]
        return {each["mountPath"] for each in mounts if each.get("readOnly")}
