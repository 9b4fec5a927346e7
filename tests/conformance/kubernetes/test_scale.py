"""Many objects: a write costs what it cost when there were few."""

from __future__ import annotations

import statistics
import time

import httpx

from tests.conformance.kubernetes.calls import apply, core, created, pod, policies, policy

COUNT = 500
#: A write whose cost grew with the number of objects would be far dearer at the end.
FACTOR = 5


async def test_five_hundred_pods_and_policies_are_written_and_listed(
    http: httpx.AsyncClient, namespace: str
) -> None:
    # Of computing, not of waiting: others may use the machine. The embedded server is in here.
    seconds: list[float] = []
    for number in range(COUNT):
        begin = time.process_time()
        await created(http, core(namespace, "pods"), pod(f"p{number:03}"))
        answer = await apply(http, policies(namespace, f"p{number:03}"), policy(f"p{number:03}"))
        seconds.append(time.process_time() - begin)
        assert answer.status_code == 201

    for path in (core(namespace, "pods"), policies(namespace)):
        listed = (await http.get(path)).json()["items"]
        wanted = [f"p{number:03}" for number in range(COUNT)]
        names = [one["metadata"]["name"] for one in listed]
        assert len(names) == COUNT
        assert [pair for pair in zip(names, wanted, strict=True) if pair[0] != pair[1]] == []
    first, last = seconds[:100], seconds[-100:]
    assert statistics.median(last) < FACTOR * statistics.median(first)
