"""Call the one named hook by which an embedded broker adapts the clients of a process."""

from __future__ import annotations

import importlib

# Only our own broker's: a name in a file must not be a way to run anything else.
ALLOWED = ("deploy.local.broker.quirks:install",)


def call_hook(name: str) -> None:
    """Call ``module:function``; raise ValueError for a name that is not one of ours."""
    if name not in ALLOWED:
        raise ValueError(f"no such hook: {name[:80]!r}")
    module, _, function = name.partition(":")
    getattr(importlib.import_module(module), function)()
