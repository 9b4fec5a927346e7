"""vereflow history: what became of a policy, or of a flow, the newest first, and by which cause."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agents.asking.changes import PAST, Change, changes_of, told_of
from agents.asking.identities import policy_key
from agents.asking.moments import Moment, parse_moment
from agents.asking.naming import one_named
from agents.asking.plain import plain
from agents.asking.reaching import Port, parse_port
from agents.asking.seen import Recent
from agents.asking.times import clock
from agents.asking.turns import DAY, Course, Turns, is_address
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.broker import read_topics
from deploy.cli.endpoints import Running, ask_all, find
from deploy.cli.facts import open_history
from deploy.cli.following import follow, turns_page
from deploy.cli.options import EndpointsFile, Output, WebUrls
from deploy.cli.replaying import progress
from deploy.cli.showing import Format, show, table
from deploy.hooks import call_hook
from streams.flow.tracker import PodRow

# Records of each partition: what is older `vereflow replay` computes again.
MOST_READ = 1_000
_HEADERS = ("TIME", "OUTCOME", "REVISION", "TOOK", "CAUSE", "WHAT CHANGED")


def history(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A pod or a policy: default/pod-a or pod-a.")
    ],
    to: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What opened and closed the way to this one instead."),
    ] = None,
    port: Annotated[
        str | None, typer.Option(metavar="PORT", help="With --to: 80 (TCP), 53/UDP or 9899/SCTP.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME|AGO", help="2026-11-27T08:00:00Z, or 15m ago; with --to a day."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many, the newest.")
    ] = 20,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
    prepare: Annotated[
        str | None, typer.Option(hidden=True, help="A hook to call before anything connects.")
    ] = None,
) -> None:
    """Say what became of a policy, or of a flow, and by which cause; exit 1 if unknown.

    Example: vereflow history pod-a --to pod-b --port 80
    """
    if to is not None:
        _of_flow((name, to), port, since, limit, output, (endpoints, web, prepare))
        return
    with plain_errors():
        if port is not None:
            raise ValueError("--port goes with --to: say whom to")
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


def _of_flow(
    ends: tuple[str, str],
    port: str | None,
    since: str | None,
    limit: int,
    output: Format,
    how: tuple[Path | None, list[str] | None, str | None],
) -> None:
    endpoints, web, prepare = how
    with plain_errors():
        asked = parse_port(port) if port is not None else None
        start = parse_moment(since or DAY, datetime.now(UTC))
        running = find(endpoints, web)
        if prepare:
            call_hook(prepare)
        found = asyncio.run(_follow(running, ends, asked, start))
    if found.more or len(found.turns) > limit:
        warn(["older turns are not shown; see --limit, and --since"])
        found = found.model_copy(update={"turns": found.turns[:limit], "more": True})
    show(found.model_dump(mode="json", by_alias=True), output, lambda: turns_page(found))
    raise typer.Exit(0 if found.turns else NO)


async def _follow(
    running: Running, ends: tuple[str, str], port: Port | None, since: Moment
) -> Turns:
    source, to = [await _end(running, each) for each in ends]
    async with open_history(running.settings) as history:
        with progress() as report:
            course = Course(source, to, port, since)
            return await follow(history, running.settings, course, report)


async def _end(running: Running, name: str) -> str:
    """Return the key under which a graph knows somebody; an address, or a key, is as it is."""
    if is_address(name) or name.count("/") == 2:
        return name
    key, _ = await _read(running, name)
    if key is None:
        raise ValueError(f"nothing is known of {name!r}: name a pod, an identity or an address")
    return key


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
    rules = [f"rule {each}" for each in change.rules]
    said = [*([change.reason] if change.reason else []), *change.changed, *rules]
    return (
        change.at,
        change.outcome,
        change.revision,
        took,
        change.cause or "-",
        "; ".join(said) or "-",
    )
