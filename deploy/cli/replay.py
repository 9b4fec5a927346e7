"""vereflow replay: the rules, the policies and who reaches whom at any moment that is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.asking.moments import Moment, parse_moment
from deploy.cli.answers import NO, plain_errors
from deploy.cli.endpoints import settings_of
from deploy.cli.facts import open_history
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.past import compare, picture_of, read_picture
from deploy.cli.replayed import Replayed
from deploy.cli.replaying import progress, replay_of, replay_on, replay_to
from deploy.cli.rules import list_rules
from deploy.cli.showing import Format, show
from deploy.hooks import call_hook
from deploy.judging import judging_of
from streams.settings import Settings, load
from streams.settings_file import read_file
from streams.settings_group import Group

Json = dict[str, Any]

# A replay reads where we read, whatever settings it tries.
_KEPT = ("kafka", "graph", "instance", "state_dir")


def replay(
    policy: Annotated[
        str | None,
        typer.Argument(help="Show this one whole; default/pod-a or pod-a.", metavar="NAME"),
    ] = None,
    until: Annotated[
        str, typer.Option(metavar="TIME|AGO|OFFSET", help="2026-11-27T08:00:00Z, 15m or a fact.")
    ] = "now",
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME|AGO|OFFSET", help="Tell every change from there on."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="A file of settings to try, or what the version before wrote with -o json."
        ),
    ] = None,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    prepare: Annotated[
        str | None, typer.Option(hidden=True, help="A hook to call before anything connects.")
    ] = None,
) -> None:
    """Compute rules, policies and reach of any past moment; exit 1 if --against differs.

    Example: vereflow replay --until 2026-11-27T08:00:00Z
    """
    with plain_errors():
        now = datetime.now(UTC)
        end, start = parse_moment(until, now), parse_moment(since, now) if since else None
        if start is not None and against is not None:
            raise ValueError("--from tells changes, --against compares: say one of them")
        settings = settings_of(endpoints)
        if prepare:
            call_hook(prepare)
        found = asyncio.run(_replay(settings, end, start, against))
        whole = None if policy is None else list(found.whole(policy))
    content = found.as_data() if output in (Format.JSON, Format.YAML) else None
    show(content, output, lambda: found.page() if whole is None else whole)
    if against is not None and found.difference is not None:
        raise typer.Exit(0 if found.difference.nothing else NO)


async def _replay(
    settings: Settings, until: Moment, since: Moment | None, against: Path | None
) -> Replayed:
    recorded = read_picture(against) if against and against.suffix == ".json" else None
    other = try_on(settings, against) if against and recorded is None else None
    changes, before = None, recorded
    async with open_history(settings) as history:
        with progress() as report:
            first = until if since is None else since
            beside = (replay_of(other),) if other else ()
            past = await replay_to(history, settings, first, report, *beside)
            if since is not None:
                before = picture_of(past.replay, settings)
                changes = await replay_on(history, past, until, report)
    now = picture_of(past.replay, settings)
    pair = (now, picture_of(past.replays[1], other)) if other else (before or now, now)
    graph = past.replay.graph
    return Replayed(
        past,
        now,
        list_rules(graph.rows, graph.pods, judging_of(settings).outside),
        changes,
        compare(*pair, settings) if other or before else None,
    )


def try_on(ours: Settings, path: Path) -> Settings:
    """Return our settings with what a file says; who is reached, and where, stays."""
    every: Json = {name: getattr(ours, name) for name in type(ours).model_fields}
    told = {name: said for name, said in read_file(path).items() if name not in _KEPT}
    for name, said in told.items():
        group = every.get(name)
        if isinstance(group, Group) and isinstance(said, dict):
            said = {**group.model_dump(), **said}
        every[name] = said
    return load(**every)
