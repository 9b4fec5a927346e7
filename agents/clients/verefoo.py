"""Verefoo's graphs over REST."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable
from typing import Any

import httpx

from agents.clients.errors import (
    ClientError,
    Conflict,
    NotLetIn,
    NotThere,
    Refused,
    TryLater,
    Unproven,
)
from agents.tracing import calling
from streams.graph.model import GraphState, parse_graph
from streams.graph.wanted import WantedNode

# Verefoo holds calls for up to 85 s when two of them meet in its database, and then answers.
DEADLINE_SECONDS = 120.0
# Ten times a graph of a thousand nodes.
LARGEST_ANSWER = 8 * 1024 * 1024
# Some five hundred nodes: what is larger is read beside the loop, which must not stand still.
_LARGE = 256 * 1024
_LONGEST_MESSAGE = 300
_HEADERS = {
    # Without Accept, Verefoo answers in XML.
    "Accept": "application/json",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
}
_EMPTY_SUCCESS = (204, 304)
# Verefoo asks nobody for a token: this is said by whoever stands before it.
_NOT_LET_IN = (401, 403)


class Verefoo:
    """
    An async client over any httpx client whose base URL ends in `/verefoo`.

    A 5xx is TryLater, also where Verefoo means "invalid": it gives the same
    500 to a body it cannot keep and to a database that is away. Any other
    4xx than those with a name is Refused. What is not JSON was not said by
    Verefoo, whatever its status, and is TryLater.
    """

    def __init__(self, http: httpx.AsyncClient, deadline: float = DEADLINE_SECONDS) -> None:
        self._http = http
        self._deadline = deadline
        # The graph that was read last, and the very words of it.
        self._known: tuple[bytearray, GraphState] | None = None

    async def graph(self, gid: int) -> GraphState:
        """Read one graph; raise NotThere if there is none of this id.

        Answered in the same words as the last one it is the same object, and costs next to nothing.
        """
        tried = f"GET /adp/graphs/{gid}"
        status, content = await self._exchange("GET", f"/adp/graphs/{gid}")
        if self._known is not None and status == 200 and content == self._known[0]:
            state = self._known[1]
        elif len(content) < _LARGE:
            state = _graph(status, content, tried)
        else:
            state = await asyncio.to_thread(_graph, status, content, tried)
        if state.gid != gid:
            raise TryLater(f"{tried}: answered with graph {state.gid}")
        self._known = content, state
        return state

    async def graphs(self) -> tuple[GraphState, ...]:
        """Read all graphs."""
        try:
            told = _first(await self._ask("GET", "/adp/graphs"), unwrapped="graph")
        except NotThere:
            # Verefoo's way to say that there are none.
            return ()
        listed = told.get("graph") if isinstance(told, dict) else None
        if not isinstance(listed, list):
            raise TryLater("GET /adp/graphs: answered without a list of graphs")
        return tuple(_parsed(graph, "GET /adp/graphs") for graph in listed)

    async def create_graph(self, nodes: Iterable[WantedNode]) -> int:
        """Create a graph with these nodes; return its id."""
        told = [node.as_verefoo_tells_it() for node in nodes]
        return await self._create("/adp/graphs", {"graph": [{"serviceGraph": False, "node": told}]})

    async def add_node(self, gid: int, node: WantedNode) -> int:
        """Add a node, its own neighbours included; return its id."""
        return await self._create(f"/adp/graphs/{gid}/nodes", node.as_verefoo_tells_it())

    async def delete_node(self, gid: int, nid: int) -> None:
        """Delete a node, which must be in this graph: any other's id destroys the other graph."""
        await self._change("DELETE", f"/adp/graphs/{gid}/nodes/{nid}")

    async def add_neighbour(self, gid: int, nid: int, name: str) -> int:
        """Add an entry to a node's neighbours; return its id."""
        return await self._create(f"/adp/graphs/{gid}/nodes/{nid}/neighbours", {"name": name})

    async def delete_neighbour(self, gid: int, nid: int, neid: int) -> None:
        """Delete an entry of a node's neighbours."""
        await self._change("DELETE", f"/adp/graphs/{gid}/nodes/{nid}/neighbours/{neid}")

    async def put_configuration(
        self, gid: int, nid: int, cid: int, configuration: dict[str, Any]
    ) -> None:
        """Replace a node's configuration, whose id must be the node's own."""
        path = f"/adp/graphs/{gid}/nodes/{nid}/configuration/{cid}"
        await self._change("PUT", path, configuration)

    async def _change(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        answer = await self._ask(method, path, body)
        if "_links" not in answer and (answer or method != "DELETE"):
            raise TryLater(f"{method} {path}: answered without links")

    async def _create(self, path: str, body: dict[str, Any]) -> int:
        created = _first(await self._ask("POST", path, body))
        if type(created) is not int:
            raise TryLater(f"POST {path}: answered without an id")
        return created

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        status, content = await self._exchange(method, path, body)
        return _answer(status, content, f"{method} {path}")

    async def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, bytearray]:
        tried = f"{method} {path}"
        try:
            with calling(method, path, "verefoo") as span:
                async with asyncio.timeout(self._deadline):
                    status, content = await self._send(method, path, body)
                if span is not None and status >= 400:
                    span.fail(str(status))
            return status, content
        except TimeoutError as late:
            raise TryLater(f"{tried}: no answer within {self._deadline:g} s") from late
        except httpx.HTTPError as fault:
            kind = Unproven if _is_unproven(fault) else TryLater
            raise kind(_bounded(f"{tried}: {type(fault).__name__}: {fault}")) from fault

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, bytearray]:
        content = None if body is None else json.dumps(body)
        request = self._http.build_request(
            method,
            path,
            content=content,
            headers=_HEADERS,
            timeout=httpx.Timeout(self._deadline, connect=min(5.0, self._deadline)),
        )
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
                # A thousandth of it would travel before anybody counts.
                raise TryLater(_bounded(f"{method} {path}: answered in {encoding}"))
            received = bytearray()
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > LARGEST_ANSWER:
                    raise TryLater(f"{method} {path}: more than {LARGEST_ANSWER} bytes of answer")
            return response.status_code, received
        finally:
            await response.aclose()


def _is_unproven(fault: BaseException | None) -> bool:
    # What TLS said is the cause of a cause.
    while fault is not None and not isinstance(fault, ssl.SSLCertVerificationError):
        fault = fault.__cause__ or fault.__context__
    return fault is not None


def _graph(status: int, content: bytearray, tried: str) -> GraphState:
    return _parsed(_first(_answer(status, content, tried), unwrapped="node"), tried)


def _answer(status: int, content: bytearray, tried: str) -> dict[str, Any]:
    if status in _NOT_LET_IN:
        # Nothing of what else it said: that may be our token.
        raise NotLetIn(f"{tried}: {_name(status)}: our token is not accepted, or one is wanted")
    if status in _EMPTY_SUCCESS:
        return {}
    answer = _object(content, f"{tried}: {_name(status)}")
    if status not in (200, 201):
        # A gateway's words are not Verefoo's: believed, its 404 would make a graph anew.
        error = _error(status) if answer.get("status") == status else TryLater
        raise error(_bounded(f"{tried}: {_name(status)}: {answer.get('message')}"))
    return answer


def _object(content: bytearray, tried: str) -> dict[str, Any]:
    try:
        answer = json.loads(content, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as fault:
        said = content[:_LONGEST_MESSAGE].decode(errors="replace")
        raise TryLater(_bounded(f"{tried}: not JSON: {said}")) from fault
    if not isinstance(answer, dict):
        raise TryLater(_bounded(f"{tried}: not a JSON object: {answer}"))
    return answer


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two the last would win in silence, and that may be an empty list of rules.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _first(answer: dict[str, Any], unwrapped: str = "") -> Any:
    # The envelope has one list, under a name made from a Java class; older servers have none.
    if unwrapped and "_embedded" not in answer and unwrapped in answer:
        return answer
    embedded = answer.get("_embedded")
    lists = embedded.values() if isinstance(embedded, dict) else ()
    return next((values[0] for values in lists if isinstance(values, list) and values), None)


def _parsed(told: Any, tried: str) -> GraphState:
    try:
        return parse_graph(told)
    except ValueError as fault:
        raise TryLater(_bounded(f"{tried}: {fault}")) from fault


def _error(status: int) -> type[ClientError]:
    if status == 404:
        return NotThere
    if status in (409, 424):
        return Conflict
    # A redirect is somebody in between who does not know Verefoo yet, or no longer.
    return Refused if 400 <= status < 500 and status not in (408, 429) else TryLater


def _name(status: int) -> str:
    return f"{status} {httpx.codes.get_reason_phrase(status)}".rstrip()


def _bounded(message: str) -> str:
    return " ".join(message.split())[:_LONGEST_MESSAGE]
