"""What a replay came to, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml
from rich.table import Table

from agents.asking.naming import named
from deploy.cli.differing import FLOW_HEADERS, Difference, flow_cells
from deploy.cli.past import Picture
from deploy.cli.replaying import Past
from deploy.cli.showing import more, table
from streams.policy.reach import Reach
from streams.records.cause import Cause

Json = dict[str, Any]

_POD_HEADERS = ("POD", "ADDRESS", "CAUSE", "REACHES")
_CHANGE_HEADERS = ("AT", "FACT", "POLICY", "CHANGE", "CAUSE", "SAID")
# Of each kind; -o json has all.
_MOST_SHOWN = 50


class Replayed(NamedTuple):
    """Everything a replay can be asked: ``changes`` on the way, ``difference`` from something."""

    past: Past
    picture: Picture
    rules: list[Json]
    changes: list[Json] | None = None
    difference: Difference | None = None

    def as_data(self) -> Json:
        """Return it as plain data; another version reads pods and policies of it again."""
        causes, policies = self._causes(), self.picture.policies
        content: Json = {
            "replay": self.past.as_data(),
            "pods": _manifests(self.picture.pods),
            "rules": self.rules,
            "policies": [
                {**each, "cause": _cause(causes.get(each["name"]))} for each in _manifests(policies)
            ],
            "reach": [
                {"from": source, "to": destination, "ports": Reach(ports).text}
                for source, destination, ports in self.picture.flows
            ],
        }
        if self.changes is not None:
            content["changes"] = self.changes
        if self.difference is not None:
            content["difference"] = self.difference.as_data()
        return content

    def page(self) -> Iterator[str | Table]:
        """Yield what people want to see of it."""
        if self.changes:
            yield table(_CHANGE_HEADERS, map(_change_cells, self.changes[:_MOST_SHOWN]))
            yield from more(len(self.changes), _MOST_SHOWN)
        if self.difference is not None:
            if self.difference.flows:
                yield table(FLOW_HEADERS, map(flow_cells, self.difference.flows))
            yield self.difference.counted
        else:
            rows = list(self._pod_rows())
            yield table(_POD_HEADERS, rows[:_MOST_SHOWN])
            yield from more(len(rows), _MOST_SHOWN)
        yield self._summary()

    def whole(self, name: str) -> Iterator[str]:
        """Yield the policies of this name whole; raise ValueError if there is none."""
        policies = self.picture.policies
        found = named(policies, name)
        if not found:
            raise ValueError(f"no policy {name!r} at that moment")
        for each in found:
            yield "---"
            yield yaml.safe_dump(policies[each], sort_keys=False).rstrip()

    def _causes(self) -> dict[str, Cause | None]:
        patches = self.past.replay.patches()
        return {key.partition("/")[2]: patch.cause for key, patch in patches.items()}

    def _pod_rows(self) -> Iterator[tuple[object, ...]]:
        causes = self._causes()
        reached: dict[str, list[str]] = {name: [] for name in self.picture.pods}
        for source, destination, ports in self.picture.flows:
            reached[source].append(f"{destination.partition('/')[2]} {Reach(ports).text}")
        for name, pod in self.picture.pods.items():
            cause, address = causes.get(name), pod["status"]["podIP"]
            place = cause.text if cause else "-"
            yield (name, address, place, "; ".join(reached[name]) or "-")

    def _summary(self) -> str:
        told = self.past.as_data()
        began = "the beginning" if told["frame"] is None else f"key frame {told['frame']}"
        at = f" of {told['at']}" if told["at"] else ""
        pods, policies = len(self.picture.pods), len(self.picture.policies)
        return (
            f"{pods} pods, {len(self.rules)} rules, {policies} policies after fact"
            f" {told['fact']}{at}: {told['facts']} facts from {began}"
        )


def _manifests(objects: Mapping[str, Mapping[str, Any]]) -> list[Json]:
    return [{"name": name, "manifest": each} for name, each in objects.items()]


def _cause(cause: Cause | None) -> Json | None:
    return cause.model_dump(mode="json") if cause is not None else None


def _change_cells(change: Mapping[str, Any]) -> tuple[object, ...]:
    place, words = Cause.model_validate(change["cause"]).text, change["cause"]["said"]
    return (change["at"], change["fact"], change["policy"], change["change"], place, words)
