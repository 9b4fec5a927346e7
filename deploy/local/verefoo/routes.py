"""From a request to its answer, without sockets: the paths, and what may be said on each."""

from __future__ import annotations

import re
from typing import NamedTuple

from deploy.local.verefoo import calls
from deploy.local.verefoo.calls import Call, Handler, Said
from deploy.local.verefoo.failures import Failure
from deploy.local.verefoo.render import Reply, embedded, error, link, page
from deploy.local.verefoo.store import Store

CONTEXT = "/verefoo"
LARGEST_ID = 2**63 - 1

ROUTES: dict[str, dict[str, Handler]] = {
    "/adp/graphs": {
        "GET": calls.list_graphs,
        "POST": calls.create_graphs,
        "DELETE": calls.delete_graphs,
    },
    "/adp/graphs/{}": {
        "GET": calls.show_graph,
        "PUT": calls.replace_graph,
        "DELETE": calls.delete_graph,
    },
    "/adp/graphs/{}/nodes": {"POST": calls.add_node},
    "/adp/graphs/{}/nodes/{}": {
        "GET": calls.show_node,
        "PUT": calls.replace_node,
        "DELETE": calls.delete_node,
    },
    "/adp/graphs/{}/nodes/{}/neighbours": {"POST": calls.add_neighbour},
    "/adp/graphs/{}/nodes/{}/neighbours/{}": {"DELETE": calls.delete_neighbour},
    "/adp/graphs/{}/nodes/{}/configuration": {"GET": calls.show_configuration},
    "/adp/graphs/{}/nodes/{}/configuration/{}": {"PUT": calls.replace_configuration},
    "/adp/graphs/{}/constraints": {
        "GET": calls.show_constraints,
        "POST": calls.create_constraints,
        "PUT": calls.replace_constraints,
        "DELETE": calls.delete_constraints,
    },
    "/adp/requirements": {
        "GET": calls.list_requirements,
        "POST": calls.create_requirements,
        "DELETE": calls.delete_requirements,
    },
    "/adp/requirements/{}": {
        "GET": calls.show_requirement,
        "PUT": calls.replace_requirement,
        "DELETE": calls.delete_requirement,
    },
    "/adp/requirements/{}/properties": {"POST": calls.add_property},
    "/adp/requirements/{}/properties/{}": {
        "GET": calls.show_property,
        "PUT": calls.replace_property,
        "DELETE": calls.delete_property,
    },
}
_PATTERNS = [
    (re.compile(path.replace("{}", "([^/]+)") + "/?"), methods) for path, methods in ROUTES.items()
]


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    content: bytes = b""
    content_type: str = ""
    accept: str = ""
    origin: str = "http://127.0.0.1:8085"


def answer(store: Store, asked: Asked) -> Reply:
    """Do what is asked and return the answer, also when it is no."""
    if not asked.path.startswith(CONTEXT + "/"):
        return page(404)
    if not _takes_json(asked.accept):
        return page(406)
    if asked.method == "HEAD":
        # As GET; whoever sends the answer leaves its body out.
        asked = asked._replace(method="GET")
    try:
        if asked.method == "OPTIONS":
            return Reply(200, allow=(*_find(asked.path.removeprefix(CONTEXT))[1], "OPTIONS"))
        said, methods = _do(store, asked)
    except Failure as failure:
        return error(failure.status, failure.message, asked.path)
    if said.status in (204, 304):
        return Reply(said.status)
    url = asked.origin + asked.path.rstrip("/")
    links = {"self": link(url, methods), "collection": link(url.rpartition("/")[0], ("GET",))}
    return embedded(said.status, said.key, said.values, links)


def _do(store: Store, asked: Asked) -> tuple[Said, dict[str, Handler]]:
    texts, methods = _find(asked.path.removeprefix(CONTEXT))
    handler = methods.get(asked.method)
    if handler is None:
        raise Failure(405, f"Request method '{asked.method}' not supported")
    ids = tuple(_id(text) for text in texts)
    if asked.method in ("POST", "PUT"):
        _check_content(asked)
    return handler(Call(store, ids, asked.content)), methods


def _find(path: str) -> tuple[tuple[str, ...], dict[str, Handler]]:
    for pattern, methods in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None:
            return match.groups(), methods
    raise Failure(404)


def _id(text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,19}", text) is None or int(text) > LARGEST_ID:
        raise Failure(400, f'For input string: "{text[:60]}"')
    return int(text)


def _check_content(asked: Asked) -> None:
    kind = asked.content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Failure(415, f"Content type '{asked.content_type[:60]}' not supported")
    if not asked.content:
        raise Failure(400, "Required request body is missing")


def _takes_json(accept: str) -> bool:
    wanted = {part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()}
    return not wanted or bool(wanted & {"*/*", "application/*", "application/json"})
