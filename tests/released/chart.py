"""What the chart of the last release made of two installations: one of little, one of all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.chart.cases import ASKS, BASE, over
from tests.integration.chart.rendering import Ask, render

Json = dict[str, Any]

FILE = Path(__file__).with_name("chart.json")
# Strimzi's user is called like the release.
USER = {"settings": {"kafka": {"user": "much-vereflow"}}}
INSTALLED = {"little": BASE, "much": over(ASKS["all"].values, USER)}


def present() -> Json:
    """Return the values, and the objects that this version's chart makes of them."""
    found = render(*(Ask(values, release) for release, values in INSTALLED.items()))
    assert all(each.error == "" for each in found)
    return {
        release: {"values": values, "objects": each.objects}
        for (release, values), each in zip(INSTALLED.items(), found, strict=True)
    }


def released() -> Json:
    """Return what the last release made, of the values that it was told then."""
    found: Json = json.loads(FILE.read_text())
    return found
