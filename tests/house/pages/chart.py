"""What the chart repeats of the code: its schema of values, its topics, its README's table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from streams.flow.output import IDENTITY_FACTS, KEY_FRAMES, POLICY_PATCHES
from streams.settings import Settings
from streams.topics import VOCABULARY, installation_topic, specs
from streams.topicspec import TopicSpec
from tables.catalog import CATALOG, IDENTITIES, tables_of
from tests.house.pages.markdown import code, table

Json = dict[str, Any]

CHART = Path(__file__).parents[3] / "deploy/helm/vereflow"
# What follows from the pod and its volumes, and so is not for people to set.
BY_THE_CHART = {
    "": ("state_dir",),
    "KafkaSettings": ("ca", "password_file"),
    "ClusterSettings": ("kubeconfig", "context", "own_namespace"),
    "VerefooSettings": ("ca", "token_file"),
    "TraceSettings": ("ca", "headers_file"),
    "WebSettings": (
        *("probe_port", "host", "name", "enabled"),
        *("token_file", "certificate", "key", "ca", "proxy_token_file"),
    ),
}
# Of which a default does not show what else may be said; anything may in those that are objects.
_BOUNDS: dict[str, Json] = {
    "settings": {"$ref": "#/$defs/Settings"},
    "image.digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "replicas": {"minimum": 1, "maximum": 256},
    "init.backoffLimit": {"minimum": 0},
    "persistence.whenGone": {"enum": ["Delete", "Retain"]},
    "resources": {"type": "object"},
    "user": {"minimum": 1},
    "probePort": {"minimum": 1, "maximum": 65535},
    "terminationGracePeriodSeconds": {"minimum": 30},
    "podDisruptionBudget.maxUnavailable": {"type": ["integer", "string"]},
    "dashboard.labels": {"type": "object"},
}
_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array"}
_WRITTEN = "Written by `make docs` from the code: change it there."
_BEGIN = "<!-- The table below is written by `make docs` from values.yaml: change it there. -->\n\n"


def values_schema() -> str:
    """Return values.schema.json: the types of the defaults, and the settings as they are."""
    told = _settings_schema()
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": _WRITTEN,
        **_schema_of(values(), ""),
        "$defs": {**told.pop("$defs"), "Settings": told},
    }
    # Helm's own, for charts within charts.
    schema["properties"]["global"] = {"type": "object"}
    return json.dumps(schema, indent=1) + "\n"


def chart_topics() -> str:
    """Return files/topics.yaml: every topic of `vereflow init`, and the settings they hang on."""
    settings = Settings()
    by_name = {spec.name: spec for spec in specs(settings, tables_of(settings))}
    kept = {_without_retention(by_name[name]) for name in by_name if not by_name[name].compacted}
    compacted = {_config(each) for each in by_name.values() if each.compacted}
    (of_kept,), (of_compacted,) = kept, compacted
    kafka = ("prefix", "app_id", "partitions", "replication", "retention_hours", "frame_minutes")
    content = {
        "settings": {
            "kafka": settings.kafka.model_dump(include=set(kafka)),
            "cluster": settings.cluster.model_dump(include={"name", "identity"}),
        },
        "kept": {"config": dict(of_kept), "topics": list(VOCABULARY)},
        "framed": KEY_FRAMES,
        "perCluster": POLICY_PATCHES,
        "installation": installation_topic(settings),
        "compacted": {"config": dict(of_compacted), "tables": list(CATALOG)},
        # Which are not there where nodes are pods.
        "ofIdentities": [IDENTITY_FACTS, IDENTITIES],
    }
    return f"# {_WRITTEN}\n{yaml.safe_dump(content, sort_keys=False)}"


def chart_readme() -> str:
    """Return the chart's README, with the table of its values written anew."""
    text = (CHART / "README.md").read_text()
    above, _, _ = text.partition(_BEGIN)
    rows = ((code(name), _shown(default), what) for name, default, what in described())
    return f"{above}{_BEGIN}{table(('value', 'default', 'meaning'), rows)}\n"


def values() -> Json:
    """Return the default values."""
    found: Json = yaml.safe_load((CHART / "values.yaml").read_text())
    return found


def described() -> Iterator[tuple[str, Any, str]]:
    """Yield each value with its default and the comment above it."""
    comment: list[str] = []
    path: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if match := re.fullmatch(r"( *)# (.*)", line):
            comment.append(match[2])
        elif match := re.match(r"( *)([A-Za-z]+):", line):
            path[len(match[1]) // 2 :] = [match[2]]
            default = _at(path)
            if not isinstance(default, dict) or not default or "{" in line or path == ["settings"]:
                yield ".".join(path), default, " ".join(comment)
            comment = []
        else:
            comment = []


def _at(path: list[str]) -> Any:
    found: Any = values()
    for name in path:
        found = found[name]
    return found


def _shown(default: Any) -> str:
    return code(json.dumps(default))


def _schema_of(value: Any, path: str) -> Json:
    bounds = _BOUNDS.get(path, {})
    if "$ref" in bounds or "type" in bounds:
        return bounds
    if not isinstance(value, dict):
        return {"type": _TYPES[type(value)], **bounds}
    if not value:
        return {"type": "object"}
    inner = {
        name: _schema_of(each, f"{path}.{name}".removeprefix(".")) for name, each in value.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": inner}


def _settings_schema() -> Json:
    schema = Settings.model_json_schema()
    for name, part in {"": schema, **schema["$defs"]}.items():
        for each in BY_THE_CHART.get(name, ()):
            del part["properties"][each]
    bare: Json = _without_titles(schema)
    return bare


def _without_titles(part: Any) -> Any:
    """Return a schema without what repeats its names, and without defaults: Helm heeds none."""
    if isinstance(part, list):
        return [_without_titles(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _without_titles(each)
        for name, each in part.items()
        if not (name in ("title", "default") and not isinstance(each, dict))
    }


def _config(spec: TopicSpec) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(spec.configs.items()))


def _without_retention(spec: TopicSpec) -> tuple[tuple[str, str], ...]:
    return tuple(each for each in _config(spec) if each[0] != "retention.ms")
