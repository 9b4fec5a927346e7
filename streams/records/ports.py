"""Ports of a rule: ``80``, ``80-90`` or ``*``, on the wire as text."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator

LAST_PORT = 65535
_TEXT = re.compile(r"(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?")


class PortRange(NamedTuple):
    """An inclusive range of ports, 0 to 65535."""

    first: int
    last: int


ANY_PORT = PortRange(0, LAST_PORT)


def parse_ports(text: str) -> PortRange:
    """Read ``*``, ``N`` or ``A-B``; raise ValueError for anything else."""
    if text == "*":
        return ANY_PORT
    # Python's $ and \d would let a line break and other alphabets' digits through.
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"not a port or a port range: {text[:40]!r}")
    first = int(match[1])
    last = int(match[2]) if match[2] else first
    if last > LAST_PORT or first > last:
        raise ValueError(f"a port range runs upwards from 0 to {LAST_PORT}: {text!r}")
    return PortRange(first, last)


def _text(value: object) -> object:
    # Verefoo answers null for a port that was never given, and its solver reads that as any.
    return "*" if value is None else value


def _checked(text: str) -> str:
    if parse_ports(text) == (0, 0):
        raise ValueError("nothing listens on port 0")
    return text


Ports = Annotated[str, BeforeValidator(_text), AfterValidator(_checked)]
