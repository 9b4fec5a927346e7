"""Exposed pages: a Service, a worker that starts there, and a policy that lets in who may come."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import Settings
from tests.integration.chart.cases import ASKS, BASE, EXPOSED, MONITORED, over
from tests.integration.chart.rendering import Ask, Json, Rendered, needs_helm, render, rendered
from tests.integration.chart.test_rendering import env, settings_of

pytestmark = needs_helm

PORT = [{"protocol": "TCP", "port": "web"}]


def as_worker(found: Rendered, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of the first worker."""
    workers = found.one("StatefulSet")
    for each in env(workers["spec"]["template"]["spec"]):
        if each["name"].startswith("VEREFLOW_") and "value" in each:
            name = f"{workers['metadata']['name']}-0"
            monkeypatch.setenv(each["name"], each["value"].replace("$(POD_NAME)", name))
    return settings_of(found, folder, monkeypatch)


def service(found: Rendered) -> Json:
    (pages,) = [each for each in found.of("Service") if each["metadata"]["name"].endswith("-web")]
    return pages


def workers_of(release: str) -> Json:
    labels = {"app.kubernetes.io/name": "vereflow", "app.kubernetes.io/instance": release}
    return {"podSelector": {"matchLabels": labels}}


def test_a_worker_serves_everybody_by_its_own_name(
    every: dict[str, Rendered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = as_worker(every["exposed"], tmp_path, monkeypatch).web

    assert web.host == "*"
    assert web.url == "https://second-vereflow-0.second-vereflow.elsewhere.svc:7000"
    assert service(every["exposed"])["metadata"]["name"] == "second-vereflow-web"
    assert web.names == (
        "second-vereflow-web",
        "second-vereflow-web.elsewhere",
        "second-vereflow-web.elsewhere.svc",
    )


def test_other_names_come_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"settings": {"web": {"names": ["vereflow.example.org"]}}}
    found = rendered(over(over(BASE, EXPOSED), named))

    web = as_worker(found, tmp_path, monkeypatch).web

    assert len(web.names) == 4
    assert web.names[-1] == "vereflow.example.org"


def test_a_command_in_a_pod_asks_every_worker(every: dict[str, Rendered]) -> None:
    pod = every["exposed"].one("StatefulSet")["spec"]["template"]["spec"]
    (urls,) = [each["value"] for each in env(pod) if each["name"] == "VEREFLOW_WEB_URLS"]

    names = [f"second-vereflow-{number}.second-vereflow.elsewhere.svc" for number in range(3)]
    assert urls.split() == [f"https://{name}:7000" for name in names]


@pytest.mark.threat("T6")
def test_workers_and_who_is_named_may_come_and_nobody_else(every: dict[str, Rendered]) -> None:
    policy = every["exposed"].one("NetworkPolicy")["spec"]
    (both,) = render(Ask(over(over(BASE, EXPOSED), MONITORED)))

    peers = [workers_of("second"), *EXPOSED["web"]["from"]]
    assert policy["ingress"] == [{"from": peers, "ports": PORT}]
    assert policy["policyTypes"] == ["Ingress"]
    spec = both.one("NetworkPolicy")["spec"]
    assert [each["ports"][0]["port"] for each in spec["ingress"]] == ["probes", "web"]
    assert spec["egress"][-1] == {"to": [workers_of("vereflow")], "ports": PORT}
    assert spec["egress"][:-1] == MONITORED["networkPolicy"]["egress"]


@pytest.mark.parametrize("name", sorted(set(ASKS) - {"exposed", "all"}))
def test_unless_they_are_exposed_nothing_is_there_for_them(
    every: dict[str, Rendered], name: str
) -> None:
    (workers,) = every[name].of("StatefulSet")
    (container,) = workers["spec"]["template"]["spec"]["containers"]

    assert len(every[name].of("Service")) == 1
    assert [port["name"] for port in container["ports"]] == ["probes"]
    assert "VEREFLOW_WEB__HOST" not in {each["name"] for each in container["env"]}
