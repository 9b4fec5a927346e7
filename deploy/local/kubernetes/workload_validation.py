"""The rules of the kinds that make pods: they select what they make, for their whole life."""

from collections.abc import Iterator

from deploy.local.kubernetes.complaints import required, unsupported, wrong
from deploy.local.kubernetes.errors import Cause
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
from deploy.local.kubernetes.policy_validation import selector_causes

#: What an empty selector is said to be invalid for.
_CALLED = {
    DEPLOYMENTS: "deployment",
    REPLICA_SETS: "deployment",
    STATEFUL_SETS: "statefulset",
    DAEMON_SETS: "daemonset",
}
#: What more is said of a selector that is wrong in itself.
_MALFORMED = {DEPLOYMENTS: "invalid label selector", REPLICA_SETS: "invalid label selector"}
_FOR_LIFE = {
    **dict.fromkeys(_CALLED, ("selector",)),
    STATEFUL_SETS: ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    JOBS: ("completions", "selector", "template", "completionMode"),
}
_NOT_NEGATIVE = ("replicas", "parallelism", "completions", "minReadySeconds")
_CRON_FIELDS = 5
_LONGEST_CRON_JOB = 52
_CONCURRENCY = ("Allow", "Forbid", "Replace")


def workload_causes(kind: Kind, stored: Json) -> Iterator[Cause]:
    """Find everything wrong with an object of these kinds."""
    spec = stored.get("spec") or {}
    if kind is CRON_JOBS:
        yield from _cron_causes(stored["metadata"]["name"], spec)
    elif kind is JOBS or kind in _CALLED:
        for key in _NOT_NEGATIVE:
            if (spec.get(key) or 0) < 0:
                yield wrong(f"spec.{key}", spec[key], "must be greater than or equal to 0")
        yield from _job_causes(spec) if kind is JOBS else _selecting_causes(kind, spec)
        yield from _template_causes(kind, spec["template"], "spec.template")


def immutable_causes(kind: Kind, live: Json, after: Json) -> Iterator[Cause]:
    """Find what may not change any more."""
    for key in _FOR_LIFE.get(kind, ()):
        if live["spec"].get(key) != after["spec"].get(key):
            yield wrong(f"spec.{key}", after["spec"].get(key), "field is immutable")


def _selecting_causes(kind: Kind, spec: Json) -> Iterator[Cause]:
    selector = spec.get("selector")
    found = list(selector_causes(selector or {}, "spec.selector"))
    yield from found
    if found:
        if kind is not DAEMON_SETS:
            yield wrong("spec.selector", selector, _MALFORMED.get(kind, ""))
        return
    if selector is None and kind is not DAEMON_SETS:
        yield required("spec.selector")
    elif selector is not None and not any(selector.values()):
        yield wrong("spec.selector", {}, f"empty selector is invalid for {_CALLED[kind]}")
    yield from _match_causes(spec)


def _job_causes(spec: Json) -> Iterator[Cause]:
    found = list(selector_causes(spec.get("selector") or {}, "spec.selector"))
    generated = set((spec.get("selector") or {}).get("matchLabels") or {})
    if not spec["manualSelector"] and generated != {"batch.kubernetes.io/controller-uid"}:
        found.append(wrong("spec.selector", spec["selector"], "`selector` not auto-generated"))
    if spec.get("selector") is None:
        found.append(required("spec.selector"))
    yield from found or _match_causes(spec)


def _match_causes(spec: Json) -> Iterator[Cause]:
    labels = spec["template"]["metadata"].get("labels")
    if not _selects(spec.get("selector"), labels or {}):
        why = "`selector` does not match template `labels`"
        yield wrong("spec.template.metadata.labels", labels, why)


def _selects(selector: Json | None, labels: Json) -> bool:
    """Return whether a well-formed selector selects the labels; none selects nothing."""
    if selector is None:
        return False
    terms = selector.get("matchExpressions") or []
    wanted = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(_holds(term, labels) for term in terms)


def _holds(term: Json, labels: Json) -> bool:
    value = labels.get(term["key"])
    return {
        "In": value in (term.get("values") or ()),
        "NotIn": value not in (term.get("values") or ()),
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[term["operator"]]


def _template_causes(kind: Kind, template: Json, field: str) -> Iterator[Cause]:
    spec = template["spec"]
    if not spec.get("containers"):
        yield required(f"{field}.spec.containers")
    policy = spec.get("restartPolicy")
    if kind in _CALLED:
        if policy != "Always":
            yield unsupported(f"{field}.spec.restartPolicy", policy, ("Always",))
    elif policy not in ("OnFailure", "Never"):
        why = 'valid values: "OnFailure", "Never"'
        yield required(f"{field}.spec.restartPolicy", why)


def _cron_causes(name: str, spec: Json) -> Iterator[Cause]:
    if len(name) > _LONGEST_CRON_JOB:
        yield wrong("metadata.name", name, "must be no more than 52 characters")
    job = spec["jobTemplate"]["spec"]
    if job.get("selector"):
        why = "`selector` will be auto-generated"
        yield wrong("spec.jobTemplate.spec.selector", job["selector"], why)
    yield from _template_causes(CRON_JOBS, job["template"], "spec.jobTemplate.spec.template")
    fields = (spec.get("schedule") or "").split()
    if not fields:
        yield required("spec.schedule")
    elif len(fields) != _CRON_FIELDS and not fields[0].startswith("@"):
        why = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
        yield wrong("spec.schedule", spec["schedule"], why)
    if (concurrency := spec["concurrencyPolicy"]) not in _CONCURRENCY:
        yield unsupported("spec.concurrencyPolicy", concurrency, _CONCURRENCY)
