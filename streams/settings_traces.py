"""Where the traces of changes go, and how many."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from streams.settings_group import Group
from streams.settings_values import UrlOrNone, leaves_in_the_clear


class TraceSettings(Group):
    """Traces that follow changes from topic to topic."""

    endpoint: UrlOrNone = Field(
        default="",
        description="Where OTLP is taken over HTTP, such as http://127.0.0.1:4318; empty: nowhere.",
    )
    allow_remote_http: bool = Field(
        default=False, description="Whether plain http may go to another machine."
    )
    ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="How many of the traces that begin here are kept; others' are as they say.",
    )
    ca: Path | None = Field(
        default=None, description="PEM file of who vouches for it over https; None: certifi's."
    )
    headers_file: Path | None = Field(
        default=None, description="It is shown the lines NAME: VALUE of this file, as a login."
    )

    @model_validator(mode="after")
    def _stays_here(self) -> TraceSettings:
        clear = bool(self.endpoint) and leaves_in_the_clear(self.endpoint)
        if clear and self.headers_file is not None:
            raise ValueError("a login leaves this machine in the clear; set an https endpoint")
        if clear and not self.allow_remote_http:
            raise ValueError("plain http to another host; set traces.allow_remote_http to allow")
        return self
