"""What travels and what is kept, as the last release had it: names, shapes, and real bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from streams.codec import encode
from streams.topics import VOCABULARY
from tables.catalog import CATALOG
from tests.fuzz.records import TYPES, as_sent_on, real_records
from tests.released.refusing import REF, bare

Json = dict[str, Any]

FILE = Path(__file__).with_name("records.json")


def present() -> Json:
    """Return what this version has."""
    names, told = models_json_schema([(each, "validation") for each in TYPES])
    assert all(names[each, "validation"] == {"$ref": REF + each.__name__} for each in TYPES)
    written = map(as_sent_on, real_records())
    return {
        "topics": {name: each.record.__name__ for name, each in VOCABULARY.items()},
        "tables": {name: each.row.__name__ for name, each in CATALOG.items()},
        "shapes": {name: bare(each) for name, each in told["$defs"].items()},
        "written": [[type(each).__name__, encode(each).decode()] for each in written],
    }


def released() -> Json:
    """Return what the last release had."""
    found: Json = json.loads(FILE.read_text())
    return found
