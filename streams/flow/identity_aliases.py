"""Take in under which addresses of elsewhere identities are seen, as the settings say by now."""

from __future__ import annotations

from streams.flow.identity_rows import Alias
from streams.flow.identity_telling import Telling
from streams.flow.output import Outputs
from streams.records.facts import Aliases


def handle(telling: Telling, aliases: Aliases) -> Outputs:
    """Return the claims of identities that are seen otherwise than before."""
    state = telling.state
    gaining, losing = set[str](), set[str]()
    if aliases.epoch < telling.ours.epoch:
        return []
    for address in sorted({*aliases.named, *state.aliases}):
        old = state.aliases.get(address, Alias(address=address, name=""))
        new = Alias(address=address, name=aliases.named.get(address, ""))
        if new != old:
            state.put_alias(telling.source.offset, new)
            gaining.add(new.key)
            losing.add(old.key)
    # First who gains: what two claim before and after must not be one's alone in between.
    return telling.tell((*sorted(gaining - {""}), *sorted(losing - gaining - {""})))
