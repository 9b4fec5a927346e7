"""Label and field selectors, as they stand in a query string."""

import re
from collections.abc import Callable
from typing import Any

from deploy.local.kubernetes import names
from deploy.local.kubernetes.errors import ApiError, bad_request
from deploy.local.kubernetes.kinds import CONFIG_MAPS, PODS, Json, Kind

Predicate = Callable[[Json], bool]

_SET = re.compile(r"^(\S+)\s+(in|notin)\s*\(([^()]*)\)$")
_EQUAL = re.compile(r"^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$")
_ORDER = re.compile(r"^([^=!<>\s]+)\s*([<>])\s*(-?[0-9]{1,18})$")
_EXISTS = re.compile(r"^(!?)\s*([^=!<>,()\s]+)$")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")

_FIELDS = {"metadata.name", "metadata.namespace"}
_POD_FIELDS = _FIELDS | {"spec.nodeName", "status.phase", "status.podIP"}


def parse(kind: Kind, labels: str, fields: str) -> Predicate:
    """Return whether an object is selected by both selectors."""
    # To the real server's lexer a NUL is the end, and more after it a mistake.
    wanted_labels = [_label(term.strip()) for term in _terms(labels.replace("\0", " "))]
    wanted_fields = [_field(kind, term.strip()) for term in _terms(fields)]

    def selects(stored: Json) -> bool:
        held = stored["metadata"].get("labels") or {}
        return all(test(held) for test in wanted_labels) and all(
            test(stored) for test in wanted_fields
        )

    return selects


def _terms(selector: str) -> list[str]:
    return _COMMA_OUTSIDE_PARENTHESES.split(selector) if selector.strip() else []


def _label(term: str) -> Predicate:
    if found := _SET.match(term):
        key, operator, values = found.groups()
        listed = {value.strip() for value in values.split(",")}
        _check(key, *listed)
        if operator == "in":
            return lambda labels: key in labels and labels[key] in listed
        return lambda labels: labels.get(key) not in listed
    if found := _EQUAL.match(term):
        key, operator, value = found.groups()
        _check(key, value)
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _ORDER.match(term):
        key, operator, bound = found.groups()
        _check(key)
        return lambda labels: _exceeds(labels.get(key), int(bound), operator)
    if found := _EXISTS.match(term):
        absent, key = found.groups()
        _check(key)
        return lambda labels: (key in labels) != bool(absent)
    raise _unparsable(term)


def _exceeds(held: str | None, bound: int, operator: str) -> bool:
    if held is None or not re.fullmatch("-?[0-9]{1,18}", held):
        return False
    return int(held) > bound if operator == ">" else int(held) < bound


def _check(key: str, *values: str) -> None:
    """Refuse what no label can be; nothing would ever match it."""
    problems = [*names.label_key(key)]
    for value in values:
        problems += names.label_value(value)
    if problems:
        raise bad_request(f"unable to parse requirement: {problems[0]}")


def _unparsable(term: str) -> ApiError:
    return bad_request(f'unable to parse requirement: found "{term}", expected: identifier')


def _field(kind: Kind, term: str) -> Predicate:
    found = _EQUAL.match(term)
    if found is None:
        raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
    path, operator, value = found.groups()
    if path not in (_POD_FIELDS if kind is PODS else _FIELDS | _event_fields(kind)):
        raise bad_request(_unsupported(kind, path))
    keys = path.split(".")
    return lambda stored: (_at(stored, keys) == value) != (operator == "!=")


def _unsupported(kind: Kind, path: str) -> str:
    if kind.group or kind is CONFIG_MAPS:
        known = ", ".join(f'"{field}"' for field in sorted(_FIELDS))
        return f'"{path}" is not a known field selector: only {known}'
    return f"field label not supported: {path}"


def _event_fields(kind: Kind) -> set[str]:
    """Return what `kubectl describe` asks of events."""
    if kind.name != "Event":
        return set()
    return {f"involvedObject.{key}" for key in ("name", "namespace", "uid", "kind")}


def _at(stored: Json, keys: list[str]) -> str:
    value: Any = stored
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return str(value or "")
