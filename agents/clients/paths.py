"""Where the API server keeps what; a name that is none could lead elsewhere, and is refused."""

from __future__ import annotations

import re

from agents.clients.errors import Refused

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def pods(namespace: str, name: str = "") -> str:
    """Return where a namespace's pods are, or one of them."""
    return path("/api/v1", namespace, "pods", name)


def services(namespace: str, name: str = "") -> str:
    """Return where a namespace's Services are, or one of them."""
    return path("/api/v1", namespace, "services", name)


def policies(namespace: str, name: str = "") -> str:
    """Return where a namespace's policies are, or one of them."""
    return path("/apis/networking.k8s.io/v1", namespace, "networkpolicies", name)


def leases(namespace: str, name: str = "") -> str:
    """Return where a namespace's leases are, or one of them."""
    return path("/apis/coordination.k8s.io/v1", namespace, "leases", name)


def group(api_version: str) -> str:
    """Return where an API version tells its resources."""
    parts = [checked(each) for each in api_version.split("/")]
    if len(parts) > 2:
        raise Refused(f"not an API version: {api_version[:60]!r}")
    return "/".join(("/apis" if len(parts) == 2 else "/api", *parts))


def path(root: str, namespace: str, plural: str, name: str) -> str:
    """Return where objects of any kind are, or one of them; without a namespace of no namespace."""
    where = f"{root}/namespaces/{checked(namespace)}" if namespace else root
    return f"{where}/{plural}/{checked(name)}" if name else f"{where}/{plural}"


def checked(name: str) -> str:
    """Return the name if it is one; raise Refused."""
    if len(name) > 253 or _NAME.fullmatch(name) is None:
        raise Refused(f"not a name: {name[:60]!r}")
    return name
