"""The verb that removes: at once, or as a mark that the kubelet or a finalizer completes."""

from datetime import UTC, datetime, timedelta

from deploy.local.kubernetes import errors
from deploy.local.kubernetes.api import Api
from deploy.local.kubernetes.kinds import (
    JOBS,
    KINDS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Json,
    Kind,
)
from deploy.local.kubernetes.options import Answer, DeleteOptions

#: Whose delete answers with the object itself.
_RETURN_OBJECT = (PODS, SERVICES, NAMESPACES, SERVICE_ACCOUNTS)
#: What keeps an object until somebody has cared for what it owns; nobody here ever does.
_FINALIZERS = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}
_KEPT = {"default", "kube-system", "kube-public"}


def delete(api: Api, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> Answer:
    """Remove an object, or mark it as going."""
    if kind is NAMESPACES and name in _KEPT:
        raise errors.forbidden(kind, name, "this namespace may not be deleted")
    live = api.get(kind, namespace, name)
    _check_preconditions(kind, live, options)
    live = _with_finalizers(kind, live, options)
    grace = _grace_period(kind, live, options)
    if grace or live["metadata"].get("finalizers"):
        return Answer(200, _mark(api, kind, live, grace, options))
    if kind is PODS:
        # A pod is seen to be going, if only for a moment.
        live = _mark(api, kind, live, 0, options)
    if not options.dry_run:
        live = _remove(api, kind, live)
    return Answer(200, live if kind in _RETURN_OBJECT else _success(kind, live))


def _check_preconditions(kind: Kind, live: Json, options: DeleteOptions) -> None:
    metadata = live["metadata"]
    name, uid, version = metadata["name"], metadata["uid"], metadata["resourceVersion"]
    if options.uid not in (None, uid):
        raise errors.conflict(
            kind,
            name,
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({uid}). The object might have been deleted and then recreated",
        )
    if options.resource_version not in (None, version):
        raise errors.conflict(
            kind,
            name,
            f"the ResourceVersion in the precondition ({options.resource_version}) does not "
            f"match the ResourceVersion in record ({version}). The object might have been modified",
        )


def _with_finalizers(kind: Kind, live: Json, options: DeleteOptions) -> Json:
    """Return the object with what its owned objects ask for; jobs leave theirs if not told."""
    held: list[str] = live["metadata"].get("finalizers") or []
    policy = options.propagation
    if policy is None and not set(held) & set(_FINALIZERS.values()):
        policy = "Orphan" if kind is JOBS else "Background"
    if policy is None:
        return live
    kept = [one for one in held if one not in _FINALIZERS.values()]
    kept += [_FINALIZERS[policy]] if policy in _FINALIZERS else []
    others = {key: value for key, value in live["metadata"].items() if key != "finalizers"}
    return live | {"metadata": others | ({"finalizers": kept} if kept else {})}


def _grace_period(kind: Kind, live: Json, options: DeleteOptions) -> int:
    """Return how long a kubelet may take; a pod nobody runs goes at once."""
    if kind is not PODS or not live["spec"].get("nodeName"):
        return 0
    if live["status"].get("phase") in {"Succeeded", "Failed"}:
        return 0
    if options.grace_period is not None:
        return options.grace_period
    return int(live["spec"].get("terminationGracePeriodSeconds", 30))


def _mark(api: Api, kind: Kind, live: Json, grace: int, options: DeleteOptions) -> Json:
    metadata = live["metadata"]
    held, going = metadata.get("deletionGracePeriodSeconds"), {}
    if held is None or held > grace:
        until = (datetime.now(UTC) + timedelta(seconds=grace)).strftime("%Y-%m-%dT%H:%M:%SZ")
        going = {"deletionTimestamp": until, "deletionGracePeriodSeconds": grace}
    marked = live | {"metadata": metadata | going}
    stored = api.get(kind, metadata.get("namespace", ""), metadata["name"])
    return marked if options.dry_run or marked == stored else api.store.put(kind, marked)


def _remove(api: Api, kind: Kind, live: Json) -> Json:
    if kind is NAMESPACES:
        # The namespace controller's work, without its seconds of Terminating.
        for inner in KINDS:
            for stored in api.store.all(inner, live["metadata"]["name"]):
                api.store.remove(inner, stored)
    return api.store.remove(kind, live)


def _success(kind: Kind, live: Json) -> Json:
    details: Json = {"name": live["metadata"]["name"]}
    if kind.group:
        details["group"] = kind.group
    details |= {"kind": kind.plural, "uid": live["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
