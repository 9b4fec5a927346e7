"""Every fuzz target, by its name."""

from __future__ import annotations

from tests.fuzz import answers, embedded, records, said

TARGETS = {
    target.name: target for each in (records, answers, said, embedded) for target in each.TARGETS
}
