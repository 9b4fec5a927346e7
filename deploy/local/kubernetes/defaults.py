"""What the server fills in and drops before it stores an object."""

from typing import Any

from deploy.local.kubernetes.kinds import NAMESPACES, NETWORK_POLICIES, PODS, SERVICES, Json, Kind
from deploy.local.kubernetes.workloads import COMPLETERS, POD_DEFAULTS

_OPTIONAL_METADATA = {"labels", "annotations", "finalizers", "ownerReferences", "managedFields"}


def complete(kind: Kind, given: Json) -> Json:
    """Return the object as it is stored: defaults set, empty optional fields gone."""
    metadata = {
        key: value
        for key, value in given["metadata"].items()
        if value not in (None, "") and (value or key not in _OPTIONAL_METADATA)
    }
    completed: Json = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
    rest = {key: value for key, value in given.items() if key not in completed}
    return completed | _COMPLETERS.get(kind, _as_given)(rest, metadata)


def _as_given(rest: Json, _: Json) -> Json:
    return {key: value for key, value in rest.items() if value is not None}


def _policy(rest: Json, _: Json) -> Json:
    spec = rest.get("spec") or {}
    written: Json = {"podSelector": _selector(spec.get("podSelector") or {})}
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        if spec.get(direction):
            written[direction] = [_rule(rule or {}, peers) for rule in spec[direction]]
    types = spec.get("policyTypes")
    # The real server looks at the rules as they arrive, so `egress: []` alone means nothing.
    written["policyTypes"] = types or ["Ingress"] + (["Egress"] if spec.get("egress") else [])
    return {"spec": written}


def _selector(selector: Json) -> Json:
    return {key: value for key, value in selector.items() if value}


def _rule(rule: Json, peers: str) -> Json:
    written: Json = {}
    if rule.get("ports"):
        ports = [{k: v for k, v in port.items() if v is not None} for port in rule["ports"]]
        written["ports"] = [port | {"protocol": port.get("protocol") or "TCP"} for port in ports]
    if rule.get(peers):
        written[peers] = [_peer(peer or {}) for peer in rule[peers]]
    return written


def _peer(peer: Json) -> Json:
    written: dict[str, Any] = {}
    for key, value in peer.items():
        if value is not None:
            written[key] = _block(value) if key == "ipBlock" else _selector(value)
    return written


def _block(block: Json) -> Json:
    return {"cidr": block.get("cidr") or ""} | {
        key: value for key, value in block.items() if key == "except" and value
    }


def _pod(rest: Json, _: Json) -> Json:
    defaults = POD_DEFAULTS | {"enableServiceLinks": True}
    status = {"phase": "Pending", "qosClass": "BestEffort"} | (rest.get("status") or {})
    # podIP and podIPs[0] are one fact in two places.
    if status.get("podIP") and not status.get("podIPs"):
        status["podIPs"] = [{"ip": status["podIP"]}]
    return {"spec": defaults | (rest.get("spec") or {}), "status": status}


def _namespace(rest: Json, metadata: Json) -> Json:
    own = {"kubernetes.io/metadata.name": metadata["name"]}
    metadata["labels"] = (metadata.get("labels") or {}) | own
    spec = {"finalizers": ["kubernetes"]} | (rest.get("spec") or {})
    return {"spec": spec, "status": {"phase": "Active"} | (rest.get("status") or {})}


def _service(rest: Json, _: Json) -> Json:
    defaults = {"type": "ClusterIP", "sessionAffinity": "None"}
    spec = defaults | (rest.get("spec") or {})
    if spec.get("ports"):
        spec["ports"] = [_service_port(port) for port in spec["ports"]]
    status = {"loadBalancer": {}} | (rest.get("status") or {})
    return {"spec": spec, "status": status}


def _service_port(port: Json) -> Json:
    return {"protocol": "TCP", "targetPort": port.get("port", 0)} | port


_COMPLETERS = {
    PODS: _pod,
    NAMESPACES: _namespace,
    SERVICES: _service,
    NETWORK_POLICIES: _policy,
    **COMPLETERS,
}
