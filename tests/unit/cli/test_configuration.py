"""Every mistake in the configuration is exit 2 and one clear line, without a password in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings import load
from tests.unit.cli.conftest import Invoke

SECRET = "hunter2"


def refused(invoke: Invoke, **environment: str) -> str:
    """Run a command under these settings; return the one line it says."""
    ended = invoke("pods", **environment)
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vereflow: ")
    assert SECRET not in line
    return line


def refused_file(invoke: Invoke, folder: Path, content: str) -> str:
    path = folder / "settings.yaml"
    path.write_text(content)
    return refused(invoke, VEREFLOW_CONFIG=str(path))


def test_a_settings_file_that_is_not_there_is_named(invoke: Invoke, tmp_path: Path) -> None:
    line = refused(invoke, VEREFLOW_CONFIG=str(tmp_path / "nowhere.yaml"))

    assert "nowhere.yaml: No such file" in line


@pytest.mark.parametrize(
    "port", ["abc", "0", "-1", "70000", "6066 ", " 6066", "6066.0", "", "٦٠٦٦"]
)
@pytest.mark.row("G02")
def test_a_port_is_a_number_from_1_to_65535(invoke: Invoke, port: str) -> None:
    assert "web__port" in refused(invoke, VEREFLOW_WEB__PORT=port)


@pytest.mark.parametrize("broker", ["h", "h:", "h:0", "h:70000", "h:9092 x", "http://h:1", "h:1,"])
def test_a_broker_is_a_host_and_a_port(invoke: Invoke, broker: str) -> None:
    assert "kafka__broker" in refused(invoke, VEREFLOW_KAFKA__BROKER=broker)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "verefoo:8085",
        "//verefoo",
        "file:///etc/passwd",
        "ftp://localhost",
        f"http://user:{SECRET}@localhost",
        f"http://{SECRET}@localhost",
        f"http://user:{SECRET}/x@localhost",
        f"http://user:{SECRET}#x@localhost",
        f"http://user:{SECRET}",
        f"http://[{SECRET}",
        "http://localhost:0",
        "http://localhost:70000",
        "http://localhost:http",
        "http://localhost?x=1",
    ],
)
@pytest.mark.row("G03")
def test_a_url_is_a_plain_base_url(invoke: Invoke, url: str) -> None:
    assert "verefoo__url" in refused(invoke, VEREFLOW_VEREFOO__URL=url)


@pytest.mark.parametrize(
    "url", ["file:///x", f"http://user:{SECRET}@h", "h:1", f"http://u:{SECRET}/@h"]
)
def test_a_web_server_is_named_by_a_plain_base_url_too(invoke: Invoke, url: str) -> None:
    refused(invoke, VEREFLOW_WEB_URLS=url)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://localhost:8085/verefoo/", "http://localhost:8085/verefoo"),
        ("http://[::1]:8085/verefoo", "http://[::1]:8085/verefoo"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("https://verefoo.example", "https://verefoo.example"),
    ],
)
def test_a_trailing_slash_and_an_ipv6_literal_are_fine(
    url: str, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_VEREFOO__URL", url)

    assert load().verefoo.url == read


@pytest.mark.parametrize("host", ["verefoo.example", "10.0.0.1", "127.0.0.1.evil.example"])
@pytest.mark.row("G04")
def test_plain_http_leaves_this_machine_only_when_it_may(
    invoke: Invoke, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://{host}:8085/verefoo"

    line = refused(invoke, VEREFLOW_VEREFOO__URL=url)

    assert "allow_remote_http" in line
    monkeypatch.setenv("VEREFLOW_VEREFOO__URL", url)
    monkeypatch.setenv("VEREFLOW_VEREFOO__ALLOW_REMOTE_HTTP", "true")
    assert load().verefoo.url == url


@pytest.mark.parametrize(
    "seconds", ["-1", "0", "-0.0", "1e9", "1e400", "nan", "inf", "5s", "", "5,0"]
)
@pytest.mark.row("G05")
def test_a_timeout_is_a_number_of_seconds_up_to_a_day(invoke: Invoke, seconds: str) -> None:
    assert "verefoo__timeout" in refused(invoke, VEREFLOW_VEREFOO__TIMEOUT=seconds)


@pytest.mark.parametrize("prefix", ["a b", "../", "..", ".", "a/b", "x" * 250, "ü", "a\nb"])
@pytest.mark.row("G06")
def test_a_topic_prefix_is_part_of_a_topics_name(invoke: Invoke, prefix: str) -> None:
    assert "kafka__prefix" in refused(invoke, VEREFLOW_KAFKA__PREFIX=prefix)


@pytest.mark.row("G12")
def test_an_unknown_name_in_the_environment_is_an_error(invoke: Invoke) -> None:
    assert "VEREFLOW_KAFKA__BROKR" in refused(invoke, VEREFLOW_KAFKA__BROKR=SECRET)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (f"kafka:\n  brokr: {SECRET}\n", "kafka__brokr"),
        (f"kafak: {SECRET}\n", "kafak"),
        (f"web: {SECRET}\n", "web"),
        ("1: 2\n", "settings.yaml"),
        ("null: 2\n", "settings.yaml"),
        ("- 1\n", "settings.yaml"),
        ("kafka: {broker: 'a:1', broker: 'b:1'}\n", "broker"),
        (f"verefoo: {{url: 'http://u:{SECRET}@h'", "settings.yaml"),
        (f"verefoo:\n\turl: http://u:{SECRET}@h", "settings.yaml"),
        (f"!!python/object/apply:os.system [{SECRET}]", "settings.yaml"),
        ("[" * 20_000, "settings.yaml"),
        ("a: &a [*a]\n", "a"),
        ("? [a]\n: 1\n", "settings.yaml"),
        ("x: " + "1" * (1 << 20), "settings.yaml"),
    ],
)
@pytest.mark.row("G11", "G12")
def test_a_file_with_a_mistake_is_an_error_that_names_it(
    invoke: Invoke, tmp_path: Path, content: str, named: str
) -> None:
    assert named in refused_file(invoke, tmp_path, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("VEREFLOW_KAFKA__CODEC", "kafka:\n  codec: pickle\n"),
        ("VEREFLOW_KAFKA__VALUE_SERIALIZER", "kafka:\n  value_serializer: pickle\n"),
        ("VEREFLOW_CODEC", "codec: pickle\n"),
    ],
)
@pytest.mark.row("G13")
def test_a_pickle_codec_cannot_be_configured(
    invoke: Invoke, tmp_path: Path, name: str, content: str
) -> None:
    assert name in refused(invoke, **{name: "pickle"})
    refused_file(invoke, tmp_path, content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not an endpoints file"),
        ("{}", "not an endpoints file"),
        ('{"broker": "h:1", "kube": {}, "verefoo": {}}', "not an endpoints file"),
        (
            '{"broker": "h:1", "kube": {}, "verefoo": {"url": "x", "graph": 1}}',
            "verefoo__url",
        ),
        (
            '{"broker": "h:1", "kube": {}, "verefoo": {"url": "http://[::1]", "graph": 1},'
            ' "brokerHook": "os:system"}',
            "no such hook",
        ),
    ],
)
def test_an_endpoints_file_that_is_none_is_refused(
    invoke: Invoke, tmp_path: Path, content: str, why: str
) -> None:
    path = tmp_path / "here.json"
    path.write_text(content)

    assert why in refused(invoke, VEREFLOW_ENDPOINTS=str(path))


def test_an_endpoints_file_that_is_not_there_is_named(invoke: Invoke, tmp_path: Path) -> None:
    line = refused(invoke, VEREFLOW_ENDPOINTS=str(tmp_path / "here.json"))

    assert "here.json: No such file or directory; is `vereflow up` running?" in line
