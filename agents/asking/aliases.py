"""Which addresses the settings give to identities, and which addresses several claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from streams.flow.graph_rows import PodsRow
from streams.flow.identity_rows import Alias, IdentitiesRow

Json = dict[str, Any]

HELD, DISPUTED, NOBODYS = "held", "disputed", "nobody's"


def list_aliases(rows: Mapping[str, IdentitiesRow], pods: Mapping[str, PodsRow]) -> list[Json]:
    """Return every alias that settings give or several claim as plain data.

    Disputed it is nobody's, but for who has it as an own address.
    """
    said = (row.versions[-1].alias for row in rows.values() if row.versions)
    given = {each.address: each for each in said if each is not None and each.name}
    claims = _claims(pods)
    shown = {address for address, keys in claims.items() if len(keys) > 1} | given.keys()
    return [
        {
            "address": address,
            "state": _state(claims.get(address, []), given.get(address)),
            "setFor": given[address].name if address in given else "",
            "claimedBy": claims.get(address, []),
        }
        for address in sorted(shown)
    ]


def _state(claimants: list[str], given: Alias | None) -> str:
    if given is not None and given.key not in claimants:
        return NOBODYS
    return HELD if len(claimants) == 1 else DISPUTED


def _claims(pods: Mapping[str, PodsRow]) -> dict[str, list[str]]:
    """Return who claims each address that is an alias of somebody."""
    found = defaultdict[str, set[str]](set)
    aliases = set[str]()
    for row in pods.values():
        if row.pod is None or not row.pod.live or row.pod.pod.address is None:
            continue
        pod = row.pod.pod
        aliases.update(pod.aliases)
        for address in (pod.address, *pod.aliases):
            found[str(address)].add(pod.key)
    return {address: sorted(keys) for address, keys in found.items() if address in aliases}
