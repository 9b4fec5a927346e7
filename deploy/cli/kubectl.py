"""Be a plugin of kubectl: `kubectl vereflow`, and what kubectl asks to complete its words."""

from __future__ import annotations

import os
import shlex
import sys

from deploy.cli import app, main

# How kubectl is told that it is all, and that no file is meant.
NOTHING_ELSE = ":4"


def plugin() -> None:
    """Run the command that the arguments name, and call ourselves what people typed."""
    main("kubectl vereflow")


def complete() -> None:
    """Print what the last argument may become, a line each, as kubectl wants it."""
    *before, last = sys.argv[1:] or [""]
    words = f"{shlex.join(['vereflow', *before])} {shlex.quote(last) if last else ''}"
    # What fish is told is what kubectl wants to hear: the word, a tab, what it does.
    os.environ["_VEREFLOW_COMPLETE"] = "complete_fish"
    os.environ["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    os.environ["_TYPER_COMPLETE_ARGS"] = words
    try:
        app(prog_name="vereflow")
    finally:
        print(NOTHING_ELSE)
