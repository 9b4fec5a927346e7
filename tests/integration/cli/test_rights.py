"""The doctor says which rights our account lacks, before a worker needs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from tests.integration.cli.conftest import Vereflow
from tests.integration.kubernetes.servers import Embedded
from tests.integration.kubernetes.world import Proxy

Json = dict[str, Any]
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Reviewed:
    """An API server that says of every right whether our account has it."""

    def __init__(self, allowed: Callable[[Json], bool]) -> None:
        self._allowed = allowed
        self.asked: list[Json] = []

    async def __call__(self, request: web.Request, go_on: Any) -> Any:
        if request.path != REVIEWS:
            return await go_on()
        right = (await request.json())["spec"]["resourceAttributes"]
        self.asked.append(right)
        return web.json_response({"status": {"allowed": self._allowed(right)}}, status=201)


async def test_an_account_with_every_right_is_well(vereflow: Vereflow, tmp_path: Path) -> None:
    reviewed = Reviewed(lambda right: True)

    checks = await examined(vereflow, tmp_path, reviewed)

    assert all(checks[name]["ok"] for name in ("API server", "list pods", "list policies"))
    assert {(each["resource"], each["namespace"]) for each in reviewed.asked} == {
        ("leases", "vereflow"),
        *((kind, name) for kind in ("pods", "services", "events") for name in ("default", "shop")),
        *(("networkpolicies", name) for name in ("default", "shop")),
    }
    assert {each["verb"] for each in reviewed.asked if each["resource"] == "networkpolicies"} == {
        *("get", "list", "watch", "create", "patch", "delete")
    }


async def test_every_right_that_lacks_is_named(vereflow: Vereflow, tmp_path: Path) -> None:
    reviewed = Reviewed(lambda right: right["verb"] not in ("patch", "update"))

    checks = await examined(vereflow, tmp_path, reviewed)

    assert checks["API server"]["detail"] == "our account may not update leases in vereflow"
    checks = await examined(
        vereflow, tmp_path, Reviewed(lambda right: (right["verb"], right["namespace"]) != LACKING)
    )
    assert checks["list pods"]["ok"]
    assert checks["list policies"] == {
        "check": "list policies",
        "ok": False,
        "detail": "our account may not patch networkpolicies in shop",
        "do": "give it these rights",
    }


async def test_a_server_that_does_not_say_is_not_held_against_the_account(
    vereflow: Vereflow, tmp_path: Path
) -> None:
    checks = await examined(vereflow, tmp_path, None)

    assert all(checks[name]["ok"] for name in ("API server", "list pods", "list policies"))


LACKING = ("patch", "shop")


async def examined(vereflow: Vereflow, folder: Path, reviewed: Reviewed | None) -> dict[str, Json]:
    server = Embedded()
    await server.start()
    try:
        async with Proxy(server) as proxy:
            proxy.fault = reviewed
            kubeconfig = write_kubeconfig(folder / "kubeconfig", proxy.url)
            ended = await vereflow(
                "doctor",
                "-o",
                "json",
                VEREFLOW_CLUSTER__KUBECONFIG=str(kubeconfig),
                VEREFLOW_CLUSTER__NAMESPACES='["default", "shop"]',
                VEREFLOW_VEREFOO__URL="http://127.0.0.1:9",
                VEREFLOW_WEB__PORT="9",
            )
    finally:
        await server.stop()
    return {each["check"]: each for each in json.loads(ended.stdout)["checks"]}
