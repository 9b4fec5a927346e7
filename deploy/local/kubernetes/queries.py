"""What the query string and headers of a request ask for."""

import re
from collections.abc import Mapping
from typing import Any

from deploy.local.kubernetes.complaints import forbidden, too_long, unsupported
from deploy.local.kubernetes.errors import ApiError, Cause, bad_request, invalid
from deploy.local.kubernetes.kinds import Json
from deploy.local.kubernetes.listing import ListRequest
from deploy.local.kubernetes.options import DeleteOptions, WriteOptions
from deploy.local.kubernetes.paths import Target
from deploy.local.kubernetes.schema import misfits
from deploy.local.kubernetes.selectors import Predicate, parse
from deploy.local.kubernetes.watch import WatchRequest

Query = Mapping[str, str]

#: Eighteen digits fit 64 bits, and every clock.
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
_FIELD_VALIDATION = ("Ignore", "Warn", "Strict")
_PROPAGATION = ("Foreground", "Background", "Orphan")
_MANAGER_LIMIT = 128
_DELETE_OPTIONS = {
    "preconditions": {"uid": "string", "resourceVersion": "string", "*": None},
    "gracePeriodSeconds": "integer",
    "propagationPolicy": "string",
    "dryRun": ["string"],
    "*": None,
}


def truth(query: Query, key: str) -> bool:
    """Return a switch as the real server reads one: there, and not said to be off."""
    return query.get(key, "false").lower() not in {"false", "0"}


def _number(query: Query, key: str, default: int) -> int:
    text = query.get(key, "")
    if not text:
        return default
    if not _NUMBER.fullmatch(text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def selection(target: Target, query: Query) -> Predicate:
    """Return which objects of a collection are meant."""
    return parse(target.kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def list_request(target: Target, query: Query) -> ListRequest:
    """Return the list that is asked for."""
    return ListRequest(
        target.kind,
        target.namespace,
        selection(target, query),
        version=query.get("resourceVersion", ""),
        limit=max(_number(query, "limit", 0), 0),
        token=query.get("continue", ""),
    )


def watch_request(target: Target, query: Query) -> WatchRequest:
    """Return the watch that is asked for."""
    initial = truth(query, "sendInitialEvents")
    if initial and query.get("resourceVersionMatch") != "NotOlderThan":
        why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        cause = Cause("FieldValueForbidden", "resourceVersionMatch", why)
        raise invalid("ListOptions.meta.k8s.io", "", [cause])
    return WatchRequest(
        target.kind,
        target.namespace,
        selection(target, query),
        version=query.get("resourceVersion", ""),
        seconds=_number(query, "timeoutSeconds", 0) or 1800,
        bookmarks=truth(query, "allowWatchBookmarks"),
        initial=initial,
    )


def write_options(target: Target, query: Query, user_agent: str) -> WriteOptions:
    """Return how a create, update or patch is to be done."""
    manager = query.get("fieldManager", "")
    causes = _dry_run_causes([query["dryRun"]] if query.get("dryRun") else [])
    if len(manager) > _MANAGER_LIMIT:
        causes.append(too_long("fieldManager", _MANAGER_LIMIT))
    validation = query.get("fieldValidation") or "Warn"
    if validation not in _FIELD_VALIDATION:
        causes.append(unsupported("fieldValidation", validation, _FIELD_VALIDATION))
    if causes:
        raise invalid("PatchOptions.meta.k8s.io", "", causes)
    return WriteOptions(
        # Who does not say its name is known by its program's.
        manager=manager or user_agent.partition("/")[0] or "unknown",
        force=truth(query, "force"),
        dry_run=query.get("dryRun") == "All",
        field_validation=validation,
        subresource=target.subresource,
    )


def delete_options(query: Query, body: Json) -> DeleteOptions:
    """Return how a delete is to be done; the query outranks the body."""
    for misfit in misfits(_DELETE_OPTIONS, body):
        raise bad_request(
            f"json: cannot unmarshal into Go struct field DeleteOptions{misfit.path} "
            f"of type {misfit.wanted}"
        )
    preconditions: dict[str, Any] = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds")
    if query.get("gracePeriodSeconds"):
        grace = _number(query, "gracePeriodSeconds", 0)
    propagation = query.get("propagationPolicy") or body.get("propagationPolicy") or None
    trials = [query["dryRun"]] if query.get("dryRun") else body.get("dryRun") or []
    causes = _dry_run_causes(trials)
    if propagation not in (None, *_PROPAGATION):
        causes.append(unsupported("propagationPolicy", propagation, (*_PROPAGATION, "nil")))
    if causes:
        raise invalid("DeleteOptions.meta.k8s.io", "", causes)
    return DeleteOptions(
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        # Less than nothing means at once, after a moment.
        grace_period=1 if grace is not None and grace < 0 else grace,
        propagation=propagation,
        dry_run=bool(trials),
    )


def forbidden_force() -> ApiError:
    """Only an apply takes fields from others."""
    why = "may not be specified for non-apply patch"
    return invalid("PatchOptions.meta.k8s.io", "", [forbidden("force", why)])


def _dry_run_causes(trials: list[str]) -> list[Cause]:
    return [unsupported("dryRun", one, ("All",)) for one in trials if one != "All"]
