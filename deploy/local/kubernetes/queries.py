"""What the query string and headers of a request ask for."""

from collections.abc import Mapping
from typing import Any

from deploy.local.kubernetes.errors import Cause, bad_request, invalid
from deploy.local.kubernetes.kinds import Json
from deploy.local.kubernetes.listing import ListRequest
from deploy.local.kubernetes.options import DeleteOptions, WriteOptions
from deploy.local.kubernetes.paths import Target
from deploy.local.kubernetes.selectors import Predicate, parse
from deploy.local.kubernetes.watch import WatchRequest

Query = Mapping[str, str]


def truth(query: Query, key: str) -> bool:
    """Return a switch as Go reads one."""
    return query.get(key, "") in {"1", "t", "T", "true", "True", "TRUE"}


def _number(query: Query, key: str, default: int) -> int:
    text = query.get(key, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        message = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise bad_request(message) from error


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
        limit=_number(query, "limit", 0),
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
    return WriteOptions(
        # Who does not say its name is known by its program's.
        manager=query.get("fieldManager") or user_agent.partition("/")[0] or "unknown",
        force=truth(query, "force"),
        dry_run=query.get("dryRun") == "All",
        field_validation=query.get("fieldValidation") or "Warn",
        subresource=target.subresource,
    )


def delete_options(query: Query, body: Json) -> DeleteOptions:
    """Return how a delete is to be done; the query outranks the body."""
    preconditions: dict[str, Any] = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds")
    if query.get("gracePeriodSeconds"):
        grace = _number(query, "gracePeriodSeconds", 0)
    return DeleteOptions(
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        grace_period=grace,
        dry_run="All" in (query.get("dryRun"), *(body.get("dryRun") or [])),
    )
