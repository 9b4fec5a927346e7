"""Run a pod's only container as a process, as a kubelet and a container runtime would.

What the pod says holds: its command, its environment and none other, its files at their places, a
root that nobody writes to, its user, its group for the volumes, no capabilities. The image is the
virtual environment in which we run, which may lie where its user could not read: one capability
lets it read there, and write nowhere.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Any

Json = dict[str, Any]
Get = Callable[..., Json]

ROOT = Path(__file__).parents[3]
ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
READS = "-all,+dac_read_search"


class PodProcess:
    """One pod: where its volumes are, and how its process is started."""

    def __init__(self, pod: Json, folder: Path, get: Get, account: dict[str, str]) -> None:
        """Take a pod as its controller makes it, and who can read what its volumes come from."""
        self._spec = pod["spec"]
        self._metadata = pod["metadata"]
        self._folder = folder
        self._get = get
        (self._container,) = self._spec["containers"]
        self._mounts = {
            each["mountPath"]: self._volume(each["name"])
            for each in self._container["volumeMounts"]
        }
        self._mounts[ACCOUNT] = self._files("account", account)

    @property
    def grace(self) -> float:
        """How long it may take to end."""
        return float(self._spec["terminationGracePeriodSeconds"])

    def port(self, name: str) -> int:
        """Return the container's port of this name."""
        ports = {each["name"]: each["containerPort"] for each in self._container["ports"]}
        return int(ports[name])

    def probe(self, name: str) -> str:
        """Return the path that a probe asks for."""
        asked = self._container[name]["httpGet"]
        assert asked["port"] == "probes"
        return str(asked["path"])

    @contextmanager
    def started(self, *arguments: str, **server: str) -> Iterator[subprocess.Popen[bytes]]:
        """Have its container run, or another command in it; it is killed in the end."""
        told = arguments or self._container["args"]
        command = [*self._container["command"], *told]
        argv, environment = self._run(command, self._environment() | server)
        with (self._folder / f"{told[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def pid(self, process: subprocess.Popen[bytes]) -> int:
        """Return which process the kernel knows as the container's first."""
        return process.pid

    def said(self, command: str) -> str:
        """Return what a command of ours said."""
        return (self._folder / f"{command}.log").read_text()

    def _run(
        self, command: list[str], environment: dict[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return what starts a command with an environment, and the environment of that."""
        return ["unshare", "--mount", "sh", "-euc", self._script(command)], environment

    def _of_image(self) -> dict[str, str]:
        """Return the environment that the image itself has."""
        return {"PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin", "HOME": "/"}

    def _script(self, command: list[str]) -> str:
        security = self._container["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert not security["allowPrivilegeEscalation"]
        pod = self._spec["securityContext"]
        as_user = [
            *("setpriv", f"--reuid={pod['runAsUser']}", f"--regid={pod['runAsGroup']}"),
            *(f"--groups={pod['fsGroup']}", "--no-new-privs", f"--bounding-set={READS}"),
            *(f"--inh-caps={READS}", f"--ambient-caps={READS}"),
        ]
        lines = [*self._places(), "mount -o remount,bind,ro /", "cd /"]
        return "\n".join([*lines, f"exec {shlex.join([*as_user, *command])}"])

    def _places(self) -> Iterator[str]:
        """Yield what makes a place for each volume, where the machine itself has none."""
        for top in ("/etc", "/var/lib", "/run"):
            new = self._folder / f"root{top}"
            new.mkdir(parents=True, exist_ok=True)
            for path in (each for each in self._mounts if each.startswith(f"{top}/")):
                (new / path.removeprefix(f"{top}/")).mkdir(parents=True, exist_ok=True)
            if top == "/etc":
                yield f"cp -a /etc/. {shlex.quote(str(new))}"
            yield f"mount --bind {shlex.quote(str(new))} {top}"
            yield f"mount -o remount,bind,ro {top}"
        tmp = self._mounts["/tmp"]
        for each in (ROOT, Path(sys.prefix)):
            if each.is_relative_to("/tmp"):
                # The pod's own /tmp would hide what stands in for its image.
                place = tmp / each.relative_to("/tmp")
                place.mkdir(parents=True, exist_ok=True)
                yield f"mount --bind {shlex.quote(str(each))} {shlex.quote(str(place))}"
        for path, volume in sorted(self._mounts.items(), key=lambda each: each[0] == "/tmp"):
            yield f"mount --rbind {shlex.quote(str(volume))} {path}"

    def _environment(self) -> dict[str, str]:
        """Return what the pod says, beside what its image does."""
        found = self._of_image()
        for each in self._container["env"]:
            if "valueFrom" in each:
                _, _, name = each["valueFrom"]["fieldRef"]["fieldPath"].rpartition(".")
                found[each["name"]] = self._metadata[name]
            else:
                # What stands before it may be named in it.
                found[each["name"]] = Template(
                    each["value"].replace("$(", "${").replace(")", "}")
                ).substitute(found)
        return found

    def _volume(self, name: str) -> Path:
        volume = next(each for each in self._spec["volumes"] if each["name"] == name)
        if "configMap" in volume:
            told = self._get("configmap", volume["configMap"]["name"])["data"]
            return self._files(name, told)
        files: dict[str, str] = {}
        for each in volume.get("projected", {}).get("sources", ()):
            files |= self._secret(each["secret"]["name"], each["secret"]["items"])
        if "secret" in volume:
            files |= self._secret(volume["secret"]["secretName"], volume["secret"]["items"])
        return self._files(name, files)

    def _secret(self, name: str, items: list[Json]) -> dict[str, str]:
        data = self._get("secret", name)["data"]
        return {each["path"]: base64.b64decode(data[each["key"]]).decode() for each in items}

    def _files(self, name: str, files: dict[str, str]) -> Path:
        """Return a volume of these files, which is the pod's group's."""
        folder = self._folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        group = self._spec["securityContext"]["fsGroup"]
        for path, text in files.items():
            (folder / path).write_text(text)
            os.chown(folder / path, 0, group)
            (folder / path).chmod(0o440)
        os.chown(folder, 0, group)
        # As a volume is: anybody of the group makes files in it, and it is nobody's of them.
        folder.chmod(0o2770 if not files else 0o750)
        return folder
