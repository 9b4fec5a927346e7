"""Whatever a stranger writes into a field, what is said of it is one short and plain line."""

from __future__ import annotations

import pytest

from agents.clients.api_answers import LONGEST_MESSAGE, error_of
from agents.outlet import Outlet
from streams.codec import MAX_DETAIL
from streams.flow.output import DEAD_LETTERS, FIREWALL_CHANGES, POD_EVENTS
from streams.records.cause import Source
from tests.inputs.pipeline import GRAPH, Pipeline
from tests.inputs.rows import FULL, RULE, change, raw
from tests.inputs.texts import TEXTS
from tests.unit.agents.handled import Topics

SOURCE = Source(topic="pod-events", partition=0, offset=7)
OF_PODS = [*FULL, "node", "phase", "serviceAccount", "cluster", "resourceVersion"]
OF_CHANGES = ["graph", "firewall", "defaultAction", "elements"]


@pytest.mark.row("L")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_what_a_letter_says_of_a_text_is_short_and_plain(
    pipeline: Pipeline, text: str
) -> None:
    for field in OF_PODS:
        pipeline.feed(POD_EVENTS, raw(FULL | {field: text}), text)
    for field in RULE:
        pipeline.feed(FIREWALL_CHANGES, change(RULE | {field: text}), GRAPH)
    for field in OF_CHANGES:
        pipeline.feed(FIREWALL_CHANGES, change(RULE, **{field: text}), GRAPH)

    topics = Topics()
    outlet = Outlet(topics)  # type: ignore[arg-type]
    for refusal in pipeline.refusals:
        await outlet.bury(SOURCE, b"", refusal.reason, refusal.detail)

    details = [each["value"].detail for each in topics.of(DEAD_LETTERS)]
    assert len(details) > len(RULE)
    assert max(map(len, details)) <= MAX_DETAIL
    assert all(detail.isascii() and detail.isprintable() for detail in details)


@pytest.mark.row("L")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_is_said_of_an_answer_is_one_short_line(text: str) -> None:
    said = str(error_of("GET /x", 500, text.encode("utf-8", "surrogatepass"), {}))

    assert len(said) <= LONGEST_MESSAGE
    assert len(said.splitlines()) == 1
