"""An unmodified kubectl is at home here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
import yaml

from deploy.local.kubernetes import Kubelet
from tests.conformance.kubernetes.calls import (
    core,
    created,
    pod,
    policies,
    policy,
    with_metadata,
)
from tests.conformance.kubernetes.kubectl import Kubectl
from tests.controlling import path, selecting

PORT_80 = [{"ports": [{"port": 80, "protocol": "TCP"}]}]


@pytest.fixture
async def kubelet(http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Keep pods running while the test runs."""
    task = asyncio.create_task(Kubelet(http).run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def columns(table: str) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in table.splitlines()]


async def test_version_tells_both_sides(kubectl: Kubectl) -> None:
    told = json.loads(await kubectl("version", "-o", "json"))

    assert {"clientVersion", "serverVersion"} <= set(told)
    assert told["serverVersion"]["major"] == "1"


async def test_api_resources_lists_the_kinds(kubectl: Kubectl) -> None:
    names = (await kubectl("api-resources", "-o", "name", "--namespaced=true")).split()

    assert {
        "pods",
        "services",
        "events",
        "networkpolicies.networking.k8s.io",
        "leases.coordination.k8s.io",
    } <= set(names)


async def test_a_file_is_created(kubectl: Kubectl, http: httpx.AsyncClient, namespace: str) -> None:
    told = await kubectl("create", "-f", "-", stdin=yaml.safe_dump(policy(ingress=PORT_80)))

    assert told == "networkpolicy.networking.k8s.io/web created\n"
    stored = (await http.get(policies(namespace, "web"))).json()
    assert stored["spec"]["ingress"] == PORT_80


async def test_what_the_server_refuses_is_shown(kubectl: Kubectl) -> None:
    said = await kubectl.ask("create", "-f", "-", stdin=json.dumps(policy(policyTypes=["Foo"])))

    assert said.code == 1
    assert 'spec.policyTypes[0]: Unsupported value: "Foo"' in said.err


async def test_an_unknown_field_is_an_error(kubectl: Kubectl) -> None:
    said = await kubectl.ask("create", "-f", "-", stdin=json.dumps(policy(foo=1)))

    assert said.code == 1
    assert 'unknown field "spec.foo"' in said.err


async def test_get_shows_policies_with_their_selector(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())

    head, row = columns(await kubectl("get", "netpol"))

    assert head == ["NAME", "POD-SELECTOR", "AGE"]
    assert row[:2] == ["web", "app=web"]


async def test_get_shows_pods(kubectl: Kubectl, http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, core(namespace, "pods"), pod())

    head, row = columns(await kubectl("get", "pods"))

    assert head == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row[:4] == ["pod-a", "0/1", "Pending", "0"]


async def test_get_wide_shows_addresses(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str, kubelet: None
) -> None:
    await created(
        http, core(namespace, "pods"), pod(annotations={"vereflow.io/pod-ip": "10.9.9.9"})
    )
    await kubectl("wait", "pod/pod-a", "--for=condition=Ready", "--timeout=90s")

    head, row = columns(await kubectl("get", "pods", "-o", "wide"))

    assert head[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert row[1:4] == ["1/1", "Running", "0"]
    assert row[5] == "10.9.9.9"


async def test_get_yaml_can_be_applied_again(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy(ingress=PORT_80))

    told = yaml.safe_load(await kubectl("get", "netpol", "web", "-o", "yaml"))

    assert (told["kind"], told["apiVersion"]) == ("NetworkPolicy", "networking.k8s.io/v1")
    assert told["spec"] == made["spec"]
    assert told["metadata"]["uid"] == made["metadata"]["uid"]


async def test_get_yaml_of_many_is_a_list_with_types(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    for name in ("a", "b"):
        await created(http, policies(namespace), policy(name))

    told = yaml.safe_load(await kubectl("get", "netpol", "-o", "yaml"))

    assert told["kind"] == "List"
    assert [one["kind"] for one in told["items"]] == ["NetworkPolicy"] * 2


async def test_get_selects_by_label(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    for name in ("a", "b"):
        await created(http, core(namespace, "pods"), pod(name))

    assert await kubectl("get", "pods", "-l", "app in (b)", "-o", "name") == "pod/b\n"


async def test_get_of_nothing_says_so(kubectl: Kubectl, namespace: str) -> None:
    said = await kubectl.ask("get", "pods")

    assert said.code == 0
    assert said.err == f"No resources found in {namespace} namespace.\n"


async def test_get_of_what_is_not_there_fails(kubectl: Kubectl) -> None:
    said = await kubectl.ask("get", "pod", "none")

    assert said.code == 1
    assert said.err == 'Error from server (NotFound): pods "none" not found\n'


async def test_get_watches(kubectl: Kubectl, http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, core(namespace, "pods"), pod("a"))
    async with asyncio.timeout(90), kubectl.lines("get", "pods", "-w", "-o", "name") as lines:
        first = await lines.readline()
        await created(http, core(namespace, "pods"), pod("b"))
        second = await lines.readline()

    assert (first, second) == (b"pod/a\n", b"pod/b\n")


async def test_get_watches_a_table(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy("a"))
    async with asyncio.timeout(90), kubectl.lines("get", "netpol", "-w") as lines:
        head, first = await lines.readline(), await lines.readline()
        await created(http, policies(namespace), policy("b"))
        second = await lines.readline()

    assert head.split()[0] == b"NAME"
    assert [first.split()[:2], second.split()[:2]] == [[b"a", b"app=a"], [b"b", b"app=b"]]


async def test_apply_on_the_client_side(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    body = with_metadata(policy(ingress=PORT_80), labels={"a": "1", "b": "2"})
    fewer = with_metadata(policy(), labels={"a": "3"})

    told = [await kubectl("apply", "-f", "-", stdin=json.dumps(one)) for one in (body, body, fewer)]

    words = [line.split()[-1] for line in told]
    assert words == ["created", "unchanged", "configured"]
    stored = (await http.get(policies(namespace, "web"))).json()
    assert stored["metadata"]["labels"] == {"a": "3"}
    assert "ingress" not in stored["spec"]


async def test_apply_of_a_pod_and_a_service_on_the_client_side(kubectl: Kubectl) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "dns", "port": 53}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": ports},
    }
    other = service | {"spec": {"selector": {"app": "web"}, "ports": [ports[0] | {"port": 81}]}}

    for body in (pod(), service):
        for word in ("created", "unchanged"):
            told = await kubectl("apply", "-f", "-", stdin=json.dumps(body))
            assert told.split()[-1] == word
    await kubectl("apply", "-f", "-", stdin=json.dumps(other))

    stored = json.loads(await kubectl("get", "service", "web", "-o", "json"))
    assert [(one["port"], one["targetPort"]) for one in stored["spec"]["ports"]] == [(81, 8080)]


async def test_apply_on_the_server_side(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    words = ("apply", "--server-side", "-f", "-")

    told = [await kubectl(*words, stdin=json.dumps(policy())) for _ in "ab"]

    assert told == ["networkpolicy.networking.k8s.io/web serverside-applied\n"] * 2
    stored = (await http.get(policies(namespace, "web"))).json()
    assert [one["manager"] for one in stored["metadata"]["managedFields"]] == ["kubectl"]


async def test_a_conflict_is_shown_and_can_be_forced(kubectl: Kubectl) -> None:
    words = ("apply", "--server-side", "-f", "-")
    other = json.dumps(policy(podSelector={}))
    await kubectl(*words, "--field-manager=m1", stdin=json.dumps(policy()))

    refused = await kubectl.ask(*words, stdin=other)
    forced = await kubectl(*words, "--force-conflicts", stdin=other)

    assert refused.code == 1
    assert 'conflict with "m1": .spec.podSelector' in refused.err
    assert forced.endswith("serverside-applied\n")


async def test_a_trial_on_the_server_stores_nothing(kubectl: Kubectl) -> None:
    await kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(policy()))

    assert (await kubectl.ask("get", "netpol", "web")).code == 1


async def test_label_and_annotate(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, core(namespace, "pods"), pod())

    await kubectl("label", "pod", "pod-a", "tier=front", "app-")
    await kubectl("label", "pod", "pod-a", "tier=back", "--overwrite")
    await kubectl("annotate", "pod", "pod-a", "example.com/why=because")

    metadata = (await http.get(core(namespace, "pods", "pod-a"))).json()["metadata"]
    assert metadata["labels"] == {"tier": "back"}
    assert metadata["annotations"] == {"example.com/why": "because"}


async def test_label_finds_all_pods(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    for name in ("a", "b"):
        await created(http, core(namespace, "pods"), pod(name))

    await kubectl("label", "pods", "--all", "tier=front")

    assert (await kubectl("get", "pods", "-l", "tier=front", "-o", "name")).split() == [
        "pod/a",
        "pod/b",
    ]


async def test_patch_changes_a_policy(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())
    change = json.dumps({"spec": {"ingress": PORT_80}})

    for kind in ("merge", "strategic"):
        await kubectl("patch", "netpol", "web", f"--type={kind}", "-p", change)

    stored = (await http.get(policies(namespace, "web"))).json()
    assert stored["spec"]["ingress"] == PORT_80


async def test_replace_takes_a_whole_object(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())

    await kubectl("replace", "-f", "-", stdin=json.dumps(policy(ingress=PORT_80)))

    stored = (await http.get(policies(namespace, "web"))).json()
    assert stored["spec"]["ingress"] == PORT_80


async def test_delete_waits_until_it_is_gone(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())

    told = await kubectl("delete", "netpol", "web")

    assert told.startswith('networkpolicy.networking.k8s.io "web" deleted')
    assert (await http.get(policies(namespace, "web"))).status_code == 404


async def test_delete_of_a_pod_on_a_node_waits_for_the_kubelet(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str, kubelet: None
) -> None:
    body = pod()
    on_a_node = body | {"spec": body["spec"] | {"nodeName": "n1"}}
    await created(http, core(namespace, "pods"), on_a_node)

    await kubectl("delete", "pod", "pod-a", "--timeout=90s")

    assert (await http.get(core(namespace, "pods", "pod-a"))).status_code == 404


async def test_delete_selects_by_label(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    for name in ("a", "b"):
        await created(http, core(namespace, "pods"), pod(name))

    await kubectl("delete", "pods", "-l", "app=a", "--now")

    assert await kubectl("get", "pods", "-o", "name") == "pod/b\n"


async def test_a_pod_runs_and_is_waited_for(kubectl: Kubectl, kubelet: None) -> None:
    await kubectl("run", "pod-a", "--image=busybox", "--labels=app=pod-a", "--port=80")

    told = await kubectl("wait", "--for=condition=Ready", "pod/pod-a", "--timeout=90s")

    assert told == "pod/pod-a condition met\n"
    address = await kubectl("get", "pod", "pod-a", "-o", "jsonpath={.status.podIP}")
    assert address.startswith("10.244.")


async def test_a_deletion_is_waited_for(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, core(namespace, "pods"), pod())
    waiting = asyncio.create_task(kubectl("wait", "--for=delete", "pod/pod-a", "--timeout=90s"))
    await asyncio.sleep(0.3)

    await http.delete(core(namespace, "pods", "pod-a"))

    assert "condition met" in await waiting


async def test_events_are_shown(kubectl: Kubectl, http: httpx.AsyncClient, namespace: str) -> None:
    about = await created(http, core(namespace, "pods"), pod())
    uid = about["metadata"]["uid"]
    event = {
        "metadata": {"name": "pod-a.1"},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "pod-a", "uid": uid},
        "type": "Warning",
        "reason": "Unprotected",
        "message": "no rule holds",
        "lastTimestamp": "2026-01-02T03:04:05Z",
        "count": 1,
    }
    await created(http, core(namespace, "events"), event)

    _, row = columns(await kubectl("get", "events"))

    assert row[1:] == ["Warning", "Unprotected", "pod/pod-a", "no", "rule", "holds"]
    assert "no rule holds" in await kubectl("describe", "pod", "pod-a")


async def test_a_policy_is_described(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy(ingress=PORT_80))

    told = await kubectl("describe", "netpol", "web")

    assert "To Port: 80/TCP" in told


async def test_services_leases_and_namespaces_are_shown(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, core(namespace, "pods"), pod())
    await kubectl("expose", "pod", "pod-a", "--name=web", "--port=80", "--target-port=8080")
    lease = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "me"}}
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    await created(http, path, lease)

    _, service = columns(await kubectl("get", "services"))
    _, shown = columns(await kubectl("get", "leases"))
    _, home = columns(await kubectl("get", "namespace", namespace))

    assert (service[0], service[1], service[4]) == ("web", "ClusterIP", "80/TCP")
    assert service[2].startswith("10.")
    assert shown[:2] == ["leader", "me"]
    assert home[:2] == [namespace, "Active"]


async def test_a_namespace_and_a_configmap_are_created_by_name(
    kubectl: Kubectl, namespace: str
) -> None:
    name = f"{namespace}-more"

    made = await kubectl("create", "namespace", name)
    await kubectl("create", "configmap", "c", "--from-literal=a=1")
    gone = await kubectl("delete", "namespace", name, "--wait=false")

    assert made == f"namespace/{name} created\n"
    assert gone.startswith(f'namespace "{name}" deleted')
    assert await kubectl("get", "configmap", "c", "-o", "jsonpath={.data.a}") == "1"


async def test_all_kinds_are_got_at_once(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, core(namespace, "pods"), pod())

    assert "pod/pod-a" in await kubectl("get", "all")


async def test_get_goes_across_namespaces(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    await created(http, policies(namespace), policy())

    head, *rows = columns(await kubectl("get", "netpol", "-A"))

    assert head[:2] == ["NAMESPACE", "NAME"]
    assert [namespace, "web"] in [row[:2] for row in rows]


async def test_a_deployment_is_made_shown_changed_and_deleted(
    kubectl: Kubectl, http: httpx.AsyncClient, namespace: str
) -> None:
    # With `create deployment` kubectl speaks the protocol that only the real server knows.
    spec = selecting({"app": "web"}) | {"replicas": 2}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    await kubectl("create", "-f", "-", stdin=json.dumps(body | {"spec": spec}))

    head, row = columns(await kubectl("get", "deploy", "-o", "wide"))
    assert head[:5] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert head[5:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert [*row[:4], *row[5:]] == ["web", "0/2", "0", "0", "main", "busybox", "app=web"]

    await kubectl("set", "image", "deploy/web", "main=nginx")
    where = path(namespace, "deployments", "web")
    template = (await http.get(where)).json()["spec"]["template"]
    assert [each["image"] for each in template["spec"]["containers"]] == ["nginx"]

    await kubectl("delete", "deploy", "web")
    assert (await http.get(where)).status_code == 404
