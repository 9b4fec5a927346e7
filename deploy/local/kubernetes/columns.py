"""The columns kubectl shows: lists and objects as server-side Tables."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.local.kubernetes.kinds import (
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
    Json,
    Kind,
)


@dataclass(frozen=True)
class Column:
    """One column; a wide one shows only with `-o wide`."""

    name: str
    cell: Callable[[Json], Any]
    wide: bool = False


def render(kind: Kind, answer: Json, include: str) -> Json:
    """Return a list or an object as a Table."""
    is_list = "items" in answer
    rows = answer["items"] if is_list else [answer]
    if not answer["metadata"].get("creationTimestamp", True):
        rows = []  # a bookmark is no object
    columns = _COLUMNS[kind]
    metadata = answer["metadata"]
    if not is_list:
        metadata = {"resourceVersion": metadata["resourceVersion"]}
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(kind, columns, stored, include) for stored in rows],
    }


def _definition(column: Column) -> Json:
    return {
        "name": column.name,
        "type": "string",
        "format": "name" if column.name == "Name" else "",
        "description": column.name,
        "priority": int(column.wide),
    }


def _row(kind: Kind, columns: tuple[Column, ...], stored: Json, include: str) -> Json:
    row: Json = {"cells": [column.cell(stored) for column in columns]}
    if include == "Object":
        row["object"] = {"kind": kind.name, "apiVersion": kind.api_version} | stored
    elif include != "None":
        row["object"] = partial(stored)
    return row


def partial(stored: Json) -> Json:
    """Return only the metadata of an object."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": stored["metadata"],
    }


def _at(*path: str, default: str = "<none>") -> Callable[[Json], Any]:
    def cell(stored: Json) -> Any:
        value: Any = stored
        for key in path:
            value = value.get(key) or {}
        return value or default

    return cell


def _age(stored: Json) -> str:
    made = datetime.fromisoformat(stored["metadata"]["creationTimestamp"])
    seconds = int((datetime.now(UTC) - made).total_seconds())
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{letter}"
    return f"{max(seconds, 0)}s"


def _ready(pod: Json) -> str:
    ready = sum(bool(one.get("ready")) for one in pod["status"].get("containerStatuses") or [])
    return f"{ready}/{len(pod['spec'].get('containers') or [])}"


def _pod_status(pod: Json) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(pod["status"].get("phase", "Unknown"))


def _pod_selector(policy: Json) -> str:
    return _selector(policy["spec"]["podSelector"])


def _selector(selector: Json) -> str:
    terms = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    for term in selector.get("matchExpressions", []):
        values = ",".join(term.get("values", []))
        terms.append({
            "In": f"{term['key']} in ({values})",
            "NotIn": f"{term['key']} notin ({values})",
            "Exists": term["key"],
        }.get(term["operator"], f"!{term['key']}"))  # fmt: skip
    return ",".join(terms) or "<none>"


def _ports(service: Json) -> str:
    ports = service["spec"].get("ports") or []
    shown = (f"{port['port']}/{port.get('protocol', 'TCP')}" for port in ports)
    return ",".join(shown) or "<none>"


def _about(event: Json) -> str:
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _count(*path: str) -> Callable[[Json], int]:
    return lambda stored: int(_at(*path, default="0")(stored))


def _of(ready: str, wanted: str) -> Callable[[Json], str]:
    done, all_of_them = _count("status", ready), _count("spec", wanted)
    return lambda stored: f"{done(stored)}/{all_of_them(stored)}"


def _containers(key: str) -> Callable[[Json], str]:
    def cell(stored: Json) -> str:
        spec = stored["spec"]
        made = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
        return ",".join(each.get(key, "") for each in made["template"]["spec"]["containers"])

    return cell


def _job_status(job: Json) -> str:
    held = [c["type"] for c in job["status"].get("conditions") or () if c.get("status") == "True"]
    return next((each for each in held if each in ("Complete", "Failed")), "Running")


_NAME = Column("Name", _at("metadata", "name"))
_AGE = Column("Age", _age)
_MADE = (
    Column("Containers", _containers("name"), wide=True),
    Column("Images", _containers("image"), wide=True),
)
_SELECTS = Column("Selector", lambda stored: _selector(stored["spec"].get("selector") or {}), True)
_COLUMNS: dict[Kind, tuple[Column, ...]] = {
    DEPLOYMENTS: (
        _NAME,
        Column("Ready", _of("readyReplicas", "replicas")),
        Column("Up-to-date", _count("status", "updatedReplicas")),
        Column("Available", _count("status", "availableReplicas")),
        _AGE,
        *_MADE,
        _SELECTS,
    ),
    REPLICA_SETS: (
        _NAME,
        Column("Desired", _count("spec", "replicas")),
        Column("Current", _count("status", "replicas")),
        Column("Ready", _count("status", "readyReplicas")),
        _AGE,
        *_MADE,
        _SELECTS,
    ),
    STATEFUL_SETS: (_NAME, Column("Ready", _of("readyReplicas", "replicas")), _AGE, *_MADE),
    DAEMON_SETS: (
        _NAME,
        Column("Desired", _count("status", "desiredNumberScheduled")),
        Column("Current", _count("status", "currentNumberScheduled")),
        Column("Ready", _count("status", "numberReady")),
        Column("Up-to-date", _count("status", "updatedNumberScheduled")),
        Column("Available", _count("status", "numberAvailable")),
        Column("Node Selector", lambda _: "<none>"),
        _AGE,
        *_MADE,
        _SELECTS,
    ),
    JOBS: (
        _NAME,
        Column("Status", _job_status),
        Column("Completions", _of("succeeded", "completions")),
        Column("Duration", lambda _: ""),
        _AGE,
        *_MADE,
        _SELECTS,
    ),
    CRON_JOBS: (
        _NAME,
        Column("Schedule", _at("spec", "schedule")),
        Column("Timezone", _at("spec", "timeZone")),
        Column("Suspend", lambda stored: str(stored["spec"]["suspend"])),
        Column("Active", lambda stored: len(stored["status"].get("active") or ())),
        Column("Last Schedule", _at("status", "lastScheduleTime")),
        _AGE,
        *_MADE,
        Column("Selector", lambda _: "<none>", wide=True),
    ),
    SERVICE_ACCOUNTS: (_NAME, _AGE),
    PODS: (
        _NAME,
        Column("Ready", _ready),
        Column("Status", _pod_status),
        Column("Restarts", lambda _: "0"),
        _AGE,
        Column("IP", _at("status", "podIP"), wide=True),
        Column("Node", _at("spec", "nodeName"), wide=True),
    ),
    NAMESPACES: (_NAME, Column("Status", _at("status", "phase")), _AGE),
    SERVICES: (
        _NAME,
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _at("spec", "clusterIP")),
        # Nothing here hands out addresses of the outside.
        Column("External-IP", lambda _: "<none>"),
        Column("Port(s)", _ports),
        _AGE,
    ),
    EVENTS: (
        Column("Last Seen", _age),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _about),
        Column("Message", _at("message")),
        Column("Name", _at("metadata", "name"), wide=True),
    ),
    CONFIG_MAPS: (_NAME, Column("Data", lambda stored: str(len(stored.get("data") or {}))), _AGE),
    NETWORK_POLICIES: (_NAME, Column("Pod-Selector", _pod_selector), _AGE),
    LEASES: (_NAME, Column("Holder", _at("spec", "holderIdentity")), _AGE),
}
