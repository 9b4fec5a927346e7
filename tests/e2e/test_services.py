"""A rule may name a Service's address: it is about the pods behind it, whoever they are by now."""

from __future__ import annotations

from typing import Any

from tests.e2e.acting import Actor, until_true
from tests.e2e.conftest import Start
from tests.e2e.test_commands import Asking, allow

SERVICES = "/api/v1/namespaces/default/services"
PODS_PATH = "/api/v1/namespaces/default/pods"
A, B, C = (f"10.244.7.{number}" for number in (11, 12, 13))


async def test_rules_about_a_service_follow_its_pods_and_ports(start: Start) -> None:
    actor = await start(workers=2)
    asking = Asking(actor)
    await actor.create_pods({"pod-a": A, "pod-b": B, "pod-c": C})
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    spec = {"selector": {"tier": "web"}, "ports": ports}
    await actor.change("POST", SERVICES, {"metadata": {"name": "shop"}, "spec": spec})
    address = await address_of(actor)
    await actor.write_rules([allow(A, address)])
    await actor.settled()
    assert await open_ports(actor) == {}
    ends = (await asking.data("rules"))["rules"][0]
    assert ends["destination"]["pod"] == "local/default/service:shop"

    # Who wears the label stands behind it; the port is found by its name on the pod.
    await replace(actor, "pod-b", B)
    await until_true(lambda: holds(actor, {(A, B): ((8080, 8080),)}))
    await asking.ends(0, "verify", "--within", "60")

    moved = {"spec": {"ports": [{**ports[0], "targetPort": 9090}]}}
    await actor.merge(f"{SERVICES}/shop", moved)
    await label(actor, "pod-c", "web")
    await until_true(lambda: holds(actor, {(A, B): ((9090, 9090),), (A, C): ((9090, 9090),)}))
    await label(actor, "pod-b", None)
    await until_true(lambda: holds(actor, {(A, C): ((9090, 9090),)}))
    await asking.ends(0, "verify", "--within", "60")

    await actor.change("DELETE", f"{SERVICES}/shop")
    await until_true(lambda: holds(actor, {}))
    await asking.ends(0, "verify", "--within", "60")
    assert await actor.dead_letters() == {}


async def address_of(actor: Actor) -> str:
    found = {each["metadata"]["name"]: each for each in await actor.listed(SERVICES)}
    return str(found["shop"]["spec"]["clusterIP"])


async def open_ports(actor: Actor) -> dict[tuple[str, str], Any]:
    return {pair: each.tcp for pair, each in (await actor.stored_reach()).items() if each.tcp}


async def holds(actor: Actor, wanted: dict[tuple[str, str], Any]) -> bool:
    return await open_ports(actor) == wanted


async def label(actor: Actor, name: str, tier: str | None) -> None:
    body = {"metadata": {"labels": {"tier": tier}}}
    await actor.merge(f"{PODS_PATH}/{name}", body)


async def replace(actor: Actor, name: str, address: str) -> None:
    """Have another pod of that name, behind the Service, with a port that has a name."""
    await actor.delete_pods([name])
    ports = [{"name": "web", "containerPort": 8080}]

    async def created() -> bool:
        names = {each["metadata"]["name"] for each in await actor.pods()}
        if name in names:
            return False
        await actor.add_pod(name, address, {"app": name, "tier": "web"}, ports=ports)
        return True

    await until_true(created)
