"""Settings: what is mistaken is refused, and no message repeats what may be a password."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.settings import (
    NEVER_MANAGED,
    ClusterSettings,
    Settings,
    UnknownSetting,
    VerefooSettings,
    WebSettings,
    load,
    names,
)
from streams.settings_file import read_file
from streams.settings_graph import GraphSettings
from streams.settings_kafka import KafkaSettings
from streams.settings_values import check_url
from streams.topics import specs
from tables.catalog import NAMES

SECRET = "s3cret"


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.lower().startswith("vereflow_"):
            monkeypatch.delenv(variable)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the file that VEREFLOW_CONFIG names."""

    def written(text: str) -> Path:
        path = tmp_path / "vereflow.yaml"
        path.write_text(text)
        monkeypatch.setenv("VEREFLOW_CONFIG", str(path))
        return path

    return written


def messages(error: Exception) -> str:
    """What people are shown of an error: never the input, which pydantic would add."""
    if isinstance(error, ValidationError):
        return " ".join(each["msg"] for each in error.errors(include_input=False))
    return str(error)


def test_everything_has_a_default():
    assert load() == Settings()


def test_arguments_win_over_the_environment_and_the_environment_over_the_file(write, monkeypatch):
    write("kafka: {partitions: 3, replication: 3, app_id: file}")
    monkeypatch.setenv("VEREFLOW_KAFKA__PARTITIONS", "5")
    monkeypatch.setenv("VEREFLOW_KAFKA__REPLICATION", "2")

    kafka = load(kafka={"partitions": 7}).kafka

    assert (kafka.partitions, kafka.replication, kafka.app_id) == (7, 2, "file")


@pytest.mark.parametrize(
    "variable", ["VEREFLOW_KAFKA__BROKR", "VEREFLOW_KAFKA__CODEC", "VEREFLOW_X"]
)
@pytest.mark.parametrize("spelt", [str.upper, str.lower])
@pytest.mark.row("G12")
def test_a_variable_that_sets_nothing_is_refused(monkeypatch, variable, spelt):
    monkeypatch.setenv(spelt(variable), "pickle")

    with pytest.raises(UnknownSetting, match=f"{spelt(variable)} is no setting"):
        load()


def test_every_setting_can_be_set_from_the_environment(monkeypatch):
    for name in names():
        if "__" not in name:
            continue
        group, _, inner = name.partition("__")
        value = getattr(getattr(Settings(), group), inner)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            monkeypatch.setenv(f"VEREFLOW_{name.upper()}", str(value))

    assert load() == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "kafka: {brokr: x}",
        "kafak: {}",
        "kafka: {codec: pickle}",
        "kafka: x",
        "- kafka",
        "1: 2",
        "kafka: {partitions: 4, partitions: 5}",
        "kafka:\n\tbroker: x",
        "a: !!python/object/apply:os.system [ls]",
        "kafka: &k\n  <<: *k",
        "kafka: &k {partitions: 4}\nweb: *k",
        "a: !!timestamp x",
        "[" * 10_000,
        "\0",
    ],
)
@pytest.mark.row("G11", "G12", "G13")
def test_a_file_that_is_no_settings_is_refused(write, text):
    write(text)

    with pytest.raises(ValueError, match=r"[a-z]"):
        load()


@pytest.mark.row("G11")
def test_aliases_cannot_become_more_than_the_machine_holds(write):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for above, here in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{here}: &{here} [{', '.join([f'*{above}'] * 10)}]")
    path = write("\n".join(lines))

    with pytest.raises(ValueError, match="an alias at line 2"):
        read_file(path)


@pytest.mark.row("G11")
def test_a_name_said_twice_is_told_with_its_place(write):
    path = write("web: {}\nkafka: {partitions: 4, partitions: 5}")

    with pytest.raises(ValueError, match="partitions twice at line 2"):
        read_file(path)


@pytest.mark.row("G11")
def test_a_file_has_a_largest_size(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 30)

    with pytest.raises(ValueError, match="larger than"):
        read_file(path)


def test_a_missing_file_is_named(write):
    path = write("")
    path.unlink()

    with pytest.raises(ValueError, match=f"{path}: No such file"):
        load()


@pytest.mark.parametrize(
    "text",
    [
        f"verefoo:\n  url: http://u:{SECRET}@h: 1: x",
        f'verefoo: "http://u:{SECRET}@h',
        f"url: {{{SECRET}: {SECRET}",
        f"*{SECRET}",
        f"!{SECRET} x",
        f"!!int {SECRET}",
        f"%{SECRET}",
        f"@{SECRET}",
    ],
)
def test_a_broken_line_of_the_file_is_not_repeated(write, text):
    path = write(text)

    with pytest.raises(ValueError, match="not YAML") as refused:
        read_file(path)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "port", ["abc", "0", "70000", "6066 ", "+6066", "6_066", "", "-1", 0, 65536]
)
@pytest.mark.row("G02")
def test_what_is_no_port_is_refused(port):
    with pytest.raises(ValidationError, match="port"):
        WebSettings(port=port)


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@h/verefoo",
        f"http://{SECRET}@h",
        f"http://user:{SECRET}/x@h",
        f"http://user:{SECRET}?@h",
        f"http://[{SECRET}@h",
        f"http://h:{SECRET}",
        f"file:///{SECRET}",
        f"{SECRET}",
        f"http://h/?{SECRET}",
        f"http://h/#{SECRET}",
        f"http://h /{SECRET}",
        f"http://h\n/{SECRET}",
        f"http://:80/{SECRET}",
        f"http://h:0/{SECRET}",
        f"http://h:70000/{SECRET}",
        f"http://\u2100{SECRET}",
    ],
)
@pytest.mark.row("G03", "G16")
def test_what_is_no_base_url_is_refused_without_repeating_it(url):
    with pytest.raises(ValidationError) as refused:
        VerefooSettings(url=url, allow_remote_http=True)

    assert SECRET not in messages(refused.value)


@given(st.text(alphabet="htps:/@?#[]0189.- \\%", max_size=30))
def test_no_message_repeats_a_part_of_what_is_no_url(middle):
    said = ""
    try:
        check_url(f"{middle}{SECRET}{middle}")
    except ValueError as refused:
        said = str(refused)

    assert SECRET not in said


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("http://127.0.0.1:8085/verefoo/", "http://127.0.0.1:8085/verefoo"),
        ("http://[::1]:8085/verefoo", "http://[::1]:8085/verefoo"),
        ("http://localhost", "http://localhost"),
        ("https://verefoo.example/verefoo", "https://verefoo.example/verefoo"),
    ],
)
@pytest.mark.row("G03")
def test_base_urls_are_kept_without_their_last_slash(told, kept):
    assert VerefooSettings(url=told).url == kept


@pytest.mark.parametrize("host", ["10.1.2.3", "verefoo", "localhost.example", "[fd00::1]"])
@pytest.mark.row("G04")
def test_plain_http_leaves_this_machine_only_where_that_is_allowed(host):
    with pytest.raises(ValidationError, match="allow_remote_http"):
        VerefooSettings(url=f"http://{host}:8085")

    assert VerefooSettings(url=f"http://{host}:8085", allow_remote_http=True)


@pytest.mark.threat("T6")
def test_a_token_leaves_this_machine_over_tls_only():
    told = {"token_file": "token", "allow_remote_http": True}
    with pytest.raises(ValidationError, match="in the clear"):
        VerefooSettings(url="http://10.1.2.3:8085", **told)

    assert VerefooSettings(url="https://10.1.2.3", **told)
    assert VerefooSettings(url="http://127.0.0.1:8085", **told)


@pytest.mark.parametrize("seconds", [0, -1, "5s", "nan", "inf", "-inf", 1e9, None])
@pytest.mark.row("G05")
def test_what_is_no_time_limit_is_refused(seconds):
    with pytest.raises(ValidationError):
        VerefooSettings(timeout=seconds)


@pytest.mark.parametrize("broker", ["", "h", "h:0", "h:70000", "h:x", "u:p@h:1", "h:1,", "h :1"])
def test_what_is_no_broker_is_refused(broker):
    with pytest.raises(ValidationError, match="HOST:PORT"):
        KafkaSettings(broker=broker)


@pytest.mark.parametrize("prefix", ["a b", "..", ".", "a/b", "a\n", "x" * 151, "\u00e4"])
@pytest.mark.row("G06")
def test_what_cannot_begin_a_topics_name_is_refused(prefix):
    with pytest.raises(ValidationError, match="prefix"):
        KafkaSettings(prefix=prefix)


LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)


@given(st.from_regex(r"[A-Za-z0-9_-]{0,150}", fullmatch=True), LABELS, LABELS)
@pytest.mark.row("G06")
def test_no_two_topics_are_the_same_and_kafka_takes_every_name(prefix, app_id, cluster):
    settings = Settings(
        kafka=KafkaSettings(prefix=prefix, app_id=app_id), cluster=ClusterSettings(name=cluster)
    )

    topics = [spec.name for spec in specs(settings, NAMES)]

    assert len(set(topics)) == len(topics)
    assert max(map(len, topics)) <= 249


@pytest.mark.parametrize("namespaces", [(), ("kube-system",), ("default", "vereflow"), ("A",)])
@pytest.mark.row("G22")
def test_what_must_not_be_managed_is_refused(namespaces):
    with pytest.raises(ValidationError):
        ClusterSettings(namespaces=namespaces)


@pytest.mark.parametrize("variable", ["VEREFLOW_KAFKA", "VEREFLOW_CLUSTER__NAMESPACES"])
def test_a_list_that_is_not_json_is_refused_with_the_way_to_write_it(monkeypatch, variable):
    monkeypatch.setenv(variable, SECRET)

    with pytest.raises(ValueError, match="written as JSON") as refused:
        load()

    assert SECRET not in str(refused.value)


@pytest.mark.row("W05", "W10")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "worker.example"])
def test_the_web_pages_without_a_login_are_served_to_this_machine_alone(host):
    with pytest.raises(ValidationError):
        WebSettings(host=host)


@pytest.mark.parametrize("told", [{"port": 80, "probe_port": 80}, {"enabled": False}])
def test_probes_have_a_port_of_their_own_beside_what_is_served(told):
    with pytest.raises(ValidationError, match="probe_port"):
        WebSettings(**{"probe_port": 81} | told)


@pytest.mark.row("G22")
def test_the_system_is_left_alone_whatever_is_set():
    assert ClusterSettings(own_namespace="shop").never_managed == NEVER_MANAGED | {"shop"}
    with pytest.raises(ValidationError):
        ClusterSettings(own_namespace="")


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        GraphSettings().name = "other"  # type: ignore[misc]


def test_a_group_nested_too_deeply_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEREFLOW_LOG", '{"a":' * 2000)

    with pytest.raises(ValueError, match="too deeply"):
        load()
