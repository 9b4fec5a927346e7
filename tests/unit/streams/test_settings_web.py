"""Pages are shown to other machines only over TLS and behind a login, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from streams.settings_web import WebSettings

EXPOSED: dict[str, Any] = {
    "host": "*",
    "name": "vereflow-0.vereflow.svc",
    "token_file": Path("/token"),
    "certificate": Path("/certificate"),
    "key": Path("/key"),
    "ca": Path("/ca"),
}


def test_by_default_pages_are_on_loopback_without_a_login():
    told = WebSettings()

    assert (told.url, told.token_file) == ("http://127.0.0.1:6066", None)


@pytest.mark.threat("T6")
@pytest.mark.row("W05", "W10")
@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::", "10.0.0.1", "fd00::1"])
@pytest.mark.parametrize(
    ("without", "mends"),
    [
        (("token_file",), "set web.token_file"),
        (("certificate", "key"), "set web.certificate and web.key"),
        (("ca",), "set web.ca"),
    ],
)
def test_other_machines_need_all_of_it_and_what_lacks_is_named(host, without, mends):
    told = {name: value for name, value in EXPOSED.items() if name not in without}

    with pytest.raises(ValidationError, match=mends):
        WebSettings(**told | {"host": host})


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::"])
def test_who_listens_everywhere_says_by_which_name_others_ask(host):
    with pytest.raises(ValidationError, match=r"set web\.name"):
        WebSettings(**EXPOSED | {"host": host, "name": ""})


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ({}, "https://vereflow-0.vereflow.svc:6066"),
        ({"name": "", "host": "10.0.0.1"}, "https://10.0.0.1:6066"),
        ({"name": "", "host": "fd00::1", "port": 7000}, "https://[fd00::1]:7000"),
        ({"name": "", "host": "127.0.0.1"}, "https://127.0.0.1:6066"),
        ({"name": "", "host": "::1", "certificate": None, "key": None}, "http://[::1]:6066"),
    ],
)
def test_workers_are_asked_by_their_name_over_what_they_speak(told, url):
    assert WebSettings(**EXPOSED | told).url == url


@pytest.mark.parametrize(
    "told",
    [
        {"key": None},
        {"proxy_header": "X-Forwarded-User"},
        {"proxy_token_file": Path("/proxy")},
        {"host": "localhost", "token_file": None, "proxy_header": "X", "proxy_token_file": "/p"},
        {"proxy_header": "Authorization", "proxy_token_file": Path("/proxy")},
        {"proxy_header": "X: y", "proxy_token_file": Path("/proxy")},
        {"host": "worker.example"},
        {"host": ""},
        {"name": "https://worker.example"},
        {"name": "worker.example:6066"},
        {"names": ("a b",)},
        {"session_seconds": 0},
    ],
)
def test_half_of_a_pair_and_what_means_nothing_is_refused(told):
    with pytest.raises(ValidationError):
        WebSettings(**EXPOSED | told)
