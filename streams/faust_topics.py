"""Declare the topics on an app."""

from __future__ import annotations

import faust

from streams.faust_codec import FaustKey, faust_type
from streams.settings import Settings
from streams.topics import VOCABULARY, Topics, names


def declare(app: faust.App, settings: Settings) -> Topics:
    """Declare every topic on the app, with the codec of what it carries."""
    partitions = settings.kafka.partitions
    declared = {}
    for plain, name in names(settings).items():
        record_type = VOCABULARY[plain.partition(".")[0]].record
        declared[plain] = app.topic(
            name, key_type=FaustKey, value_type=faust_type(record_type), partitions=partitions
        )
    return Topics(declared)
