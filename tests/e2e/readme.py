"""What the README lets one type: its blocks, and which of them it says that nobody types."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
NOT_TYPED = "# not typed by a test: "


def blocks() -> list[list[str]]:
    """Return the lines of every block, without their indent."""
    found = re.findall(r"(?:^    .*\n)+", README.read_text(), re.MULTILINE)
    return [[line[4:] for line in block.splitlines()] for block in found]


def is_typed(block: list[str]) -> bool:
    """Tell whether a block does not say of itself why it is not typed."""
    return not block[0].startswith(NOT_TYPED)


def statements(block: list[str]) -> Iterator[str]:
    """Yield what a shell takes for one command each."""
    pending: list[str] = []
    for line in block:
        pending.append(line)
        text = "\n".join(pending)
        if not line.endswith("\\") and _is_whole(text):
            yield text
            pending = []
    assert not pending, pending


def _is_whole(text: str) -> bool:
    return subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0
