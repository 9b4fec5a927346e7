"""Two real workers share the tables: each shows all of it, and knows who has which part."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from deploy.local.broker.embedded import EmbeddedBroker
from tables.catalog import NAMES
from tests.integration.web.recorder import APP_ID, HANDS, PARTITIONS
from tests.integration.web.workers import Worker, running, send, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = [f"local/default/pod-{number:02}" for number in range(40)]
HOSTILE = "<script>alert(1)</script>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[EmbeddedBroker, list[Worker]]]:
    async with running(tmp_path_factory.mktemp("web"), 2) as (broker, workers):

        async def shared() -> bool:
            ready = [await worker.is_ready() for worker in workers]
            return all(ready) and all([await worker.partitions() for worker in workers])

        async def recorded() -> bool:
            held = [await worker.keys() for worker in workers]
            return sum(map(len, held)) == len(KEYS) + 1

        await until(shared, "two workers with partitions each")
        await send(broker, [*KEYS, HOSTILE])
        await until(recorded, "all rows")
        yield broker, workers


@pytest.fixture
def workers(both: tuple[EmbeddedBroker, list[Worker]]) -> list[Worker]:
    return both[1]


@pytest.fixture
def broker(both: tuple[EmbeddedBroker, list[Worker]]) -> EmbeddedBroker:
    return both[0]


async def test_every_partition_and_every_row_is_shown_by_one_worker(workers: list[Worker]) -> None:
    partitions = [number for worker in workers for number in await worker.partitions()]
    keys = [await worker.keys() for worker in workers]

    assert sorted(partitions) == list(range(PARTITIONS))
    assert sorted(keys[0] + keys[1]) == sorted([*KEYS, HOSTILE])
    assert [sorted(each) for each in keys] == keys


@pytest.mark.parametrize("table", NAMES)
async def test_a_table_nobody_writes_to_is_shown_by_its_owners_too(
    workers: list[Worker], table: str
) -> None:
    partitions = [number for worker in workers for number in await worker.partitions(table)]

    assert sorted(partitions) == list(range(PARTITIONS))


async def test_both_workers_name_the_same_owner_and_the_owner_has_the_row(
    workers: list[Worker],
) -> None:
    by_url = {worker.url: worker for worker in workers}
    owners = set()

    for key in KEYS:
        row = f"policies/{quote(key, safe='')}"
        said = [await worker.json(f"/tables/{row}") for worker in workers]
        held = [await worker.json(f"/held/{row}") for worker in workers]
        owner = by_url[said[0]["owner"]]
        found = await owner.json(f"/held/{row}")

        assert said[0]["owner"] == said[1]["owner"]
        assert said[0]["partition"] == said[1]["partition"] == found["partition"]
        assert found["row"]["key"] == key
        assert found["changelog"]["topic"] == f"{APP_ID}-policies-changelog"
        assert found["changelog"]["offset"] >= 0
        assert [each["row"] for each in held].count(None) == 1
        assert [each["row"] for each in said] == [found["row"]] * 2
        owners.add(owner.url)

    assert owners == set(by_url)


async def test_the_status_of_each_worker_is_its_own(workers: list[Worker]) -> None:
    said = [await worker.json("/status") for worker in workers]

    assert [each["worker"] for each in said] == ["worker-0", "worker-1"]
    assert all(each["ready"] and each["hands"] == HANDS for each in said)
    assigned = [number for each in said for number in each["assigned"]["patch-outcomes"]]
    assert sorted(assigned) == list(range(PARTITIONS))


async def test_all_that_was_read_is_committed_and_nothing_lags(workers: list[Worker]) -> None:
    async def settled() -> bool:
        said = [await worker.json("/status") for worker in workers]
        done = sum(sum(each["committed"].get("patch-outcomes", {}).values()) for each in said)
        lags = [behind for each in said for behind in each["lag"]["patch-outcomes"].values()]
        return done == len(KEYS) + 1 and not any(lags)

    await until(settled, "everything committed")


async def test_the_metrics_add_up_over_the_workers(workers: list[Worker]) -> None:
    texts = [(await worker.client.get("/metrics")).text for worker in workers]

    lines = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    handled = [line for line in lines if line.startswith("vereflow_records_handled_total")]
    held = [line for line in lines if line.startswith("vereflow_assigned_partitions")]
    assert sum(float(line.split()[-1]) for line in handled) == len(KEYS) + 1
    assert sum(float(line.split()[-1]) for line in held) == PARTITIONS
    assert lines.count("vereflow_ready 1.0") == 2


@pytest.mark.parametrize(
    "path",
    [
        *("/table/", "/table/policies/", "/table/policies/a/", "/router/", "/router/policies/"),
        *("/stats", "/stats/", "/graph", "/graph/", "/assignment", "/assignment/"),
        *(
            "/performance",
            "/performance/",
            "/docs",
            "/static/../views.py",
            "/%2e%2e/%2e%2e/etc/passwd",
        ),
    ],
)
@pytest.mark.row("W10")
@pytest.mark.threat("T6")
async def test_none_of_fausts_own_views_is_there(workers: list[Worker], path: str) -> None:
    assert [await worker.status_of(path) for worker in workers] == [404, 404]


@pytest.mark.parametrize(
    ("request_line", "headers", "statuses"),
    [
        ("GET /healthz HTTP/1.0", "", {200}),
        ("GET /healthz HTTP/1.1", "", {400, 421}),
        ("GET /healthz HTTP/1.1", "Host: evil.example\r\n", {421}),
        ("GET /healthz HTTP/1.1", "Host: localhost\r\nHost: evil.example\r\n", {400, 421}),
        ("GET http://evil.example/healthz HTTP/1.1", "Host: localhost\r\n", {200, 400, 404, 421}),
        ("GET /" + "a" * 65_536 + " HTTP/1.1", "Host: localhost\r\n", {400, 414}),
        ("GET / HTTP/1.1", "Host: localhost\r\nX: " + "a" * 1_000_000 + "\r\n", {400, 431}),
        ("GET / HTTP/1.1", "Host: localhost\r\n" + "X: a\r\n" * 5_000, {400, 431}),
        ("GET /../../etc/passwd HTTP/1.1", "Host: localhost\r\n", {400, 404}),
        ("GET //evil.example/etc/passwd HTTP/1.1", "Host: localhost\r\n", {400, 404}),
        ("GET /%00 HTTP/1.1", "Host: localhost\r\n", {400, 404}),
        ("GET /\0 HTTP/1.1", "Host: localhost\r\n", {400, 404}),
        ("GET /%zz%ff HTTP/1.1", "Host: localhost\r\n", {400, 404}),
        ("GET /tables/policies?after=%ff%fe HTTP/1.1", "Host: localhost\r\n", {200, 400}),
        ("GET /tables/policies/%ff%fe HTTP/1.1", "Host: localhost\r\n", {200, 400, 404}),
        ("JUNK", "", {400}),
        ("FOO /healthz HTTP/1.1", "Host: localhost\r\n", {400, 405}),
        ("OPTIONS * HTTP/1.1", "Host: localhost\r\n", {400, 404, 405}),
        (
            "POST /healthz HTTP/1.1",
            "Host: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            {400},
        ),
        ("POST / HTTP/1.1", "Host: localhost\r\nContent-Length: 100000000\r\n", {400, 405, 413}),
    ],
)
@pytest.mark.row("W02", "W03", "W06", "W08", "W15")
async def test_whatever_is_sent_the_answer_is_short_and_tells_nothing(
    workers: list[Worker], request_line: str, headers: str, statuses: set[int]
) -> None:
    request = f"{request_line}\r\n{headers}Connection: close\r\n\r\n".encode("latin-1")

    answer = await workers[0].raw(request)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) in statuses
    assert len(re.findall(rb"(?m)^HTTP/1\.", answer)) == 1
    assert len(body) < 4_000
    assert b"Traceback" not in body
    assert b"root:" not in body
    assert await workers[0].status_of("/healthz") == 200


@pytest.mark.row("W15")
async def test_the_head_of_a_view_has_no_body(workers: list[Worker]) -> None:
    answer = await workers[0].raw(
        b"HEAD /tables HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == b""


@pytest.mark.row("W15")
async def test_requests_sent_at_once_are_answered_in_their_order(workers: list[Worker]) -> None:
    one = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n"
    answer = await workers[0].raw(
        one % b"nothing" + b"\r\n" + one % b"healthz" + b"Connection: close\r\n\r\n"
    )

    assert [line.split()[1] for line in answer.split(b"HTTP/1.1")[1:]]
    assert answer.index(b" 404 ") < answer.index(b" 200 ")


@pytest.mark.row("W07")
async def test_idle_connections_keep_nobody_from_the_views(workers: list[Worker]) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", workers[0].port) for _ in range(300)]
    try:
        for _, writer in opened[:150]:
            writer.write(b"GET / HT")
        statuses = [await workers[0].status_of("/healthz") for _ in range(3)]
    finally:
        for _, writer in opened:
            writer.close()

    assert statuses == [200, 200, 200]


@pytest.mark.row("W08")
async def test_a_body_that_nobody_asked_for_is_refused_before_it_ends(
    workers: list[Worker],
) -> None:
    head = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n"

    reader, writer = await asyncio.open_connection("127.0.0.1", workers[0].port)
    writer.write(head + bytes(1_000_000))
    answer = await reader.readline()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 405")
    assert await workers[0].status_of("/healthz") == 200


@pytest.mark.row("G24")
async def test_a_worker_goes_on_whatever_it_is_signalled(workers: list[Worker]) -> None:
    for asked in (signal.SIGUSR1, signal.SIGUSR2):
        workers[0].process.send_signal(asked)

        assert await workers[0].is_ready()


@pytest.mark.row("W09")
async def test_a_hostile_name_is_shown_as_text(workers: list[Worker]) -> None:
    pages = [(await worker.client.get("/tables/policies")).text for worker in workers]

    assert all("&lt;script&gt;" in page for page in pages)
    assert not any("<script>" in page for page in pages)


async def test_what_strangers_send_leaves_no_traceback_in_the_log(workers: list[Worker]) -> None:
    await workers[0].raw(b"\x16\x03\x01 no http at all\r\n\r\n")

    log = workers[0].log.read_text()
    assert "Traceback" not in log
    assert "\x16" not in log


async def test_either_worker_shows_all_rows_and_both_workers(workers: list[Worker]) -> None:
    tables = [await worker.json("/tables/policies.json?limit=500") for worker in workers]
    overviews = [await worker.json("/overview.json") for worker in workers]

    assert {row["key"] for row in tables[0]["rows"]} == {*KEYS, HOSTILE}
    assert tables[0]["rows"] == tables[1]["rows"]
    for each in overviews:
        assert {one["url"] for one in each["workers"]} == {worker.url for worker in workers}


async def test_a_page_of_either_worker_is_told_that_something_moved(
    workers: list[Worker], broker: EmbeddedBroker
) -> None:
    for worker in workers:
        async with asyncio.timeout(60), worker.client.stream("GET", "/events") as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            await asyncio.sleep(2)
            await send(broker, [KEYS[0]])

            assert "event: moved" in [await anext(lines) for _ in range(2)]
