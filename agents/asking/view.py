"""What an answer is: attributes for whoever words it, camelCase for programs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


def short(key: str) -> str:
    """Return a key without the cluster, as people name things."""
    return key.partition("/")[2]
