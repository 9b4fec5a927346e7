"""Read a file of settings, strictly: YAML without aliases, and each name once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

MAX_FILE_BYTES = 1 << 20


class _NotAllowed(yaml.MarkedYAMLError):
    """YAML, but of a kind that settings are not written in."""


class _StrictLoader(yaml.SafeLoader):
    """YAML without duplicate keys, of which the last would win in silence, and without aliases.

    Ten lines of aliases to aliases become more than a machine can hold.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _NotAllowed(problem="an alias", problem_mark=self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise _NotAllowed(problem="a name that is no text", problem_mark=node.start_mark)
        doubled = sorted(key for key, times in Counter(keys).items() if times > 1)
        if doubled:
            said = f"{', '.join(doubled)[:200]} twice"
            raise _NotAllowed(problem=said, problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_file(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings; raise ValueError with what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    try:
        told = yaml.load(content, Loader=_StrictLoader)
    except Exception as error:
        # A bad date or an empty number fails in ways of its own.
        raise ValueError(f"{path}: not YAML as settings are written{_where(error)}") from None
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise ValueError(f"{path}: settings are a mapping of names")
    return told


def _where(error: Exception) -> str:
    # The parser's own words may repeat a part of the text, and that part may be a password.
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ""
    words = f": {error.problem}" if isinstance(error, _NotAllowed) else ""
    return f"{words} at line {mark.line + 1}, column {mark.column + 1}"
