"""What is saved comes back, later than everything anybody saw."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deploy.local.kubernetes import KubernetesServer, write_kubeconfig
from deploy.local.kubernetes.kinds import KINDS, NETWORK_POLICIES
from deploy.local.kubernetes.state import load, save
from deploy.local.kubernetes.store import Compacted, Store
from tests.unit.local.kubernetes.objects import apply_policy, new_api

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "web"},
    "spec": {},
}


def test_every_object_comes_back(tmp_path: Path) -> None:
    store = new_api().store
    save(store, tmp_path / "state.json")
    other = Store()

    load(other, tmp_path / "state.json")

    assert [other.all(kind) for kind in KINDS] == [store.all(kind) for kind in KINDS]


def test_versions_seen_before_a_crash_are_in_the_past(tmp_path: Path) -> None:
    api, other = new_api(), Store()
    save(api.store, tmp_path / "state.json")
    lost = int(apply_policy(api, POLICY).body["metadata"]["resourceVersion"])

    load(other, tmp_path / "state.json")

    assert other.revision > lost
    with pytest.raises(Compacted):
        other.since(lost)


def test_ownership_outlives_a_restart(tmp_path: Path) -> None:
    api, other = new_api(), new_api()
    before = apply_policy(api, POLICY).body
    save(api.store, tmp_path / "state.json")
    load(other.store, tmp_path / "state.json")

    assert apply_policy(other, POLICY).body == before


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    store = new_api().store
    save(store, path)
    before = path.read_text()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))

    with pytest.raises(OSError, match="disk full"):
        save(store, path)

    assert path.read_text() == before


def test_a_new_server_has_the_first_namespaces_and_no_history() -> None:
    store = KubernetesServer().store

    assert store.get(NETWORK_POLICIES, "default", "web") is None
    with pytest.raises(Compacted):
        store.since(1)


def test_a_kubeconfig_names_the_server(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "new" / "config", "http://127.0.0.1:1", namespace="n")

    config = yaml.safe_load(path.read_text())
    (context,) = config["contexts"]
    assert config["current-context"] == context["name"]
    assert context["context"]["namespace"] == "n"
    assert config["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:1"}
