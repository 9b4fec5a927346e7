"""Faust carries records and keys through topics and tables without a decode error."""

from __future__ import annotations

from pathlib import Path

import faust
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.app import KafkaOptions, create_app
from streams.codec import KEY_MARK, Poison
from streams.faust_codec import FaustKey, KeyCodec, faust_type
from streams.records.base import Record


class Thing(Record):
    pod_name: str


@pytest.fixture
def app(tmp_path: Path) -> faust.App:
    options = KafkaOptions("127.0.0.1:1", "codec-test", tmp_path, partitions=1, web_port=None)
    app = create_app(options, store="memory://")
    app.finalize()
    return app


def test_topics_and_tables_write_the_same_bytes(app: faust.App) -> None:
    topic = app.topic("things", key_type=FaustKey, value_type=faust_type(Thing))
    table = app.Table("t", key_type=FaustKey, value_type=faust_type(Thing), partitions=1)

    key, headers = topic.prepare_key("a/b/ü", None)
    value, _ = topic.prepare_value(Thing(pod_name="web"), headers)

    changelog = table.changelog_topic
    assert key == "a/b/ü".encode()
    assert value == b'{"podName":"web"}'
    assert changelog.prepare_key("a/b/ü", None)[0] == key
    assert changelog.prepare_value(Thing(pod_name="web"), None)[0] == value


@pytest.mark.parametrize("raw", [b"", b"[", b"\xff", b'{"podName":1}'])
def test_a_topic_delivers_poison_instead_of_raising(app: faust.App, raw: bytes) -> None:
    topic = app.topic("things", key_type=FaustKey, value_type=faust_type(Thing))

    value = app.serializers.loads_value(
        topic.schema.value_type, raw, serializer=topic.schema.value_serializer
    )

    assert isinstance(value, Poison)
    assert value.raw == raw


def test_a_topic_delivers_a_tombstone_as_none(app: faust.App) -> None:
    topic = app.topic("things", key_type=FaustKey, value_type=faust_type(Thing))

    value = app.serializers.loads_value(
        topic.schema.value_type, None, serializer=topic.schema.value_serializer
    )

    assert value is None
    assert topic.prepare_value(None, None)[0] is None


def test_a_record_without_key_has_the_key_none(app: faust.App) -> None:
    topic = app.topic("things", key_type=FaustKey, value_type=faust_type(Thing))

    key = app.serializers.loads_key(
        topic.schema.key_type, None, serializer=topic.schema.key_serializer
    )

    assert key is None


@given(st.text())
def test_every_text_key_comes_back(key: str) -> None:
    assert (
        KeyCodec().loads(KeyCodec().dumps(key)) == key.encode("utf-8", "backslashreplace").decode()
    )


@given(st.binary())
def test_every_key_can_be_read_and_written_again(raw: bytes) -> None:
    key = KeyCodec().loads(raw)

    assert isinstance(key, str)
    assert isinstance(KeyCodec().dumps(key), bytes)


def test_keys_that_are_not_text_are_marked_and_stay_apart() -> None:
    first, second = KeyCodec().loads(b"\xff"), KeyCodec().loads(b"\xfe")

    assert first.startswith(KEY_MARK)
    assert first != second
