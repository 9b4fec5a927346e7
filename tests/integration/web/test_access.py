"""Two real workers behind a login and TLS: they ask each other, and a command asks both."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import trustme

from agents.asking.workers import NobodyAnswers
from deploy.cli.endpoints import Running, ask_all
from streams.records.policies import PatchOutcome
from streams.settings import Settings
from tests.integration.web.workers import Worker, running, send, until
from tests.secret_files import TOKEN, SecretFiles

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = [f"local/default/pod-{number:02}" for number in range(20)]
OTHER = "fedcba9876543210fedcba9876543210"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SecretFiles:
    return SecretFiles(tmp_path_factory.mktemp("secret"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(
    files: SecretFiles, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Worker]]:
    folder = tmp_path_factory.mktemp("web")
    async with running(folder, 2, **files.settings) as (broker, workers):
        for worker in workers:
            await worker.client.aclose()
            worker.client = client(files, worker)

        async def shared() -> bool:
            ready = [await worker.is_ready() for worker in workers]
            return all(ready) and all([await worker.partitions() for worker in workers])

        async def recorded() -> bool:
            return sum([len(await worker.keys()) for worker in workers]) == len(KEYS)

        await until(shared, "two workers with partitions each")
        await send(broker, KEYS)
        await until(recorded, "all rows")
        yield workers


def client(files: SecretFiles, worker: Worker, token: str = TOKEN) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=worker.url, verify=files.trust, headers=headers, timeout=60)


def a_command(workers: list[Worker], files: SecretFiles, **web: Path) -> Running:
    settings = Settings(web={"token_file": files / "token", "ca": files / "ca", **web})
    return Running(settings, tuple(worker.url for worker in workers))


async def test_each_worker_answers_for_both(workers: list[Worker]) -> None:
    for worker in workers:
        page = await worker.json("/tables/policies?limit=100")

        assert [row["key"] for row in page["rows"]] == KEYS
        assert page["gaps"] == []
        assert {row["owner"] for row in page["rows"]} == {each.url for each in workers}


async def test_a_command_asks_both(workers: list[Worker], files: SecretFiles) -> None:
    answers = await ask_all(a_command(workers, files), {"policies": PatchOutcome})

    assert [*answers.rows("policies", PatchOutcome)] == KEYS
    assert answers.gaps() == []


@pytest.mark.threat("T6", "T10")
async def test_who_has_not_the_token_or_not_the_authority_is_told_what_to_set(
    workers: list[Worker], files: SecretFiles, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(OTHER)
    with pytest.raises(NobodyAnswers, match=r"401 .*web\.token_file"):
        await ask_all(a_command(workers, files, token_file=tmp_path / "token"), {})
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca"))
    with pytest.raises(NobodyAnswers, match="certificate verify failed"):
        await ask_all(a_command(workers, files, ca=tmp_path / "ca"), {})


@pytest.mark.threat("T5")
async def test_the_token_goes_to_nobody_over_plain_http(files: SecretFiles) -> None:
    running = a_command([], files)._replace(web=("http://vereflow.invalid:80",))

    with pytest.raises(NobodyAnswers, match="not shown over plain http"):
        await ask_all(running, {})


@pytest.mark.threat("T6")
async def test_without_the_token_only_health_is_told(
    workers: list[Worker], files: SecretFiles
) -> None:
    async with client(files, workers[0], token="") as http:
        paths = ("/", "/status", "/held/policies?rows=true", "/metrics", "/events", "/pulse")
        statuses = {path: (await http.get(path)).status_code for path in paths}
        health = (await http.get("/healthz")).status_code

    assert statuses == dict.fromkeys(paths, 401)
    assert health == 200


@pytest.mark.threat("T6")
async def test_nothing_is_served_in_the_clear(workers: list[Worker]) -> None:
    answer = await workers[0].raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert b"healthy" not in answer


async def test_a_token_that_is_replaced_counts_at_once_and_the_former_no_more(
    workers: list[Worker], files: SecretFiles
) -> None:
    files.put("token", OTHER.encode())
    try:
        async with client(files, workers[0], OTHER) as new, client(files, workers[0]) as old:
            assert (await old.get("/status")).status_code == 401
            page = (await new.get("/tables/policies.json?limit=100")).json()
    finally:
        files.put("token", TOKEN.encode())

    assert [row["key"] for row in page["rows"]] == KEYS
    assert page["gaps"] == []


async def test_a_certificate_that_is_replaced_is_shown_to_who_comes_next(
    workers: list[Worker], files: SecretFiles
) -> None:
    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", workers[0].port))

    before = shown()
    files.certify(files.authority, "127.0.0.1")

    assert shown() not in ("", before)
    assert (await workers[0].json("/tables/policies?limit=1"))["gaps"] == []


@pytest.mark.threat("T5")
async def test_no_token_is_in_a_log(workers: list[Worker]) -> None:
    for worker in workers:
        text = worker.log.read_text()
        assert TOKEN not in text
        assert OTHER not in text
