"""vereflow migrate: pods become workloads in the graph of a running installation, and back."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agents.clients.verefoo import Verefoo
from deploy.cli import migrating
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.broker import reach_broker
from deploy.cli.endpoints import settings_of
from deploy.cli.migration import CannotMigrate, Migration, plan
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.remembered import Memory, open_memory
from deploy.cli.showing import Format, show
from deploy.installation import Installation, NotInitialised, read_installation
from deploy.login import client_options
from deploy.provision import absent
from deploy.verefoo_login import verefoo_client
from streams.flow.output import IDENTITY_FACTS
from streams.settings import Settings


def migrate(
    go: Annotated[bool, typer.Option("--go", help="Do it; without this it is only told.")] = False,
    accept: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Just these changes of flows are meant, as it was told."),
    ] = None,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
) -> None:
    """Have nodes stand for what cluster.identity says now; exit 1 if flows would change.

    Set cluster.identity first, as it is to be. Without --go nothing is touched, and workers may
    run. With it they must be stopped; they start again with the new setting when it has ended.

    Example: VEREFLOW_CLUSTER__IDENTITY=workload vereflow migrate
    """
    with plain_errors():
        settings = settings_of(endpoints)
        done, epoch = asyncio.run(_migrate(settings, go, accept))
    if done is not None:
        show(done.as_data(), output, done.page)
    if epoch is not None:
        warn([f"done, in epoch {epoch}: start the workers with this cluster.identity"])
    elif done is None:
        warn(["it was begun, and nothing is left to be shown: --go ends it"])
    elif done.nothing:
        warn(["nothing was touched; to do it: --go"])
    else:
        warn([f"nothing was touched; if just this is meant: --go --accept {done.code}"])
        raise typer.Exit(NO)


async def _migrate(
    settings: Settings, go: bool, accept: str | None
) -> tuple[Migration | None, int | None]:
    """Return what it takes, if that is not done yet, and the epoch if all was done."""
    await reach_broker(settings)
    known = await _known(settings)
    async with verefoo_client(settings.verefoo) as http, open_memory(settings) as memory:
        verefoo = Verefoo(http, settings.verefoo.timeout)
        if go:
            await _check_quiet(memory, known)
        if known.anew:
            return None, await migrating.end(settings) if go else None
        remembered = await memory.remembered()
        if remembered is None:
            raise CannotMigrate("rows are to begin anew: run `vereflow init`")
        found = await plan(settings, verefoo, remembered, known.epoch)
        if found.bare:
            named = ", ".join(found.bare[:5])
            raise CannotMigrate(f"{len(found.bare)} pods would be unprotected, such as {named}")
        if not go or not (found.nothing or accept == found.code):
            return found, None
        begun = await migrating.begin(settings, known)
        await migrating.label(settings, found.unlabelled)
        await migrating.rewrite_graph(settings, verefoo, found)
        await migrating.forget(settings, memory, begun, found.spoken)
        return found, await migrating.end(settings)


async def _known(settings: Settings) -> Installation:
    """Return what the installation remembers, if there is something to do."""
    known = await read_installation(settings)
    if known is None:
        raise NotInitialised("this installation has no epoch; run `vereflow init`")
    if known.anew and known.migrating != settings.cluster.identity:
        raise CannotMigrate(f"end what was begun first: cluster.identity {known.migrating}")
    topic = settings.kafka.prefix + IDENTITY_FACTS
    of_pods = bool(await absent([topic], **client_options(settings.kafka)))
    if not known.migrating and of_pods == (settings.cluster.identity == "pod"):
        raise CannotMigrate("the nodes stand for what cluster.identity says already")
    return known


async def _check_quiet(memory: Memory, known: Installation) -> None:
    """Raise unless no worker runs, and all that was said to them was taken in."""
    await memory.check_alone()
    # What was begun has said something itself.
    left = 0 if known.migrating else await memory.unhandled()
    if left:
        raise CannotMigrate(
            f"{left} changes of rules were not taken in yet: start the workers, run"
            " `vereflow wait`, and stop them"
        )
