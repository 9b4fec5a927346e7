"""Who plays the controllers, which neither API server has: workloads, and the pods they make."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx

Json = dict[str, Any]

POD_SPEC: Json = {"containers": [{"name": "main", "image": "busybox"}]}
_GROUPS = {
    **dict.fromkeys(("deployments", "replicasets", "statefulsets", "daemonsets"), "apis/apps/v1"),
    **dict.fromkeys(("jobs", "cronjobs"), "apis/batch/v1"),
}
_MERGE = {"Content-Type": "application/merge-patch+json"}
_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"


def path(namespace: str, plural: str, name: str = "") -> str:
    """Return where a namespace's workloads, or other objects, are, or one of them."""
    where = f"/{_GROUPS.get(plural, 'api/v1')}/namespaces/{namespace}/{plural}"
    return f"{where}/{name}" if name else where


def selecting(labels: dict[str, str], **spec: Any) -> Json:
    """Return the spec of a workload that makes and selects pods with these labels."""
    template = {"metadata": {"labels": labels}, "spec": POD_SPEC | spec}
    return {"selector": {"matchLabels": labels}, "template": template}


class Controller:
    """
    Makes workloads in one namespace, and of them what the controllers of a cluster would.

    A pod gets its address from a kubelet, or as it is told; without either it has none.
    """

    def __init__(self, http: httpx.AsyncClient, namespace: str = "default") -> None:
        self._http = http
        self._namespace = namespace

    async def deploy(self, name: str, replicas: int, labels: dict[str, str] | None = None) -> Json:
        """Make a Deployment, its ReplicaSet and its pods; return the Deployment."""
        spec = selecting(labels or {"app": name}) | {"replicas": replicas}
        deployment = await self._create("deployments", {"metadata": {"name": name}, "spec": spec})
        await self._replicate(deployment, replicas)
        return deployment

    async def scale(self, name: str, replicas: int) -> None:
        """Have a Deployment have so many pods: the youngest go, new ones come."""
        change = {"spec": {"replicas": replicas}}
        deployment = await self._patch("deployments", name, change)
        current = (await self._replica_sets(deployment))[-1]
        await self._patch("replicasets", current["metadata"]["name"], change)
        await self._fill(current, replicas)

    async def roll_over(self, name: str) -> None:
        """Give a Deployment another template: one pod comes, one goes, until all are new.

        The old ReplicaSet stays, without pods, as a cluster would keep it.
        """
        note = {"metadata": {"annotations": {"rolled": secrets.token_hex(4)}}}
        deployment = await self._patch("deployments", name, {"spec": {"template": note}})
        old = (await self._replica_sets(deployment))[-1]
        wanted = deployment["spec"]["replicas"]
        new = await self._replicate(deployment, 0)
        for number in range(1, wanted + 1):
            await self._fill(new, number)
            await self._fill(old, wanted - number)
        for each, number in ((new, wanted), (old, 0)):
            change = {"spec": {"replicas": number}}
            await self._patch("replicasets", each["metadata"]["name"], change)

    async def have_stateful_set(self, name: str, replicas: int) -> Json:
        """Make a StatefulSet and its pods, which are numbered; return the StatefulSet."""
        spec = selecting({"app": name}) | {"replicas": replicas}
        made = await self._create("statefulsets", {"metadata": {"name": name}, "spec": spec})
        for number in range(replicas):
            await self.make_pod(made, f"{name}-{number}")
        return made

    async def replace(self, name: str, address: str = "") -> Json:
        """Delete a pod, and make the next of its name, with another uid; return it."""
        where = path(self._namespace, "pods", name)
        before = (await self._http.get(where)).raise_for_status().json()
        await self.remove("pods", name)
        meta = {key: before["metadata"][key] for key in ("name", "labels", "ownerReferences")}
        return await self._pod(meta, POD_SPEC, address)

    async def have_daemon_set(self, name: str, pods: int) -> Json:
        """Make a DaemonSet and so many pods; return the DaemonSet."""
        spec = selecting({"app": name})
        made = await self._create("daemonsets", {"metadata": {"name": name}, "spec": spec})
        for _ in range(pods):
            await self.make_pod(made, _named(name))
        return made

    async def have_cron_job(self, name: str) -> Json:
        """Make a CronJob, which runs nothing by itself; return it."""
        spec = {"schedule": "@hourly", "jobTemplate": {"spec": {"template": _once(name)}}}
        return await self._create("cronjobs", {"metadata": {"name": name}, "spec": spec})

    async def run_job(self, name: str, cron_job: Json | None = None) -> Json:
        """Make a Job and its pod, for a CronJob if there is one; return the pod."""
        owners = {"ownerReferences": [controlled_by(cron_job)]} if cron_job else {}
        body = {"metadata": {"name": name} | owners, "spec": {"template": _once(name)}}
        job = await self._create("jobs", body)
        return await self.make_pod(job, _named(name))

    async def make_pod(self, owner: Json, name: str, address: str = "") -> Json:
        """Make one pod as its owner's template says; return it."""
        template = owner["spec"]["template"]
        meta = {
            "name": name,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [controlled_by(owner)],
        }
        return await self._pod(meta, template["spec"], address)

    async def pods(self, **labels: str) -> list[Json]:
        """Return the pods with these labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        query = {"labelSelector": selector}
        listed = await self._http.get(path(self._namespace, "pods"), params=query)
        return list(listed.raise_for_status().json()["items"])

    async def remove(self, plural: str, name: str) -> None:
        """Delete an object, and nothing that it made; a pod at once."""
        options = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
        where = path(self._namespace, plural, name)
        (await self._http.request("DELETE", where, json=options)).raise_for_status()

    async def remove_deployment(self, name: str) -> None:
        """Delete a Deployment, then, as the garbage collector does, what it made."""
        where = path(self._namespace, "deployments", name)
        deployment = (await self._http.get(where)).raise_for_status().json()
        sets = await self._replica_sets(deployment)
        await self.remove("deployments", name)
        for each in sets:
            await self.remove("replicasets", each["metadata"]["name"])
            for pod in await self._owned(each, "pods"):
                await self.remove("pods", pod["metadata"]["name"])

    async def clear(self) -> None:
        """Delete all workloads; pods stay."""
        for plural in _GROUPS:
            options = {"propagationPolicy": "Background"}
            where = path(self._namespace, plural)
            (await self._http.request("DELETE", where, json=options)).raise_for_status()

    async def _replicate(self, deployment: Json, replicas: int) -> Json:
        """Make a ReplicaSet of a Deployment's template, with its hash, and so many pods."""
        name, hashed = deployment["metadata"]["name"], {_HASH: secrets.token_hex(5)}
        spec, revision = deployment["spec"], len(await self._replica_sets(deployment)) + 1
        labels = spec["template"]["metadata"]["labels"] | hashed
        selector = spec["selector"]["matchLabels"] | hashed
        meta = {
            "name": f"{name}-{hashed[_HASH]}",
            "labels": labels,
            "annotations": {_REVISION: str(revision)},
            "ownerReferences": [controlled_by(deployment)],
        }
        made = selecting(labels) | {
            "selector": {"matchLabels": selector},
            "replicas": replicas,
        }
        replica_set = await self._create("replicasets", {"metadata": meta, "spec": made})
        await self._fill(replica_set, replicas)
        return replica_set

    async def _fill(self, replica_set: Json, replicas: int) -> None:
        pods = await self._owned(replica_set, "pods")
        for each in pods[replicas:]:
            await self.remove("pods", each["metadata"]["name"])
        for _ in range(replicas - len(pods)):
            await self.make_pod(replica_set, _named(replica_set["metadata"]["name"]))

    async def _replica_sets(self, deployment: Json) -> list[Json]:
        """Return a Deployment's ReplicaSets, the newest last."""
        found = await self._owned(deployment, "replicasets")
        return sorted(found, key=lambda each: int(each["metadata"]["annotations"][_REVISION]))

    async def _owned(self, owner: Json, plural: str) -> list[Json]:
        listed = (await self._http.get(path(self._namespace, plural))).raise_for_status().json()
        # What is listed does not say itself what it is.
        type_ = {"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List")}
        uid = owner["metadata"]["uid"]
        found = [each | type_ for each in listed["items"] if _controller(each) == uid]
        return sorted(found, key=lambda each: each["metadata"]["creationTimestamp"])

    async def _pod(self, meta: Json, spec: Json, address: str) -> Json:
        pod = await self._create("pods", {"metadata": meta, "spec": spec})
        if not address:
            return pod
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        return await self._patch("pods", meta["name"], {"status": status}, "/status")

    async def _create(self, plural: str, body: Json) -> Json:
        answer = await self._http.post(path(self._namespace, plural), json=body)
        assert answer.is_success, answer.text
        made: Json = answer.json()
        return made

    async def _patch(self, plural: str, name: str, change: Json, part: str = "") -> Json:
        where = path(self._namespace, plural, name) + part
        answer = await self._http.patch(where, content=json.dumps(change), headers=_MERGE)
        assert answer.is_success, answer.text
        patched: Json = answer.json()
        return patched


def controlled_by(owner: Json) -> Json:
    """Return how an object names its controller."""
    meta = owner["metadata"]
    told = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
    return told | {"name": meta["name"], "uid": meta["uid"], "controller": True}


def _once(name: str) -> Json:
    return {"metadata": {"labels": {"app": name}}, "spec": POD_SPEC | {"restartPolicy": "Never"}}


def _controller(found: Json) -> str:
    references = found["metadata"].get("ownerReferences") or ()
    return next((each["uid"] for each in references if each.get("controller")), "")


def _named(owner: str) -> str:
    return f"{owner}-{secrets.token_hex(3)}"
