"""Whoever we ask must prove who it is before it is told anything; a token goes nowhere else."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml
from aiohttp import web

from agents.clients.errors import Refused, TryLater
from agents.clients.verefoo import Verefoo
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from tests.integration.kubernetes.servers import client

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Listener:
    """An API server that only tells its version, and what it was told by whom."""

    def __init__(self) -> None:
        self.url = ""
        self.shown: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.shown.append(request.headers.get("Authorization", ""))
        return web.json_response({"gitVersion": "v1.37.2"})


@asynccontextmanager
async def listening(certificate: trustme.LeafCert | None) -> AsyncIterator[Listener]:
    listener = Listener()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", listener.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    scheme = "http" if certificate is None else "https"
    listener.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield listener
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def known(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def expired(authority: trustme.CA) -> trustme.LeafCert:
    year = timedelta(days=365)
    return authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + year)


async def test_a_server_known_by_its_authority_is_told_our_token(
    authority: trustme.CA, known: Path, tmp_path: Path
) -> None:
    async with listening(authority.issue_cert("127.0.0.1")) as listener:
        path = write_kubeconfig(tmp_path / "config", listener.url, "secret", known)
        async with client(path) as cluster:
            assert await cluster.version() == "v1.37.2"

    assert listener.shown == ["Bearer secret"]


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (expired, "certificate has expired"),
        (lambda authority: authority.issue_cert("elsewhere.test"), "IP address mismatch"),
        (lambda _: trustme.CA().issue_cert("127.0.0.1"), "certificate verify failed"),
    ],
    ids=["expired", "of another host", "of an unknown authority"],
)
@pytest.mark.row("R17")
@pytest.mark.threat("T10")
async def test_a_server_that_does_not_prove_who_it_is_is_told_nothing(
    authority: trustme.CA, known: Path, tmp_path: Path, certificate: Any, why: str
) -> None:
    async with listening(certificate(authority)) as listener:
        path = write_kubeconfig(tmp_path / "config", listener.url, "secret", known)
        async with client(path) as cluster:
            with pytest.raises(TryLater, match=why) as caught:
                await cluster.version()

    assert listener.shown == []
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "garbage", "-----BEGIN CERTIFICATE-----\nx\n"])
@pytest.mark.row("G10")
async def test_an_authority_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    path = write_kubeconfig(
        tmp_path / "config", "https://127.0.0.1:1", "secret", tmp_path / "ca.pem"
    )

    async with client(path) as cluster:
        with pytest.raises(Refused, match="config"):
            await cluster.version()


@pytest.mark.row("R17")
async def test_a_verefoo_that_does_not_prove_who_it_is_is_told_nothing(
    authority: trustme.CA,
) -> None:
    async with listening(authority.issue_cert("127.0.0.1")) as listener:
        url = f"{listener.url}/verefoo"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            with pytest.raises(TryLater, match="CERTIFICATE_VERIFY_FAILED"):
                await Verefoo(http).graphs()

    assert listener.shown == []


@pytest.mark.row("G04")
@pytest.mark.threat("T5")
async def test_a_token_goes_to_no_other_host_in_the_clear(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", "http://192.0.2.1:8080", "secret")

    async with client(path) as cluster:
        with pytest.raises(Refused, match="plain http to another host"):
            await cluster.version()


@pytest.mark.parametrize(
    ("content", "shown"),
    [("secret", "Bearer secret"), ("secret\n", "Bearer secret"), ("", "")],
    ids=["as it is", "with a newline", "empty"],
)
@pytest.mark.row("G09")
async def test_a_token_is_what_its_file_says(tmp_path: Path, content: str, shown: str) -> None:
    async with (
        listening(None) as listener,
        client(with_token_file(tmp_path, listener.url, content)) as cluster,
    ):
        await cluster.version()

    assert listener.shown == [shown]


@pytest.mark.row("G09")
async def test_a_token_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with client(with_token_file(tmp_path, "http://127.0.0.1:1", None)) as cluster:
        with pytest.raises(Refused, match="config"):
            await cluster.version()


@pytest.mark.row("G16")
async def test_a_token_that_is_no_header_is_not_sent_and_not_said(tmp_path: Path) -> None:
    async with listening(None) as listener:
        path = with_token_file(tmp_path, listener.url, "secret\nX-Admin: yes")
        async with client(path) as cluster:
            with pytest.raises(TryLater) as caught:
                await cluster.version()

    assert listener.shown == []
    assert "secret" not in str(caught.value)


def with_token_file(folder: Path, url: str, content: str | None) -> Path:
    token = folder / "token"
    if content is not None:
        token.write_text(content)
    path = write_kubeconfig(folder / "config", url)
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = {"tokenFile": str(token)}
    path.write_text(yaml.safe_dump(config))
    return path
