"""Which functional type a configuration stands for."""

from __future__ import annotations

from deploy.local.verefoo.bodies import Configuration

_TYPES = {
    "firewall": "FIREWALL",
    "endhost": "ENDHOST",
    "endpoint": "ENDPOINT",
    "antispam": "ANTISPAM",
    "cache": "CACHE",
    "dpi": "DPI",
    "mailclient": "MAILCLIENT",
    "mailserver": "MAILSERVER",
    "nat": "NAT",
    "vpnaccess": "VPNACCESS",
    "vpnexit": "VPNEXIT",
    "webclient": "WEBCLIENT",
    "webserver": "WEBSERVER",
    "fieldmodifier": "FIELDMODIFIER",
    "forwarder": "FORWARDER",
    "loadbalancer": "LOADBALANCER",
    "stateful_firewall": "STATEFUL_FIREWALL",
    "web_application_firewall": "WEB_APPLICATION_FIREWALL",
}


def type_of(configuration: Configuration) -> str | None:
    """Return the type of the function object given, or None if there is none."""
    for function, functional_type in _TYPES.items():
        if getattr(configuration, function) is not None:
            return functional_type
    return None
