"""Take in under which addresses of elsewhere identities are seen, as the settings say by now."""

from __future__ import annotations

from streams.flow.identifying import Identifying
from streams.flow.identity_marks import is_open
from streams.flow.identity_rows import AliasRow, Identities
from streams.flow.identity_telling import Telling
from streams.flow.output import Outputs
from streams.records.cause import Source
from streams.records.facts import Aliases


def handle(state: Identities, aliases: Aliases, source: Source, ours: Identifying) -> Outputs:
    """Return the claims of identities that are seen otherwise than before."""
    if aliases.epoch < ours.epoch:
        return []
    gaining, losing = set[str](), set[str]()
    for address in sorted({*aliases.named, *state.aliases}):
        name = aliases.named.get(address, "")
        row = _row(state.aliases.get(address), address, name, source.offset)
        if row is not None:
            state.put_alias(row)
            gaining.add(row.key)
            losing.add(row.key_before)
    opened = is_open(state, ours, source.offset)
    # First who gains: what two claim before and after must not be one's alone in between.
    concerned = (*sorted(gaining - {""}), *sorted(losing - gaining - {""}))
    return Telling(state, source, source.cause(), ours, opened).tell(concerned)


def _row(old: AliasRow | None, address: str, name: str, at: int) -> AliasRow | None:
    """Return what is to be stored of an address; None: nothing is new."""
    if old is not None and old.at == at:
        # Met again: after a kill it may be on disk and in no changelog.
        return old
    if old is not None and (old.at > at or old.name == name):
        return None
    return AliasRow(address=address, name=name, before=old.name if old else "", at=at)
