"""The reference pages under docs/, each written from the code it is about."""

from __future__ import annotations

from tests.house.pages.commands import commands
from tests.house.pages.faults import faults
from tests.house.pages.inputs import inputs
from tests.house.pages.licences import licences
from tests.house.pages.metrics import metrics
from tests.house.pages.objects import objects
from tests.house.pages.reasons import reasons
from tests.house.pages.settings import settings
from tests.house.pages.tables import tables
from tests.house.pages.threats import threats
from tests.house.pages.topics import topics

PAGES = {
    "commands": commands,
    "settings": settings,
    "topics": topics,
    "tables": tables,
    "objects": objects,
    "metrics": metrics,
    "reasons": reasons,
    "faults": faults,
    "inputs": inputs,
    "threats": threats,
    "licences": licences,
}
