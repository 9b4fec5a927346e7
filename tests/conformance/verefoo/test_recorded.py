"""The real Verefoo's answers, request by request: ours are the same but for ids and times.

``recorded.jsonl`` holds what release Dublin (commit 3f317731) answered, in order, a story after
the other: of an answer that is an error the names of its fields, of any other all that is not null
and no link. Where ours is ``kinder`` the real one loses, corrupts or refuses for no reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

Json = dict[str, Any]
HERE = Path(__file__).parent
RECORDED: list[Json] = [
    json.loads(line) for line in (HERE / "recorded.jsonl").read_text().splitlines()
]
STORIES = {exchange["story"]: None for exchange in RECORDED}
# Chosen by the store, and so by chance.
IDS = ("id", "longList")


class Replay:
    """Asks again what was asked, under the ids of this store."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._ids: dict[int, int] = {}

    async def differs(self, recorded: Json) -> list[str]:
        """Return in what the answer differs from the recorded one."""
        answer = await self._ask(recorded)
        told = _told(answer)
        wanted = recorded.get("told")
        if answer.status_code < 400 and isinstance(wanted, dict):
            told, wanted = _sorted(told), _sorted(wanted)
            self._learn(wanted, told)
            told, wanted = _without_ids(told), self._renamed(_without_ids(wanted))
        pairs = {
            "status": (answer.status_code, recorded["status"]),
            "type": (answer.headers.get("Content-Type"), recorded.get("type")),
            "closes": (answer.headers.get("Connection") == "close", recorded.get("closes", False)),
            "told": (told, wanted),
        }
        return [
            f"{what}: {ours}, not {theirs}"
            for what, (ours, theirs) in pairs.items()
            if ours != theirs
        ]

    async def _ask(self, recorded: Json) -> httpx.Response:
        path = "/".join(
            str(self._ids.get(int(part), part)) if part.isdigit() else part
            for part in recorded["path"].split("/")
        )
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        headers |= recorded.get("headers", {})
        if not headers["Content-Type"]:
            del headers["Content-Type"]
        body = recorded.get("body")
        content = body if isinstance(body, str | None) else json.dumps(self._renamed(body))
        return await self._http.request(recorded["method"], path, content=content, headers=headers)

    def _learn(self, recorded: Any, ours: Any) -> None:
        """Take in under which id this store holds what the other held under its own."""
        for theirs, mine in zip(_ids(recorded), _ids(ours), strict=False):
            self._ids[theirs] = mine

    def _renamed(self, told: Any) -> Any:
        if isinstance(told, list):
            return [self._renamed(each) for each in told]
        if isinstance(told, dict):
            return {
                key: self._ids.get(value, value) if key == "id" else self._renamed(value)
                for key, value in told.items()
            }
        return told


def _told(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    if "json" not in answer.headers.get("Content-Type", ""):
        return "text"
    told = answer.json()
    if answer.status_code >= 400:
        return sorted(told)
    return _without_nulls(told) or None


def _without_nulls(told: Any) -> Any:
    if isinstance(told, list):
        return [_without_nulls(each) for each in told]
    if isinstance(told, dict):
        return {
            key: _without_nulls(value)
            for key, value in told.items()
            if value is not None and key != "_links"
        }
    return told


def _sorted(told: Any) -> Any:
    """Order lists by what stands in them: the store keeps no order."""
    if isinstance(told, list):
        return sorted(map(_sorted, told), key=lambda each: json.dumps(_without_ids(each)))
    if isinstance(told, dict):
        return {key: told[key] if key in IDS else _sorted(told[key]) for key in sorted(told)}
    return told


def _without_ids(told: Any) -> Any:
    if isinstance(told, list):
        return [_without_ids(each) for each in told]
    if isinstance(told, dict):
        return {
            key: len(value) if key == "longList" else _without_ids(value)
            for key, value in told.items()
            if key != "id"
        }
    return told


def _ids(told: Any) -> Iterator[int]:
    if isinstance(told, list):
        for each in told:
            yield from _ids(each)
    elif isinstance(told, dict):
        for key, value in told.items():
            if key == "longList":
                yield from value
            elif key == "id":
                yield value
            else:
                yield from _ids(value)


@pytest.mark.parametrize("story", STORIES)
async def test_ours_answers_as_the_real_one_did(verefoo_url: str, story: str) -> None:
    async with httpx.AsyncClient(base_url=verefoo_url, trust_env=False) as http:
        replay = Replay(http)
        found = [
            f"{recorded['method']} {recorded['path']}: {'; '.join(differences)}"
            for recorded in RECORDED
            if recorded["story"] == story
            and "kinder" not in recorded
            and (differences := await replay.differs(recorded))
        ]

    assert found == []
