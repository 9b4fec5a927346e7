"""Tokens and certificates are those that files hold now, and no message repeats them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from agents.asking.connecting import NotShown
from deploy.secret_files import NoLogin
from deploy.web_access import LARGEST_FILE, Certificates, access_of, connect_of, token_of
from streams.settings_web import WebSettings
from tests.secret_files import TOKEN, SecretFiles

OTHER = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def files(tmp_path: Path) -> SecretFiles:
    return SecretFiles(tmp_path, "localhost")


def settings(files: SecretFiles, **more: object) -> WebSettings:
    return WebSettings(**files.settings | more)


def shown(server: ssl.SSLContext, trust: ssl.SSLContext, name: str = "localhost") -> str:
    """Shake hands in memory; return whose certificate was shown."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(back, there, server_hostname=name)
    serving = server.wrap_bio(there, back, server_side=True)
    for _ in range(10):
        for each in (client, serving):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = client.getpeercert()
    assert certificate
    return str(certificate["subjectAltName"])


def test_a_token_is_what_its_file_holds_at_this_moment(files: SecretFiles) -> None:
    token = token_of("web.token_file", files / "token")

    assert token() == TOKEN
    files.put("token", OTHER.encode())
    assert token() == OTHER


@pytest.mark.threat("T5", "T6")
@pytest.mark.parametrize(
    "content",
    ["", "short", "a" * 31, "a" * 513, "b" * 40 + " c", "ä" * 40, b"\xff" * 40, "\n" * 40],
)
def test_what_is_no_token_is_refused_and_not_repeated(
    files: SecretFiles, content: str | bytes
) -> None:
    told = content if isinstance(content, bytes) else content.encode()
    path = files.put("bad", told)
    with pytest.raises(NoLogin, match=r"web\.token_file") as refused:
        access_of(settings(files, token_file=path))

    assert "bbb" not in str(refused.value)


@pytest.mark.threat("T6")
def test_who_takes_the_token_away_lets_nobody_in_by_it_any_more(files: SecretFiles) -> None:
    token = token_of("web.token_file", files / "token")
    (files / "token").unlink()

    for _ in range(2):
        with pytest.raises(NotShown, match="token"):
            token()
    files.put("token", OTHER.encode())
    assert token() == OTHER


def test_the_proxy_has_a_token_of_its_own(files: SecretFiles) -> None:
    told = {"proxy_header": "X-Forwarded-User", "proxy_token_file": files / "token"}
    with pytest.raises(NoLogin, match="of its own"):
        access_of(settings(files, **told))

    files.put("other", OTHER.encode())
    keys = access_of(settings(files, **told | {"proxy_token_file": files / "other"})).keys
    assert keys is not None
    assert keys.proxy is not None
    assert keys.proxy.token() == OTHER


def test_a_certificate_is_the_one_of_now_and_a_half_replaced_one_the_former(
    files: SecretFiles,
) -> None:
    server = Certificates(files / "certificate", files / "key").context
    trust = connect_of(settings(files)).trust
    assert trust is not None
    assert "localhost" in shown(server, trust)

    files.certify(files.authority, "worker.example")
    assert "worker.example" in shown(server, trust, "worker.example")
    key = (files / "key").read_bytes()
    files.put("key", trustme.CA().issue_cert("localhost").private_key_pem.bytes())
    assert "worker.example" in shown(server, trust, "worker.example")
    files.put("key", key)
    assert "worker.example" in shown(server, trust, "worker.example")


def test_who_vouches_anew_is_believed_from_the_next_request_on(files: SecretFiles) -> None:
    server = Certificates(files / "certificate", files / "key").context
    connect = connect_of(settings(files))
    assert connect.trust is not None
    assert connect.token is not None
    another = trustme.CA()
    files.certify(another, "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(server, connect.trust)

    files.put("ca", another.cert_pem.bytes())
    connect.token()

    assert "localhost" in shown(server, connect.trust)


def test_nothing_older_than_tls_1_2_is_spoken(files: SecretFiles) -> None:
    access = access_of(settings(files))

    assert access.tls is not None
    assert access.tls.minimum_version == ssl.TLSVersion.TLSv1_2
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(files / "ca")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shown(access.tls, old)


@pytest.mark.parametrize("name", ["certificate", "key", "ca"])
@pytest.mark.parametrize("content", [b"", b"no certificate", bytes(LARGEST_FILE + 1), None])
def test_what_is_no_certificate_is_refused_and_named(
    files: SecretFiles, name: str, content: bytes | None
) -> None:
    if content is None:
        (files / name).unlink()
    else:
        files.put(name, content)

    with pytest.raises(NoLogin, match=rf"web\.{name} "):
        access_of(settings(files))


def test_without_files_there_is_neither_login_nor_tls() -> None:
    access = access_of(WebSettings())

    assert (access.keys, access.tls, access.connect) == (None, None, (None, None))
