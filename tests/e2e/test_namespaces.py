"""Namespaces are managed for as long as they bear a label; rules reach across them."""

from __future__ import annotations

import pytest

from tests.e2e.acting import Actor, until_true
from tests.e2e.conftest import Start
from tests.e2e.test_commands import Asking, allow

PODS = {"shop-a": "10.244.7.11", "shop-b": "10.244.7.12"}
NAMES = {"web", "vereflow-isolation"}


async def test_namespaces_come_and_go_with_their_label(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__NAMESPACES", "[]")
    monkeypatch.setenv("VEREFLOW_CLUSTER__NAMESPACE_SELECTOR", "team in (shop)")
    monkeypatch.setenv("VEREFLOW_CLUSTER__ISOLATION", "namespace")
    actor = await start(workers=0)
    asking = Asking(actor)
    for namespace, address in PODS.items():
        await populate(actor, namespace, address)
    await label(actor, "shop-a", "shop")
    await actor.world.start_workers(2)
    await label(actor, "shop-b", "shop")
    await actor.write_rules([allow(*PODS.values())])

    await until_true(lambda: holds(asking, *PODS))
    equal = await asking.data("verify", "--within", "60")
    assert (equal["checked"]["pods"], equal["checked"]["flows"]) == (2, 1)
    assert {name: await policies(actor, name) for name in PODS} == dict.fromkeys(PODS, NAMES)

    await label(actor, "shop-a", None)
    await until_true(lambda: holds(asking, "shop-b"))
    await actor.settled()
    await until_true(lambda: is_empty(actor, "shop-a"))
    assert await policies(actor, "shop-b") == NAMES
    equal = await asking.data("verify", "--within", "60")
    assert (equal["checked"]["pods"], equal["checked"]["flows"]) == (1, 0)
    assert "team in (shop)" in await asking.ends(0, "doctor")


async def holds(asking: Asking, *namespaces: str) -> bool:
    """Tell whether the pods of just these namespaces are known, and settled."""
    told = await asking.data("pods")
    living = {each["key"].split("/")[1] for each in told["pods"]}
    return living == set(namespaces)


async def populate(actor: Actor, namespace: str, address: str) -> None:
    await actor.change("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    await actor.add_pod("web", address, {"app": "web"}, namespace=namespace)


async def label(actor: Actor, namespace: str, team: str | None) -> None:
    body = {"metadata": {"labels": {"team": team}}}
    await actor.merge(f"/api/v1/namespaces/{namespace}", body)


async def policies(actor: Actor, namespace: str) -> set[str]:
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
    return {each["metadata"]["name"] for each in await actor.listed(path)}


async def is_empty(actor: Actor, namespace: str) -> bool:
    return not await policies(actor, namespace)
