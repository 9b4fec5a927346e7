"""Verefoo behind TLS and a login: whom it lets in, whom we believe, and what is said of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme
from click.testing import Result
from typer.testing import CliRunner

from agents.clients.errors import NotLetIn, Unproven
from agents.clients.verefoo import Verefoo
from deploy.cli import app
from deploy.local.verefoo.server import VerefooServer
from deploy.secret_files import NoLogin
from deploy.verefoo_login import verefoo_client
from streams.graph.star import Star
from streams.settings import VerefooSettings
from tests.integration.kubernetes.test_tls import expired
from tests.integration.verefoo.guard import Guard, authority_file, guarding

STAR = Star().wanted({}, {}).nodes.values()
SECRET = "c2VjcmV0-of.ours~1=="


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def guard(server: VerefooServer, authority: trustme.CA) -> AsyncIterator[Guard]:
    async with guarding(server, authority.issue_cert("127.0.0.1"), SECRET) as guard:
        yield guard


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    return path


@pytest.fixture
def known(authority: trustme.CA, tmp_path: Path) -> Path:
    return authority_file(authority, tmp_path)


async def test_whoever_shows_its_token_is_let_in(guard: Guard, known: Path, token: Path) -> None:
    told = VerefooSettings(url=guard.url, ca=known, token_file=token)
    async with verefoo_client(told) as http:
        verefoo = Verefoo(http)
        gid = await verefoo.create_graph(STAR)

        assert (await verefoo.graph(gid)).firewall("10.0.0.1")
    assert set(guard.shown) == {f"Bearer {SECRET}"}


@pytest.mark.fault("F58")
async def test_a_token_that_is_replaced_is_shown_at_once(
    guard: Guard, known: Path, token: Path
) -> None:
    told = VerefooSettings(url=guard.url, ca=known, token_file=token)
    async with verefoo_client(told) as http:
        verefoo = Verefoo(http)
        await verefoo.graphs()
        guard.token = "another"
        with pytest.raises(NotLetIn, match="401 Unauthorized: our token is not accepted") as said:
            await verefoo.graphs()
        assert SECRET not in str(said.value)
        hold(token, None)
        with pytest.raises(NotLetIn, match=r"token_file .*: No such file"):
            await verefoo.graphs()

        hold(token, "another")

        await verefoo.graphs()


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (expired, "certificate has expired"),
        (lambda authority: authority.issue_cert("elsewhere.test"), "IP address mismatch"),
        (lambda _: trustme.CA().issue_cert("127.0.0.1"), "unable to get local issuer"),
    ],
    ids=["expired", "of another host", "of an unknown authority"],
)
@pytest.mark.threat("T10")
async def test_who_does_not_prove_to_be_verefoo_is_shown_nothing(
    server: VerefooServer,
    authority: trustme.CA,
    known: Path,
    token: Path,
    certificate: Callable[[trustme.CA], trustme.LeafCert],
    why: str,
) -> None:
    async with guarding(server, certificate(authority), SECRET) as guard:
        told = VerefooSettings(url=guard.url, ca=known, token_file=token)
        async with verefoo_client(told) as http:
            with pytest.raises(Unproven, match=why) as said:
                await Verefoo(http).graphs()

    assert guard.shown == []
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("content", ["", "\n", f"{SECRET}\nX-Admin: yes", f" {SECRET}", "x" * 9999])
def test_what_is_no_token_is_not_shown_and_not_said(token: Path, content: str) -> None:
    token.write_text(content)

    with pytest.raises(NoLogin, match=r"verefoo\.token_file .*token: ") as said:
        verefoo_client(VerefooSettings(token_file=token))

    assert SECRET not in str(said.value)


@pytest.mark.parametrize("content", [None, "", "garbage"])
def test_an_authority_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    ca = tmp_path / "ca.pem"
    hold(ca, content)

    with pytest.raises(NoLogin, match=r"verefoo\.ca .*ca\.pem: "):
        verefoo_client(VerefooSettings(url="https://127.0.0.1:1", ca=ca))


@pytest.mark.threat("T6")
async def test_the_doctor_says_what_of_the_login_is_wrong(
    guard: Guard, known: Path, token: Path, tmp_path: Path
) -> None:
    other = authority_file(trustme.CA(), tmp_path.joinpath("other"))
    good = {"URL": guard.url, "CA": str(known), "TOKEN_FILE": str(token)}
    wrong = hold(tmp_path / "wrong", "revoked")

    for change, told in (
        ({}, (True, "0 graphs; ours is made at the first start", "")),
        (
            {"TOKEN_FILE": str(wrong)},
            (False, "401 Unauthorized", "have verefoo.token_file hold a token it accepts"),
        ),
        ({"CA": str(other)}, (False, "verify failed", "set verefoo.ca to who vouches for it")),
        ({"TOKEN_FILE": "/nowhere"}, (False, "/nowhere: No such file", "start Verefoo")),
    ):
        found = await diagnosis(good | change)
        assert found["ok"] is told[0]
        assert told[1] in found["detail"]
        assert told[2] in found["do"]
        assert SECRET not in json.dumps(found)


def hold(path: Path, content: str | None) -> Path:
    """Have a file hold this, or have no such file."""
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(content)
    return path


async def diagnosis(verefoo: dict[str, str]) -> dict[str, str | bool]:
    """Return what the doctor says of Verefoo, where all else is away."""
    environment = {f"VEREFLOW_VEREFOO__{name}": value for name, value in verefoo.items()}
    environment |= {"VEREFLOW_KAFKA__BROKER": "127.0.0.1:9", "VEREFLOW_WEB__PORT": "9"}

    def run() -> Result:
        return CliRunner().invoke(app, ["doctor", "-o", "json"], env=environment)

    ended = await asyncio.to_thread(run)
    checks = {each["check"]: each for each in json.loads(ended.stdout)["checks"]}
    found: dict[str, str | bool] = checks["Verefoo"]
    return found
