"""The whole pipeline over TLS, under a login that may do no more than a worker must."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.demo.expected import isolated
from tests.e2e.acting import acting, until_true
from tests.e2e.test_counts import PODS, A, B, allow
from tests.real import needs_java


@needs_java
async def test_pods_and_rules_travel_under_a_login(tmp_path: Path) -> None:
    async with acting(tmp_path, 2, broker="kafka:secured") as actor:
        await actor.create_pods(PODS)
        await actor.write_rules([allow(A, B)])
        await actor.produce("firewall-changes", [(b"main", b"{")])
        await actor.settled()

        policies = await actor.policies()
        assert policies.keys() == PODS.keys()
        first, *_, last = PODS
        assert policies[last]["spec"] == isolated(last)
        assert policies[first]["spec"] != isolated(first)

        async def buried() -> bool:
            ended, told = await actor.vereflow("dead-letters", "-o", "json")
            assert ended == 0, told
            return len(json.loads(told)["deadLetters"]) == 1

        await until_true(buried)
        ended, told = await actor.vereflow("doctor")
        assert ended == 0, told
        # The password is in a file, and nowhere else.
        password = actor.world.settings.kafka.password_file
        assert password is not None
        said = actor.file.read_text() + told
        assert password.read_text() not in said + logs_in(tmp_path)


def logs_in(folder: Path) -> str:
    return "".join(each.read_text() for each in folder.glob("state/logs/*.log"))
