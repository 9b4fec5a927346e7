"""Find what is meant by a name: a key, or the end of one."""

from __future__ import annotations

from collections.abc import Iterable


def named(keys: Iterable[str], name: str) -> list[str]:
    """Return the keys that are meant by default/pod-a or by pod-a."""
    return [key for key in keys if f"/{key}".endswith(f"/{name}")]


def one_named(keys: Iterable[str], name: str) -> str | None:
    """Return the only one, or that there is none; raise ValueError if there are several."""
    found = named(keys, name)
    if len(found) > 1:
        raise ValueError(f"{name} may be {' or '.join(sorted(found))}: say which")
    return found[0] if found else None
