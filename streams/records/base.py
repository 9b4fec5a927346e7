"""The one base of all records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    """A fact that never changes: frozen, camelCase on the wire, newer fields ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        ser_json_inf_nan="null",
    )

    def to_bytes(self) -> bytes:
        """Return the record as it travels."""
        return self.model_dump_json(by_alias=True).encode()
