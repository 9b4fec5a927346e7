"""Every topic, from the vocabulary and from what the hands say that they read and write."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from streams.flow.output import DEAD_LETTERS, KEY_FRAMES, POLICY_PATCHES
from streams.settings import ClusterSettings, Settings
from streams.topics import VOCABULARY, names, specs
from tests.house.hands import ROOT, Hand, hands, plain
from tests.house.pages.markdown import code, link, page, table

INTRO = """
Everything that travels. `vereflow init` creates each topic, and a changelog for each
[table](tables.md); `up` and `demo` do so for themselves. A worker does not start on topics that are
not as they must be. A name at the broker begins with `kafka.prefix`, which is empty by default. All
have `kafka.partitions` partitions, so that one worker holds what belongs together, but for
`installation`, in which an installation remembers how often its topics began anew.
[Settings](settings.md) has the numbers.
""".strip()
FOREIGN = """
A pod event or a firewall's change under another key than the one that is named here is sent once
more under its own, before anything is made of it. Records are JSON in camelCase; a field that is
not known is ignored, one that says what it cannot say makes a [dead letter](reasons.md).
""".strip()


def topics() -> str:
    """Return the page of topics."""
    said = hands()
    rows = [
        (
            code(shown(name)),
            carried.key,
            f"[{carried.record.__name__}](#{carried.record.__name__.lower()})",
            writers(name, said),
            ", ".join(link(hand.name, label(hand)) for hand in said if name in _topics(hand.reads)),
            carried.what,
        )
        for name, carried in VOCABULARY.items()
    ]
    kept = table(("topic", "partitions", "kept"), _kept())
    return page(
        "Topics",
        INTRO,
        table(("topic", "key", "record", "written by", "read by", "what it is for"), rows),
        FOREIGN,
        "## How they are kept",
        kept,
        "## Records",
        *_records(),
    )


def shown(name: str) -> str:
    """Return a topic's name as people read it."""
    return f"{name}.<cluster>" if name == POLICY_PATCHES else name


def label(hand: Hand) -> str:
    """Return how a hand is called."""
    return hand.path.stem


def writers(name: str, said: list[Hand]) -> str:
    """Return who writes to a topic."""
    if name == DEAD_LETTERS:
        return f"every agent, by {link('agents/handling.py', 'handling')}; " + _writing(name, said)
    return _writing(name, said)


def _writing(name: str, said: list[Hand]) -> str:
    return ", ".join(link(hand.name, label(hand)) for hand in said if name in _topics(hand.writes))


def _topics(named: frozenset[str]) -> set[str]:
    return {plain(name) for name in named}


def _kept() -> Iterator[tuple[str, str, str]]:
    # Of pods there are fewer.
    settings = Settings(cluster=ClusterSettings(identity="workload"))
    by_broker = {broker: name for name, broker in names(settings).items()}
    for spec in specs(settings, ()):
        name = by_broker.get(spec.name, spec.name).partition(".")[0]
        kept = "the newest of each key, for ever" if spec.compacted else "`kafka.retention_hours`"
        if name == KEY_FRAMES:
            kept += " and twice `kafka.frame_minutes`"
        partitions = "1" if spec.partitions == 1 else "`kafka.partitions`"
        yield code(shown(name)), partitions, kept
    yield "a table's changelog", "`kafka.partitions`", "the newest of each key, for ever"


def _records() -> Iterator[str]:
    for record in dict.fromkeys(carried.record for carried in VOCABULARY.values()):
        source = inspect.getsourcefile(record)
        assert source is not None
        path = link(source.removeprefix(f"{ROOT}/"))
        yield f"### {record.__name__}"
        yield (inspect.getdoc(record) or "").replace("``", "`")
        yield f"From {path}:"
        yield table(("field", "value"), _fields(record))


def _fields(record: Any) -> Iterator[tuple[str, str]]:
    schema = record.model_json_schema(by_alias=True)
    needed = schema.get("required", [])
    for name, field in schema["properties"].items():
        yield code(name), _value(field) + (", needed" if name in needed else "")


def _value(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(_value(each) for each in field["anyOf"])
    words = {
        "string": "text",
        "integer": "number",
        "boolean": "true or false",
        "null": "none",
        "array": "list",
    }
    if field.get("type") == "array" and "items" in field:
        return f"list of {_value(field['items'])}"
    return words.get(field.get("type", ""), field.get("type", "anything"))
