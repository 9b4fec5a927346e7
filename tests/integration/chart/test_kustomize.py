"""The base for kustomize is what the chart makes of its defaults, and a kubectl builds it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.settings import load
from tests.integration.chart.applying import DRY, Kubectl
from tests.integration.chart.rendering import ROOT, Rendered, needs_helm, rendered
from tests.real import needs_go

Json = dict[str, Any]

pytestmark = needs_helm

BASE = ROOT / "deploy/kustomize/base"
VALUES: Json = {
    "settings": {
        "kafka": {"broker": "kafka:9092"},
        "verefoo": {"url": "https://verefoo.example/verefoo"},
    }
}
NOTE = "# Rendered from deploy/helm/vereflow by `make kustomize`: change it there.\n"
OF_HELM = {"helm.sh/chart", "app.kubernetes.io/managed-by"}


def resources(found: Rendered) -> Iterator[Json]:
    """Yield what the chart makes, without what is Helm's and what kustomize does itself."""
    for told in found.objects:
        each = copy.deepcopy(told)
        if each["kind"] == "ConfigMap":
            continue
        template = each.get("spec", {}).get("template", {})
        for metadata in (each["metadata"], template.get("metadata", {})):
            for name in OF_HELM & set(metadata.get("labels", ())):
                del metadata["labels"][name]
        if each["kind"] == "StatefulSet":
            del template["metadata"]["annotations"]
        if each["kind"] == "Job":
            each["metadata"]["name"] = "vereflow-init"
        yield each


@pytest.fixture(scope="module")
def written(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the files that follow from the chart; write them where that is asked for."""
    found = rendered(VALUES)
    files = {
        "vereflow.yaml": NOTE + yaml.safe_dump_all(resources(found), sort_keys=False),
        "settings.yaml": found.one("ConfigMap")["data"]["settings.yaml"],
    }
    if request.config.getoption("--update-kustomize", default=False):
        for name, text in files.items():
            (BASE / name).write_text(text)
    return files


def test_the_base_is_what_the_chart_makes_now(written: dict[str, str]) -> None:
    for name, text in written.items():
        assert (BASE / name).read_text() == text, "run `make kustomize`, and read the difference"


def test_its_settings_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEREFLOW_CONFIG", str(BASE / "settings.yaml"))

    assert load().kafka.broker == VALUES["settings"]["kafka"]["broker"]


@needs_go
def test_an_overlay_brings_its_own_settings_and_is_valid(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "base").symlink_to(BASE)
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "settings.yaml").write_text("kafka: {broker: 'mine:9092'}\n")
    (overlay / "kustomization.yaml").write_text(
        "resources: [../base]\n"
        "configMapGenerator:\n"
        "  - {name: vereflow, namespace: vereflow, behavior: replace, files: [settings.yaml]}\n"
        "images: [{name: vereflow, newName: registry.example/vereflow, newTag: mine}]\n"
    )

    built = kubectl("kustomize", "--load-restrictor=LoadRestrictionsNone", str(overlay))
    kubectl(*DRY, stdin=built)

    objects = list(yaml.safe_load_all(built))
    (settings,) = (each for each in objects if each["kind"] == "ConfigMap")
    assert settings["data"] == {"settings.yaml": "kafka: {broker: 'mine:9092'}\n"}
    owners = [each for each in objects if each["kind"] in ("StatefulSet", "Job")]
    assert len(owners) == 2
    for each in owners:
        spec = each["spec"]["template"]["spec"]
        (volume,) = (volume for volume in spec["volumes"] if volume["name"] == "settings")
        assert volume["configMap"]["name"] == settings["metadata"]["name"] != "vereflow"
        assert spec["containers"][0]["image"] == "registry.example/vereflow:mine"
