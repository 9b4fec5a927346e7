"""Who reaches whom as a square of letters, each of which stands for some ports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_letters
from typing import Any

Json = dict[str, Any]
Ports = Mapping[tuple[str, str], str]

# Wider squares fit on no screen; for programs a larger one is not asked for by the cell.
MOST_DRAWN = 40
MOST_LISTED = 500
_OTHERS = "?"
_CORNER = "FROM \\ TO"


def as_data(names: Sequence[str], found: Ports) -> Json:
    """Return the square as plain data: a row for each source; ``of`` is how many pods there are."""
    shown = names[:MOST_LISTED]
    return {
        "pods": [*shown],
        "of": len(names),
        "matrix": [[found.get((one, two), "") for two in shown] for one in shown],
    }


def drawn(names: Sequence[str], found: Ports) -> Iterator[str]:
    """Yield the square line by line, what its letters mean, and what was cut off."""
    shown = names[:MOST_DRAWN]
    known = {*shown}
    here = {pair: ports for pair, ports in found.items() if known.issuperset(pair)}
    counted = Counter(here.values()).most_common()
    letters = {ports: letter for (ports, _), letter in zip(counted, ascii_letters, strict=False)}
    wide, name_wide = len(str(len(shown))) + 1, max(map(len, shown), default=0)
    numbers = "".join(f"{number:>{wide}}" for number in range(1, len(shown) + 1))
    yield f"{_CORNER:<{wide + name_wide}}{numbers}"
    for number, one in enumerate(shown, 1):
        cells = (_cell(one, two, here, letters) for two in shown)
        row = "".join(f"{cell:>{wide}}" for cell in cells)
        yield f"{number:>{wide - 1}} {one:<{name_wide}}{row}"
    yield ""
    yield ". nothing, = itself"
    yield from (f"{letter} {ports}" for ports, letter in letters.items())
    if len(counted) > len(letters):
        yield f"{_OTHERS} something else: ask `vereflow reach FROM`"
    if len(names) > len(shown):
        yield f"the first {len(shown)} of {len(names)} pods: -o json has {MOST_LISTED}"


def _cell(one: str, two: str, found: Ports, letters: Mapping[str, str]) -> str:
    if one == two:
        return "="
    ports = found.get((one, two))
    return "." if ports is None else letters.get(ports, _OTHERS)
