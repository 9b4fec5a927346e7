"""Keep a copy of all objects of one kind, by listing and watching."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import structlog
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_kube_config

Json = dict[str, Any]

_RETRY_SECONDS = 0.5
# A watch ends before its silence is one: where nothing changes there are no bookmarks.
_WATCH_SECONDS = 60
_SILENCE = aiohttp.ClientTimeout(sock_connect=5.0, sock_read=75.0)
_PASSING = (aiohttp.ClientError, ConfigException, OSError, ValueError, LookupError)
_log = structlog.get_logger()


class Mirror:
    """The objects under one path of an API server, by uid; whole once ``complete``."""

    def __init__(self, kubeconfig: Path, path: str, changed: Callable[[], None]) -> None:
        self.complete = False
        self._kubeconfig = kubeconfig
        self._path = path
        self._changed = changed
        self._held: dict[str, Json] = {}

    @property
    def objects(self) -> list[Json]:
        """The objects as last seen; what is old is still there until the next listing is whole."""
        return list(self._held.values())

    async def follow(self) -> None:
        """Stay true until cancelled; after any break begin again with a listing."""
        while True:
            try:
                # Read each time: tokens and servers change.
                async with await _client(self._kubeconfig) as client:
                    version = await self._list(client)
                    while True:
                        version = await self._watch(client, version)
            except _PASSING as error:
                _log.info("listing again", path=self._path, why=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _list(self, client: ApiClient) -> str:
        response = await self._get(client)
        async with response:
            told = json.loads(await response.read())
        self._held = {each["metadata"]["uid"]: each for each in told["items"]}
        self.complete = True
        self._changed()
        return str(told["metadata"]["resourceVersion"])

    async def _watch(self, client: ApiClient, version: str) -> str:
        """Follow changes until the server ends the watch; return the version seen last."""
        response = await self._get(
            client,
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=version,
            timeoutSeconds=str(_WATCH_SECONDS),
        )
        async with response:
            begun = bytearray()
            async for chunk in response.content.iter_any():
                *lines, begun = (begun + chunk).split(b"\n")
                for line in filter(None, lines):
                    version = self._hear(json.loads(line))
        return version

    def _hear(self, event: Json) -> str:
        kind, told = event["type"], event["object"]
        if kind == "ERROR":
            raise ValueError(told.get("message") or "the watch broke off")
        about = told["metadata"]
        if kind == "DELETED":
            self._held.pop(about["uid"], None)
        elif kind != "BOOKMARK":
            self._held[about["uid"]] = told
        if kind != "BOOKMARK":
            self._changed()
        return str(about["resourceVersion"])

    async def _get(self, client: ApiClient, **query: str) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json"}
        await client.update_params_for_auth(headers, [], ["BearerToken"], self._path, "GET", None)
        url = f"{client.configuration.host}{self._path}?{urlencode(query)}"
        answered = await client.rest_client.request(
            "GET", url, headers=headers, _request_timeout=_SILENCE
        )
        response: aiohttp.ClientResponse = answered.response
        response.raise_for_status()
        return response


async def _client(kubeconfig: Path) -> ApiClient:
    configuration = Configuration()
    await load_kube_config(str(kubeconfig), None, configuration, False)
    return ApiClient(configuration)
