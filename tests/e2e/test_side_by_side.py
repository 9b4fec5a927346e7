"""Two worlds on one machine, where others have the usual ports: neither knows of the other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.ports import listen
from deploy.world import VEREFOO_PORT, WEB_PORT
from tests.e2e.acting import Actor, acting


def addresses(actor: Actor) -> set[str]:
    """Return where the parts of a world listen."""
    told = actor.world.endpoints()
    return {told["kube"]["server"], f"kafka://{told['broker']}", told["verefoo"]["url"]} | set(
        told["web"]
    )


async def test_two_worlds_come_up_where_the_usual_ports_are_taken(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        taken = {
            stack.enter_context(listen(port)).getsockname()[1]
            for port in (VEREFOO_PORT, WEB_PORT, WEB_PORT + 1)
        }
        one, two = await asyncio.gather(
            stack.enter_async_context(acting(tmp_path / "one", 2)),
            stack.enter_async_context(acting(tmp_path / "two", 1)),
        )

        await asyncio.gather(
            one.create_pods({"pod-a": "10.244.1.1"}), two.create_pods({"pod-b": "10.244.1.1"})
        )
        await asyncio.gather(one.settled(), two.settled())

        ports = {urlsplit(each).port for each in (*addresses(one), *addresses(two))}
        assert len(ports) == 5 + 4
        assert not ports & taken
        assert list(await one.policies()) == ["pod-a"]
        assert list(await two.policies()) == ["pod-b"]
