"""The doctor says which addresses of identities somebody has already."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from deploy.cli.taken import taken

NETWORK = IPv4Network("198.18.0.0/15")


def pod(name: str, address: str | None, node: str = "192.0.2.1") -> dict[str, Any]:
    meta = {"namespace": "default", "name": name}
    return {"metadata": meta, "status": {"podIP": address, "hostIP": node}}


def service(name: str, address: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "default", "name": name}, "spec": {"clusterIP": address}}


def test_who_has_an_address_of_identities_is_named_once() -> None:
    pods = [pod("a", "198.18.0.9"), pod("b", "10.244.0.9", "198.19.255.1"), pod("c", "10.0.0.1")]
    services = [service("shop", "198.18.7.7")]

    assert taken(NETWORK, [*pods, *pods], [*services, *services]) == [
        "198.18.0.9 is pod default/a's",
        "198.18.7.7 is Service default/shop's",
        "198.19.255.1 is the node's of pod default/b",
    ]


@pytest.mark.parametrize("address", ["None", "", "2001:db8::1", "198.20.0.0", "what.example"])
def test_what_is_no_address_there_is_nobodys(address: str) -> None:
    found = taken(NETWORK, [pod("a", None), pod("b", address)], [service("s", address)])

    assert found == []


def test_what_says_nothing_has_nothing() -> None:
    meta = {"metadata": {"namespace": "default", "name": "odd"}}

    assert taken(NETWORK, [meta], [meta]) == []
