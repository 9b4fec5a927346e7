"""Services are told like pods: what stands before them, and at which of their ports."""

from __future__ import annotations

from agents.clients.kubernetes import Cluster
from streams.flow.output import POD_EVENTS
from streams.records.pods import PodEvent
from tests.integration.kubernetes.watching import watching
from tests.integration.kubernetes.world import Records, World, until


def services(records: Records) -> list[PodEvent]:
    found = [send.value for send in records.sent if send.topic == POD_EVENTS]
    told = [event for event in found if isinstance(event, PodEvent) and event.service is not None]
    return [event for event in told if event.pod_name != "kubernetes"]


async def test_services_with_an_address_are_told_like_pods(cluster: Cluster, world: World) -> None:
    records = Records()
    ports = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "s", "port": 443}]
    await world.put_service("dns", {"selector": {"tier": "web"}, "ports": ports})
    await world.put_service("headless", {"clusterIP": "None", "ports": ports})
    try:
        async with watching(cluster, records):
            await until(lambda: services(records))
            (told,) = services(records)
            assert told.service is not None
            assert told.service.selector == {"tier": "web"}
            assert [(each.port, each.target) for each in told.service.ports] == [
                (80, "web"),
                (443, 443),
            ]
            assert told.key("local") == "local/default/service:dns"
            assert told.pod_ip

            await world.put_service("dns", {"selector": {"tier": "db"}, "ports": ports})
            await until(lambda: len(services(records)) == 2)
            await world.delete_service("dns")
            await until(lambda: len(services(records)) == 3)
    finally:
        await world.delete_service("dns")
        await world.delete_service("headless")

    assert [each.event for each in services(records)] == ["ADDED", "MODIFIED", "DELETED"]
