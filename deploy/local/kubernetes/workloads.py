"""What the server fills in for the kinds that make pods; nothing here makes any."""

from collections.abc import Callable

from deploy.local.kubernetes.kinds import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Json,
    Kind,
)

POD_DEFAULTS: Json = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
}
_HISTORY = {"revisionHistoryLimit": 10}
_ROLLING = {"type": "RollingUpdate"}
_DEFAULTS: dict[Kind, Json] = {
    DEPLOYMENTS: _HISTORY
    | {
        "replicas": 1,
        "strategy": _ROLLING | {"rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "progressDeadlineSeconds": 600,
    },
    REPLICA_SETS: {"replicas": 1},
    STATEFUL_SETS: _HISTORY
    | {
        "replicas": 1,
        "serviceName": "",
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": _ROLLING | {"rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    DAEMON_SETS: _HISTORY
    | {"updateStrategy": _ROLLING | {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}},
    JOBS: {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "manualSelector": False,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    },
    CRON_JOBS: {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    },
}
_STATUS: dict[Kind, Json] = {
    REPLICA_SETS: {"replicas": 0},
    STATEFUL_SETS: {"replicas": 0, "availableReplicas": 0},
    DAEMON_SETS: {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
}


def _completer(kind: Kind) -> Callable[[Json, Json], Json]:
    def complete(rest: Json, metadata: Json) -> Json:
        given = {key: value for key, value in (rest.get("spec") or {}).items() if value is not None}
        spec = _DEFAULTS[kind] | given
        if kind is CRON_JOBS:
            job = spec.get("jobTemplate") or {}
            inner = job.get("spec") or {}
            inner = inner | {"template": _template(inner)}
            spec["jobTemplate"] = job | {"metadata": job.get("metadata") or {}, "spec": inner}
        else:
            spec["template"] = _template(spec)
        if kind is JOBS:
            _name_pods(spec, metadata)
        return {"spec": spec, "status": _STATUS.get(kind, {}) | (rest.get("status") or {})}

    return complete


def _template(spec: Json) -> Json:
    template = spec.get("template") or {}
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    return {"metadata": metadata, "spec": POD_DEFAULTS | (template.get("spec") or {})}


def _name_pods(spec: Json, metadata: Json) -> None:
    """Have a job find its pods by its uid, unless it says itself how."""
    held = spec["template"]["metadata"]
    if not spec["manualSelector"]:
        uid, name = metadata["uid"], metadata["name"]
        told = {"controller-uid": uid, "job-name": name}
        prefixed = {f"batch.kubernetes.io/{key}": value for key, value in told.items()}
        held["labels"] = (held.get("labels") or {}) | told | prefixed
        by_uid = {"batch.kubernetes.io/controller-uid": uid}
        selector = spec.get("selector") or {}
        labels = (selector.get("matchLabels") or {}) | by_uid
        spec["selector"] = selector | {"matchLabels": labels}
    if not metadata.get("labels") and held.get("labels"):
        metadata["labels"] = dict(held["labels"])


COMPLETERS = {kind: _completer(kind) for kind in _DEFAULTS}
