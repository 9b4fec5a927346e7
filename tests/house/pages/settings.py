"""Every setting, from the classes that read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from streams.settings import Settings
from streams.settings_group import Group
from tests.house.pages.markdown import code, page, table

INTRO = """
What a worker and every command can be told. Each setting has a name in the environment and a place
in a YAML file, which `VEREFLOW_CONFIG` names; the environment wins. An unknown name is an error in
both, and so is a value that means nothing. Lists are written as JSON in the environment:
`VEREFLOW_CLUSTER__NAMESPACES='["shop","bank"]'`.
""".strip()
FILE = """
```yaml
kafka:
  broker: kafka.example:9092
cluster:
  namespaces: [shop, bank]
```
""".strip()
HEADERS = ("environment", "file", "value", "default", "meaning")
OTHERS = {
    "CONFIG": "The YAML file of settings.",
    "ENDPOINTS": "The file that `vereflow up --endpoints` wrote: commands ask what it names.",
    "WEB_URLS": "The workers' web servers that commands ask, separated by spaces.",
}


def settings() -> str:
    """Return the page of settings."""
    alone = [*_rows(Settings, "", lambda kind: not _is_group(kind))]
    parts = [INTRO, FILE, "## Of the installation", table(HEADERS, alone)]
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            parts += [f"## {name}", first_line(group), table(HEADERS, _rows(group, f"{name}."))]
    parts += ["## In the environment only", table(("environment", "meaning"), _others())]
    return page("Settings", *parts)


def first_line(thing: Any) -> str:
    """Return the first line of what a class says of itself."""
    return (thing.__doc__ or "").strip().splitlines()[0]


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Group)


def _rows(
    model: type[BaseModel], prefix: str, wanted: Any = lambda _: True
) -> Iterator[tuple[str, ...]]:
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        if wanted(field.annotation):
            path = f"{prefix}{name}"
            variable = f"VEREFLOW_{path.replace('.', '__').upper()}"
            kind = _kind(schema["properties"][name], schema.get("$defs", {}))
            default = _default(field.default)
            yield (code(variable), code(path), kind, default, field.description or "")


def _default(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(", ".join(value) if isinstance(value, tuple) else value)


def _kind(schema: dict[str, Any], known: dict[str, Any]) -> str:
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return " or ".join(_kind(each, known) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(map(code, schema.get("enum", [schema.get("const")])))
    words = {"string": "text", "integer": "number", "array": "list", "null": "none"}
    kind = "path" if schema.get("format") == "path" else schema["type"]
    bounds = [
        f"{word} {schema[name]:g}"
        for name, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
        )
        if name in schema
    ]
    return " ".join([words.get(kind, "yes or no" if kind == "boolean" else kind), *bounds])


def _others() -> Iterator[tuple[str, str]]:
    for name, meaning in OTHERS.items():
        yield code(f"VEREFLOW_{name}"), meaning
