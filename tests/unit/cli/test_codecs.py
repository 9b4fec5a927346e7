"""Nothing that travels or rests is pickled: everything has a codec of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams import faust_topics, topics
from streams.app import KafkaOptions, create_app
from streams.faust_codec import KeyCodec, RecordCodec
from streams.settings import load
from tables import catalog, faust_tables


@pytest.mark.row("G13", "E42")
def test_every_topic_and_table_has_a_codec_that_runs_nothing_it_reads(tmp_path: Path) -> None:
    settings = load(cluster={"identity": "workload"})
    app = create_app(KafkaOptions("127.0.0.1:9", "test", tmp_path), store="memory://")
    tables = faust_tables.declare(app, 1, catalog.tables_of(settings)).by_name.values()

    declared = [
        *faust_topics.declare(app, settings).by_name.values(),
        *(table.changelog_topic for table in tables),
    ]

    assert len(declared) == len(topics.VOCABULARY) + len(catalog.CATALOG)
    assert {type(each.schema.key_serializer) for each in declared} == {KeyCodec}
    assert {type(each.schema.value_serializer) for each in declared} == {RecordCodec}
    assert (app.conf.key_serializer, app.conf.value_serializer) == ("raw", "json")
