"""Where settings come from: arguments win over the environment, and that over the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)

from streams.settings_file import read_file

Source = PydanticBaseSettingsSource


def sources(of: type[BaseSettings], arguments: Source) -> tuple[Source, ...]:
    """Return the sources, the strongest first; raise ValueError for a file that cannot be read."""
    path = os.environ.get("VEREFLOW_CONFIG")
    told = read_file(Path(path)) if path else {}
    return (arguments, Environment(of), InitSettingsSource(of, told))


class Environment(EnvSettingsSource):
    """The environment, whose JSON says no name twice: the last would win in silence."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return what the JSON of a list or of a group says."""
        return json.loads(value, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice in one object")
    return found
