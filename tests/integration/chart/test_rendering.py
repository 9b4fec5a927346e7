"""Whatever values there are, Helm makes of them what they say, or says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings, load
from streams.settings import names as setting_names
from tests.integration.chart.cases import ASKS, BASE, SETTINGS, STRIMZI, over
from tests.integration.chart.rendering import Ask, Rendered, needs_helm, render, rendered

Json = dict[str, Any]

pytestmark = needs_helm

# Values that a chart refuses, and a word of the reason.
REFUSED = {
    "a setting that is none": ({"settings": {"kafka": {"brokers": "a:1"}}}, "brokers"),
    "a setting of the chart's own": ({"settings": {"state_dir": "/tmp"}}, "state_dir"),
    "a setting of another type": ({"settings": {"kafka": {"partitions": "many"}}}, "partitions"),
    "a setting out of bounds": ({"settings": {"kafka": {"partitions": 1000}}}, "partitions"),
    "a password": ({"settings": {"kafka": {"password": "x"}}}, "password"),
    "a value that is none": ({"replica": 3}, "replica"),
    "no worker": ({"replicas": 0}, "replicas"),
    "a digest that is none": ({"image": {"digest": "latest"}}, "digest"),
    "root": ({"user": 0}, "user"),
    "no password for who makes topics": ({"init": {"user": "admin"}}, "init.passwordSecret"),
    "pages without a login": ({"web": {"expose": True}}, "web.tokenSecret.name"),
    "pages in the clear": (
        {"web": {"expose": True, "tokenSecret": {"name": "web"}}},
        "web.tlsSecret.name",
    ),
    "a place of pages": ({"settings": {"web": {"host": "*"}}}, "host"),
    "topics of no Kafka": ({"strimzi": {"topics": True}}, "strimzi.cluster"),
    "a user without a prefix": (
        {"strimzi": {"cluster": "x", "user": True}},
        "settings.kafka.prefix",
    ),
    "two users": (over(STRIMZI, {"settings": {"kafka": {"user": "me"}}}), "settings.kafka.user"),
    "topics of a part": (over(STRIMZI, {"settings": {"part": "cluster"}}), "settings.part"),
    "a user elsewhere": (over(STRIMZI, {"strimzi": {"namespace": "kafka"}}), "passwordSecret"),
}


@pytest.mark.parametrize("name", ASKS)
def test_what_helm_makes_of_values_is_clean_and_each_object_is_there_once(
    every: dict[str, Rendered], name: str
) -> None:
    found = every[name]
    named = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in found.objects
    ]

    assert found.error == ""
    assert found.complaints == []
    assert len(named) == len(set(named)) > 2
    assert f"namespace {ASKS[name].namespace}" in found.notes


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_its_name(name: str) -> None:
    values, word = REFUSED[name]

    (found,) = render(Ask(over(BASE, values)))

    assert word in found.error


@pytest.mark.parametrize("group", ["kafka", "verefoo"])
def test_what_must_be_set_is_named(group: str) -> None:
    settings = {name: each for name, each in BASE["settings"].items() if name != group}

    (found,) = render(Ask({"settings": settings}))

    assert f"set settings.{group}." in found.error


def test_at_a_cluster_no_verefoo_is_known() -> None:
    settings = {"part": "cluster", "kafka": BASE["settings"]["kafka"]}

    (found,) = render(Ask({"settings": settings}))

    assert found.error == ""


def test_an_older_kubernetes_is_refused() -> None:
    (found,) = render(Ask(BASE, kube="v1.29.9"))

    assert "kubeVersion" in found.error


@pytest.mark.parametrize("name", ASKS)
def test_the_file_of_settings_says_what_the_values_do(
    every: dict[str, Rendered], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(every[name], tmp_path, monkeypatch)

    assert says(settings.model_dump(mode="json"), ASKS[name].values["settings"])


def test_numbers_stay_what_they_are(
    every: dict[str, Rendered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = SETTINGS["settings"]

    kafka = settings_of(every["settings"], tmp_path, monkeypatch).kafka

    assert kafka.retention_hours == told["kafka"]["retention_hours"]
    assert kafka.session_timeout == told["kafka"]["session_timeout"]


@pytest.mark.threat("T5")
@pytest.mark.parametrize("name", ["secured", "strimzi", "all"])
def test_each_secret_is_a_file_that_the_settings_name(
    every: dict[str, Rendered], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(every[name], tmp_path, monkeypatch)
    (pod,) = (each["spec"]["template"]["spec"] for each in every[name].of("StatefulSet"))

    files = files_of(pod)
    named = {settings.kafka.ca, settings.kafka.password_file}
    named |= {settings.verefoo.ca, settings.verefoo.token_file} - {None}
    web = settings.web
    named |= {web.token_file, web.certificate, web.key, web.ca, web.proxy_token_file} - {None}
    named |= {settings.traces.ca, settings.traces.headers_file} - {None}

    assert {str(each) for each in named} == set(files) - {"/etc/vereflow/settings/settings.yaml"}
    assert not any("valueFrom" in each and "secretKeyRef" in each["valueFrom"] for each in env(pod))


def test_who_makes_topics_is_in_no_worker(every: dict[str, Rendered]) -> None:
    workers = every["secured"].one("StatefulSet")["spec"]["template"]["spec"]
    job = every["secured"].one("Job")["spec"]["template"]["spec"]

    assert "admin" not in str(workers)
    assert {"VEREFLOW_KAFKA__USER": "admin"}.items() <= {
        each["name"]: each.get("value") for each in env(job)
    }.items()
    assert "/etc/vereflow/init/password" in files_of(job)


@pytest.mark.parametrize("name", ASKS)
def test_what_is_in_the_environment_is_known_and_set_once(
    every: dict[str, Rendered], name: str
) -> None:
    for each in (*every[name].of("StatefulSet"), *every[name].of("Job")):
        told = env(each["spec"]["template"]["spec"])
        names = [variable["name"] for variable in told if variable["name"] != "POD_NAME"]

        assert len(names) == len(set(names))
        ours = {name.removeprefix("VEREFLOW_").lower() for name in names}
        assert ours <= {*setting_names(), "config", "web_urls"}


@pytest.mark.parametrize("name", ASKS)
def test_no_service_puts_settings_into_the_environment(
    every: dict[str, Rendered], name: str
) -> None:
    for each in every[name].objects:
        if each["kind"] in ("StatefulSet", "Job"):
            assert each["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_another_setting_is_another_job_and_other_pods() -> None:
    one, same = rendered(BASE), rendered(BASE)
    two = rendered(over(BASE, {"settings": {"kafka": {"partitions": 4}}}))
    notes = [
        each.one("StatefulSet")["spec"]["template"]["metadata"]["annotations"][
            "vereflow.io/settings"
        ]
        for each in (one, two)
    ]

    assert one.one("Job") == same.one("Job")
    assert one.one("Job")["metadata"]["name"] != two.one("Job")["metadata"]["name"]
    assert notes[0] != notes[1]


@pytest.mark.parametrize(
    "value", [{"replicas": 3}, {"podLabels": {"a": "b"}}, {"alerts": {"enabled": True}}]
)
def test_what_init_does_not_run_with_leaves_its_job_alone(value: Json) -> None:
    assert rendered(over(BASE, value)).one("Job") == rendered(BASE).one("Job")


def settings_of(found: Rendered, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings as a worker reads them."""
    maps = [each["data"] for each in found.of("ConfigMap")]
    (text,) = (data["settings.yaml"] for data in maps if "settings.yaml" in data)
    path = folder / "settings.yaml"
    path.write_text(text)
    monkeypatch.setenv("VEREFLOW_CONFIG", str(path))
    return load()


def says(found: Any, told: Any) -> bool:
    """Tell whether all that was told is found."""
    if isinstance(told, dict):
        return all(says(found[name], each) for name, each in told.items())
    return bool(found == told)


def env(pod: Json) -> list[Json]:
    (container,) = pod["containers"]
    found: list[Json] = container["env"]
    return found


def files_of(pod: Json) -> dict[str, tuple[str, str]]:
    """Return the mounted files of secrets and settings: path → secret and key."""
    (container,) = pod["containers"]
    places = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    found = {}
    for volume in pod["volumes"]:
        sources = volume.get("projected", {}).get("sources") or [volume]
        for secret in (each["secret"] for each in sources if "secret" in each):
            name = secret.get("name") or secret["secretName"]
            for item in secret["items"]:
                path = f"{places[volume['name']]}/{item['path']}"
                found[path] = (name, item["key"])
    return found
