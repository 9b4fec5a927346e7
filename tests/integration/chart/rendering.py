"""Render the chart by Helm's own libraries, built once; many installations in one run."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.go_program import GoProgram
from deploy.local.kubernetes.apiserver.binary import VERSION

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy/helm/vereflow"
SOURCE = Path(__file__).parent / "helm"
BUILD = ("build", "-trimpath", "-ldflags", "-s -w")
# Its packages are mostly those of kube-apiserver: a few seconds beside that, a minute without.
RENDERER = GoProgram("helm-renderer", SOURCE, BUILD, "what renders the chart")
HELM = GoProgram("helm", SOURCE, BUILD, "helm", package="helm.sh/helm/v3/cmd/helm")


@functools.cache
def helm_lacks() -> str:
    """Return what rendering needs and is not here."""
    if RENDERER.kept().exists() or shutil.which("go"):
        return ""
    return "Helm's libraries need Go 1.26 or newer: https://go.dev/doc/install"


needs_helm = pytest.mark.real.with_args(helm_lacks)


@dataclass(frozen=True)
class Ask:
    """One installation."""

    values: Json = field(default_factory=dict)
    release: str = "vereflow"
    namespace: str = "vereflow"
    apis: tuple[str, ...] = ()
    kube: str = VERSION


@dataclass(frozen=True)
class Rendered:
    """What came of it."""

    objects: list[Json]
    notes: str
    error: str
    complaints: list[str]

    def of(self, kind: str) -> list[Json]:
        """Return the objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str) -> Json:
        """Return the only object of a kind."""
        (found,) = self.of(kind)
        return found


def render(*asks: Ask) -> list[Rendered]:
    """Return what Helm makes of each."""
    told = [
        {
            "release": each.release,
            "namespace": each.namespace,
            "values": each.values,
            "apis": each.apis,
            "kube": each.kube,
        }
        for each in asks
    ]
    done = subprocess.run(
        [RENDERER.binary(), CHART],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [_rendered(each) for each in json.loads(done.stdout)]


def rendered(values: Json, **ask: Any) -> Rendered:
    """Return what Helm makes of one, which it must be able to."""
    (found,) = render(Ask(values, **ask))
    assert found.error == ""
    return found


def _rendered(told: Json) -> Rendered:
    texts = told["manifests"] or []
    loaded = (yaml.load_all(text, yaml.CSafeLoader) for text in texts)
    objects = [each for documents in loaded for each in documents if each]
    return Rendered(objects, told["notes"], told["error"], told["complaints"])
