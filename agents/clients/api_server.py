"""JSON to and from one API server, over the official package's configuration and connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from agents.clients.api_answers import bounded, error_of
from agents.clients.errors import Refused, TryLater
from agents.tracing import calling
from streams.settings_values import leaves_in_the_clear

Json = dict[str, Any]

DEADLINE_SECONDS = 30.0
# A page of 250 pods is below 1 MB; one object is at most 3 MB.
LARGEST_ANSWER = 64 * 1024 * 1024
LARGEST_LINE = 8 * 1024 * 1024
APPLY = "application/apply-patch+yaml; charset=utf-8"
STEPS = "application/json-patch+json"
MERGE = "application/merge-patch+json"
_JSON = "application/json"
_CONNECT_SECONDS = 5.0
_CONNECTIONS = 100
_REDIRECTS = (301, 302, 303, 307, 308)
_SILENCE = (aiohttp.ClientError, ConfigException, OSError, ValueError)

Load = Callable[[], Awaitable[ApiClient]]


class _Request(NamedTuple):
    method: str
    path: str
    query: Mapping[str, str]
    body: Json | list[Json] | None
    content_type: str
    timeout: aiohttp.ClientTimeout

    @property
    def tried(self) -> str:
        return f"{self.method} {self.path}"

    async def send(self, client: ApiClient) -> aiohttp.ClientResponse:
        headers = {
            "Accept": _JSON,
            "Content-Type": self.content_type,
            "User-Agent": "vereflow",
        }
        await client.update_params_for_auth(
            headers, [], ["BearerToken"], self.path, self.method, None
        )
        # A file with a token in it mostly ends with a newline, which a header may not.
        headers = {name: value.strip() for name, value in headers.items()}
        body: Any = self.body
        if self.content_type == APPLY:
            # The server reads it as YAML, which refuses JSON's escapes for two-word characters.
            body = json.dumps(body, ensure_ascii=False).encode()
        answered = await client.rest_client.request(
            self.method,
            f"{client.configuration.host}{self.path}?{urlencode(self.query)}",
            headers=headers,
            body=body,
            _request_timeout=self.timeout,
        )
        response: aiohttp.ClientResponse = answered.response
        return response


class ApiServer:
    """
    Requests to one API server; whatever goes wrong is one of agents.clients.errors.

    Credentials are read again, from wherever they came, when the server does
    not accept them any more: token files are replaced while we run.
    """

    def __init__(self, load: Load, deadline: float = DEADLINE_SECONDS) -> None:
        self._load = load
        self._deadline = deadline
        self._client: ApiClient | None = None
        self._loading = asyncio.Lock()

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | list[Json] | None = None,
        content_type: str = _JSON,
    ) -> Json:
        """Send one request and return the object that is answered."""
        tried = f"{method} {path}"
        timeout = aiohttp.ClientTimeout(total=self._deadline, sock_connect=_CONNECT_SECONDS)
        request = _Request(method, path, query or {}, body, content_type, timeout)
        with calling(method, path, "kubernetes"):
            async with self._answer(request) as response:
                received = await _received(response, tried)
        try:
            answer = json.loads(received)
        except (ValueError, RecursionError) as fault:
            raise TryLater(bounded(f"{tried}: not JSON: {fault}")) from fault
        if not isinstance(answer, dict):
            raise TryLater(f"{tried}: not a JSON object")
        return answer

    async def lines(
        self, path: str, query: Mapping[str, str], silence: float
    ) -> AsyncIterator[bytes]:
        """Yield the lines of an answer that goes on; part of a line is never one."""
        tried = f"GET {path}"
        # The server ends it before so much silence: one that trickles on is broken as well.
        timeout = aiohttp.ClientTimeout(
            total=2 * silence, sock_connect=_CONNECT_SECONDS, sock_read=silence
        )
        async with self._answer(_Request("GET", path, query, None, _JSON, timeout)) as response:
            begun = bytearray()
            async for chunk in response.content.iter_any():
                begun += chunk
                *lines, rest = begun.split(b"\n")
                begun = bytearray(rest)
                for line in lines:
                    yield bytes(line)
                if len(begun) > LARGEST_LINE:
                    raise TryLater(f"{tried}: a line of more than {LARGEST_LINE} bytes")

    @asynccontextmanager
    async def _answer(self, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        tried = request.tried
        try:
            async with await self._send(request) as response:
                if response.status >= 300:
                    received = await _received(response, tried)
                    raise error_of(tried, response.status, received, response.headers)
                yield response
        except TimeoutError as late:
            raise TryLater(f"{tried}: no answer in time") from late
        except _SILENCE as fault:
            raise TryLater(bounded(f"{tried}: {type(fault).__name__}: {fault}")) from fault

    async def _send(self, request: _Request) -> aiohttp.ClientResponse:
        client = self._client or await self._loaded(None)
        response = await request.send(client)
        if response.status != 401:
            return response
        response.close()
        try:
            client = await self._loaded(client)
        except Refused as unreadable:
            # They were readable once: somebody is replacing them.
            raise TryLater(str(unreadable)) from unreadable
        return await request.send(client)

    async def _loaded(self, refused: ApiClient | None) -> ApiClient:
        """Return a client with credentials other than the refused one's, if there are others."""
        async with self._loading:
            if self._client is None or self._client is refused:
                fresh = await self._load()
                await self.close()
                self._client = fresh
            return self._client


def credentials(kubeconfig: Path | None, context: str | None) -> Load:
    """Return what loads a client: from a kubeconfig, or without one from the pod we run in."""

    async def load() -> ApiClient:
        configuration = Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        try:
            if kubeconfig is None:
                load_incluster_config(configuration)
            else:
                # Without this check a missing file would read as an empty one.
                kubeconfig.open("rb").close()
                await load_kube_config(str(kubeconfig), context, configuration, False)
            if leaves_in_the_clear(configuration.host):
                raise ValueError("plain http to another host, where everybody could read our token")
            configuration.proxy = configuration.proxy or _proxy_to(configuration.host)
            # Else aiohttp asks a thread for ~/.netrc, and one for proxies, before each request.
            configuration.client_session_kwargs = {"trust_env": False, "middlewares": (_stay,)}
            return ApiClient(configuration)
        except (
            ConfigException,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            yaml.YAMLError,
        ) as bad:
            where = "in-cluster credentials" if kubeconfig is None else str(kubeconfig)
            raise Refused(bounded(f"{where}: {bad}")) from bad

    return load


def _proxy_to(url: str) -> str | None:
    """Return the proxy that the environment names for an address, as kubectl takes it."""
    asked = urlsplit(url)
    return None if proxy_bypass(asked.hostname or "") else getproxies().get(asked.scheme)


async def _stay(
    request: aiohttp.ClientRequest, go_on: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Follow nobody elsewhere: whoever answers would choose whom we ask, and with which words."""
    response = await go_on(request)
    if response.status in _REDIRECTS:
        where = response.headers.get("Location", "")
        response.close()
        tried = f"{request.method} {request.url.path}"
        raise TryLater(bounded(f"{tried}: redirected to {where}"))
    return response


async def _received(response: aiohttp.ClientResponse, tried: str) -> bytes:
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > LARGEST_ANSWER:
            raise TryLater(f"{tried}: more than {LARGEST_ANSWER} bytes of answer")
    return bytes(received)
