"""A group whose commands are imported when they are asked for, not when they are listed."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


def on_demand(package: str, lines: Mapping[str, str]) -> type[TyperGroup]:
    """Return the group of these commands and their lines of help; each is a module of its own.

    Listing them, completing their names and a mistyped name need the lines only: to import Faust
    and a Kubernetes client for that takes a second.
    """

    class OnDemand(TyperGroup):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.commands = {name: TyperCommand(name, help=line) for name, line in lines.items()}

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, found, rest = super().resolve_command(ctx, args)
            return name, _load(package, name) if found and name else None, rest

    return OnDemand


def _load(package: str, name: str) -> Any:
    word = name.replace("-", "_")
    # What is imported stays: to look through it for garbage meanwhile is an eighth of the time.
    gc.disable()
    try:
        module = import_module(f"{package}.{word}")
    finally:
        gc.enable()
    alone = typer.Typer(add_completion=False)
    alone.command(name)(getattr(module, word))
    return typer.main.get_command(alone)
