"""Describe the JSON twins of the pages: OpenAPI, from what the pages declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Protocol

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from agents.asking.letters import Doing

REF = "#/components/schemas/{model}"
_NAME = re.compile(r"\{(\w+)(?::[^}]+)?\}")

Json = dict[str, Any]


class Described(Protocol):
    """What of a page is described."""

    @property
    def path(self) -> str:
        """Where it lies."""

    @property
    def asked(self) -> type[BaseModel]:
        """What may be asked of it."""

    @property
    def answers(self) -> type[BaseModel]:
        """What it answers."""

    @property
    def summary(self) -> str:
        """What it is about."""


def describe(pages: Iterable[Described], writable: bool, login: bool) -> Json:
    """Return the document; where pages are writable, with what may be done to dead letters.

    Where there is a login, with how a program shows the token.
    """
    every = list(pages)
    answers = [(page.answers, "serialization") for page in every]
    names, schemas = models_json_schema(answers, by_alias=True, ref_template=REF)  # type: ignore[arg-type]
    paths: dict[str, Json] = {}
    for page in every:
        schema = names[page.answers, "serialization"]
        paths[twin_of(page.path)] = {"get": _operation(page, schema)}
    if writable:
        paths["/dead-letters.json"]["post"] = _MENDING
    if login:
        for path in paths.values():
            for operation in path.values():
                operation["responses"] = {**operation["responses"], **_TURNED_AWAY}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vereflow",
            "version": version("vereflow"),
            "description": "What a running vereflow shows: any worker answers for all of them.",
        },
        "paths": paths,
        "components": {"schemas": schemas["$defs"], **(_SCHEMES if login else {})},
        **({"security": [{"token": []}]} if login else {}),
    }


def twin_of(path: str) -> str:
    """Return the path of a page's twin, as OpenAPI spells it."""
    return "/overview.json" if path == "/" else _NAME.sub(r"{\1}", path) + ".json"


def _operation(page: Described, schema: Json) -> Json:
    return {
        "summary": page.summary,
        "operationId": page.answers.__name__[0].lower() + page.answers.__name__[1:],
        "parameters": [*_parameters(page)],
        "responses": {
            "200": {
                "description": page.summary,
                "content": {"application/json": {"schema": schema}},
            },
            "400": {"description": "What was asked cannot be asked; `error` says why."},
            "404": {"description": "There is no such thing."},
            "503": {"description": "Not found, and not everything is known at this moment."},
        },
    }


_MENDING: Json = {
    "summary": "Send the record of a dead letter once more, or drop the letter.",
    "operationId": "mend",
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["do", "key"],
                    "properties": {
                        "do": {"type": "string", "enum": [*Doing]},
                        "key": {"type": "string", "description": "As the list has it."},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {"description": "It is done."},
        "400": {"description": "That cannot be done; `error` says why."},
        "403": {"description": "A page of somebody else asked."},
        "409": {"description": "The letter stays; `error` says why, and what to do instead."},
        "503": {"description": "It is not known whether it was done."},
    },
}


_SCHEMES: Json = {
    "securitySchemes": {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "What `web.token_file` of the workers holds.",
        }
    }
}
_TURNED_AWAY: Json = {
    "401": {"description": "The token is asked for."},
    "429": {"description": "Too many wrong tokens; `Retry-After` says for how many seconds."},
}


def _parameters(page: Described) -> Iterator[Json]:
    schema = page.asked.model_json_schema(by_alias=True)
    in_path = set(_NAME.findall(page.path))
    for name, told in schema.get("properties", {}).items():
        kept = {key: each for key, each in told.items() if key not in ("title", "description")}
        yield {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in schema.get("required", ()),
            "description": told.get("description", f"The {name}."),
            "schema": kept,
        }
