"""Remember which policies the cluster should hold; the queue beside it makes it so.

reads   policy-patches.<cluster>
writes  [wanted]
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import faust

from agents.apply_queue import ApplyQueue
from agents.handling import handle_each
from agents.outlet import Outlet
from streams.flow.lateness import is_over, is_time
from streams.flow.output import POLICY_PATCHES, Outputs, Refusal
from streams.records.cause import Source
from streams.records.policies import PolicyPatch
from streams.records.reasons import LetterReason
from streams.topics import Topics
from tables.catalog import Tables
from tables.partition import PartitionRows

Rows = MutableMapping[str, PolicyPatch]


def handle(rows: Rows, patch: PolicyPatch, key: str, source: Source) -> Outputs:
    """Remember a patch unless a newer one is known."""
    if patch.key != key:
        return [Refusal(LetterReason.BAD_KEY, f"{key[:80]} carries a patch of {patch.key[:80]}")]
    known = rows.get(key)
    if known is None or known.revision.order <= patch.revision.order:
        # The same revision again as well: after a kill its row may be in no changelog, and what
        # could not be said may differ under one revision.
        rows[key] = patch
    return []


def forget(rows: Rows, is_stored: Callable[[str], bool], now: float) -> None:
    """Drop what is wanted of pods that are long gone, once their policies are gone as well."""
    for key, patch in list(rows.items()):
        gone = patch.manifest is None and not patch.unprotected
        if gone and is_over(patch.cause, now) and not is_stored(key):
            del rows[key]


def install(
    app: faust.App,
    topics: Topics,
    tables: Tables,
    outlet: Outlet,
    queue: ApplyQueue,
    cluster_name: str,
) -> Any:
    """Attach the agent to the app."""

    def take(patch: PolicyPatch, key: str, source: Source) -> Outputs:
        if patch.mark is not None:
            queue.mark(source.partition, patch.mark)
            return []
        rows = PartitionRows[PolicyPatch](tables["wanted"], source.partition)
        if is_time(source):
            forget(rows, queue.may_hold, source.at)
        outputs = handle(rows, patch, key, source)
        if not outputs:
            queue.put(source.partition, key)
        return outputs

    @app.agent(topics[f"{POLICY_PATCHES}.{cluster_name}"], name="policy-applier")
    async def apply_patches(patches: Any) -> None:
        """Remember which policies the cluster should hold."""
        await handle_each(app, patches, outlet, take)

    return apply_patches
