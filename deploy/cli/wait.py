"""vereflow wait: return when everything said before has had its effect."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from deploy.cli.answers import NO, errors, plain_errors
from deploy.cli.broker import reach_broker
from deploy.cli.endpoints import settings_of
from deploy.cli.options import EndpointsFile
from deploy.waiting import wait_for_effects
from streams.settings import Settings


def wait(
    within: Annotated[
        float, typer.Option("--timeout", min=0.1, max=3600, help="Seconds to wait at most.")
    ] = 60.0,
    endpoints: EndpointsFile = None,
) -> None:
    """Return when all that was said before has had its effect; exit 1 if it has not.

    Example: kubectl create -f pods.yaml && vereflow wait --timeout 30
    """
    with plain_errors(), errors.status("waiting for everything said to have its effect"):
        silent = asyncio.run(_wait(settings_of(endpoints), within))
    if silent:
        errors.print(f"vereflow: not heard within {within:g} s: {', '.join(silent)}", markup=False)
        raise typer.Exit(NO)


async def _wait(settings: Settings, within: float) -> list[str]:
    await reach_broker(settings)
    return await wait_for_effects(settings, within)
