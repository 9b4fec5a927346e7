"""vereflow history: what became of a pod's policy, the newest first, and how long each hop took."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from agents.asking.changes import PAST, Change, changes_of, told_of
from agents.asking.identities import policy_key
from agents.asking.moments import parse_moment
from agents.asking.plain import plain
from agents.asking.seen import Recent
from agents.asking.times import clock
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.broker import read_topics
from deploy.cli.endpoints import Running, ask_all, find
from deploy.cli.naming import one_named
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.showing import Format, show, table
from streams.flow.tracker import PodRow

# Records of each partition: what is older `vereflow replay` computes again.
MOST_READ = 1_000
_HEADERS = ("TIME", "OUTCOME", "REVISION", "TOOK", "CAUSE", "WHAT CHANGED")


def history(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A pod or a policy: default/pod-a or pod-a.")
    ],
    since: Annotated[
        str | None, typer.Option(metavar="TIME|AGO", help="2026-11-27T08:00:00Z, or 15m ago.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many, the newest.")
    ] = 20,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """Say what became of a policy: cause, change, time of each hop; exit 1 if unknown.

    Example: vereflow history pod-a --since 2h
    """
    with plain_errors():
        start = _time(since)
        policy, past = asyncio.run(_read(find(endpoints, web), name))
    if policy is None:
        warn([f"nothing is known of {plain(name)!r}"])
        raise typer.Exit(NO)
    found = [each for each in changes_of(past, policy, None) if each.at >= start]
    more = len(found) > limit or any(each.more for each in past.newest.values())
    if more:
        warn(["older ones are not shown; see --limit, and `vereflow replay --from`"])
    content = {
        "policy": policy,
        "changes": [each.model_dump(mode="json", by_alias=True) for each in found[:limit]],
        "more": more,
    }
    show(content, output, lambda: [table(_HEADERS, map(_cells, found[:limit]))])


def _time(since: str | None) -> str:
    if since is None:
        return ""
    moment = parse_moment(since, datetime.now(UTC))
    if moment.time is None:
        raise ValueError(f"--since {since}: say a time, such as 2026-11-27T08:00:00Z or 15m")
    return clock(moment.time)


async def _read(running: Running, name: str) -> tuple[str | None, Recent]:
    """Return which policy is meant, and what the topics tell."""
    past = Recent(await read_topics(running.settings, PAST, MOST_READ))
    known = one_named(told_of(past), name)
    return known or await _selecting(running, name), past


async def _selecting(running: Running, name: str) -> str | None:
    """Return the policy of a pod that no record names: that of its identity."""
    answers = await ask_all(running, {"pods": PodRow})
    warn(answers.gaps())
    pods = answers.rows("pods", PodRow)
    key = one_named(pods, name)
    return policy_key(pods[key].pod) if key is not None else None


def _cells(change: Change) -> tuple[object, ...]:
    hops = ", ".join(f"{hop.name} {hop.took}" for hop in change.hops)
    took = f"{change.took} ({hops})" if hops else change.took or "-"
    said = [*([change.reason] if change.reason else []), *change.changed]
    return (
        change.at,
        change.outcome,
        change.revision,
        took,
        change.cause or "-",
        "; ".join(said) or "-",
    )
