"""The rules of NetworkPolicy: which specs the server refuses."""

from collections.abc import Iterator
from typing import Any

from deploy.local.kubernetes import names
from deploy.local.kubernetes.cidrs import cidr_problems, is_strict_subset
from deploy.local.kubernetes.complaints import forbidden, required, unsupported, wrong
from deploy.local.kubernetes.errors import Cause
from deploy.local.kubernetes.kinds import Json

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_POLICY_TYPES = ("Ingress", "Egress")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
PORT_RANGE = "must be between 1 and 65535, inclusive"


def policy_causes(spec: Json) -> Iterator[Cause]:
    """Find everything wrong with a policy's spec."""
    yield from selector_causes(spec.get("podSelector") or {}, "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or []):
            field = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or []):
                yield from _port_causes(port, f"{field}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or []):
                yield from _peer_causes(peer, f"{field}.{peers}[{number}]")
    yield from _type_causes(spec.get("policyTypes") or [])


def _type_causes(types: list[str]) -> Iterator[Cause]:
    if len(types) > 2:
        yield wrong("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, one in enumerate(types):
        if one not in _POLICY_TYPES:
            yield unsupported(f"spec.policyTypes[{index}]", one, _POLICY_TYPES)


def _port_causes(port: Json, field: str) -> Iterator[Cause]:
    if port.get("protocol") and port["protocol"] not in _PROTOCOLS:
        yield unsupported(f"{field}.protocol", port["protocol"], _PROTOCOLS)
    number = port.get("port")
    if isinstance(number, int):
        if not 1 <= number <= 65535:
            yield wrong(f"{field}.port", number, PORT_RANGE)
    elif number is not None:
        for problem in names.port_name(number):
            yield wrong(f"{field}.port", number, problem)
    if port.get("endPort") is not None:
        yield from _end_port_causes(number, port["endPort"], f"{field}.endPort")


def _end_port_causes(number: Any, end: int, field: str) -> Iterator[Cause]:
    if number is None:
        yield wrong(field, end, "may not be specified when `port` is not specified")
        return
    if isinstance(number, str):
        yield wrong(field, end, "may not be specified when `port` is non-numeric")
        return
    if not 1 <= end <= 65535:
        yield wrong(field, end, PORT_RANGE)
    if end < number:
        yield wrong(field, end, "must be greater than or equal to `port`")


def _peer_causes(peer: Json, field: str) -> Iterator[Cause]:
    held = [key for key in ("podSelector", "namespaceSelector") if peer.get(key) is not None]
    for key in held:
        yield from selector_causes(peer[key], f"{field}.{key}")
    block = peer.get("ipBlock")
    if block is not None:
        yield from _block_causes(block, f"{field}.ipBlock")
    if not held and block is None:
        yield required(field, "must specify a peer")
    elif held and block is not None:
        yield forbidden(field, "may not specify both ipBlock and another peer")


def _block_causes(block: Json, field: str) -> Iterator[Cause]:
    cidr = block.get("cidr") or ""
    if not cidr:
        yield required(f"{field}.cidr")
        return
    problems = list(cidr_problems(cidr))
    for problem in problems:
        yield wrong(f"{field}.cidr", cidr, problem)
    for index, inner in enumerate(block.get("except") or []):
        at = f"{field}.except[{index}]"
        inner_problems = list(cidr_problems(inner))
        for problem in inner_problems:
            yield wrong(at, inner, problem)
        if not problems and not inner_problems and not is_strict_subset(inner, cidr):
            yield wrong(at, inner, "must be a strict subset of `cidr`")


def selector_causes(selector: Json, field: str) -> Iterator[Cause]:
    """Find everything wrong with a selector of labels."""
    at = f"{field}.matchLabels"
    for key, value in (selector.get("matchLabels") or {}).items():
        for problem in names.label_key(key):
            yield wrong(at, key, problem)
        for problem in names.label_value(value):
            yield wrong(at, value, problem)
    for index, term in enumerate(selector.get("matchExpressions") or []):
        yield from _expression_causes(term, f"{field}.matchExpressions[{index}]")


def _expression_causes(term: Json, field: str) -> Iterator[Cause]:
    operator, values = term.get("operator") or "", term.get("values") or []
    if operator not in _OPERATORS:
        yield wrong(f"{field}.operator", operator, "not a valid selector operator")
    elif operator in {"In", "NotIn"} and not values:
        why = "must be specified when `operator` is 'In' or 'NotIn'"
        yield required(f"{field}.values", why)
    elif operator in {"Exists", "DoesNotExist"} and values:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield forbidden(f"{field}.values", why)
    for problem in names.label_key(term.get("key") or ""):
        yield wrong(f"{field}.key", term.get("key") or "", problem)
    for index, value in enumerate(values):
        for problem in names.label_value(value):
            yield wrong(f"{field}.values[{index}]", value, problem)
