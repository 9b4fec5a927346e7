"""Many objects: a write costs what it cost when there were few."""

from __future__ import annotations

import statistics
import time

import httpx

from tests.conformance.kubernetes.calls import apply, core, created, pod, policies, policy

COUNT = 500
#: A write whose cost grew with the number of objects would be far slower at the end.
FACTOR = 5


async def test_five_hundred_pods_and_policies_are_written_and_listed(
    http: httpx.AsyncClient, namespace: str
) -> None:
    seconds: list[float] = []
    for number in range(COUNT):
        begin = time.perf_counter()
        await created(http, core(namespace, "pods"), pod(f"p{number:03}"))
        answer = await apply(http, policies(namespace, f"p{number:03}"), policy(f"p{number:03}"))
        seconds.append(time.perf_counter() - begin)
        assert answer.status_code == 201

    for path in (core(namespace, "pods"), policies(namespace)):
        listed = (await http.get(path)).json()["items"]
        names = [one["metadata"]["name"] for one in listed]
        assert names == [f"p{number:03}" for number in range(COUNT)]
    first, last = seconds[:100], seconds[-100:]
    assert statistics.median(last) < FACTOR * statistics.median(first)
