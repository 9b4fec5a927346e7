"""From an HTTP request to a verb, and from its answer to an HTTP response."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from deploy.local.kubernetes import bodies, columns, errors, queries
from deploy.local.kubernetes.api import Api
from deploy.local.kubernetes.deletion import delete
from deploy.local.kubernetes.kinds import NAMESPACES, Json, Kind
from deploy.local.kubernetes.listing import Lister
from deploy.local.kubernetes.options import Answer
from deploy.local.kubernetes.patches import json_patch, merge_patch, strategic_patch
from deploy.local.kubernetes.paths import Target

Handler = Callable[[web.Request, Target], Awaitable[Answer]]


class Handlers:
    """One method per verb, chosen by HTTP method and by whether an object is named."""

    def __init__(self, api: Api, lister: Lister) -> None:
        self._api = api
        self._lister = lister
        self._verbs: dict[tuple[str, bool], Handler] = {
            ("GET", True): self._get,
            ("GET", False): self._list,
            ("POST", False): self._create,
            ("PUT", True): self._replace,
            ("PATCH", True): self._patch,
            ("DELETE", True): self._delete,
            ("DELETE", False): self._delete_collection,
        }

    async def answer(self, request: web.Request, target: Target) -> web.Response:
        """Do what is asked and say how it went."""
        try:
            verb = self._verbs.get((request.method, bool(target.name)))
            if verb is None or (target.subresource and request.method == "DELETE"):
                raise errors.method_not_allowed()
            answer = await verb(request, target)
        except errors.ApiError as error:
            return respond(error.code, error.body, error.headers)
        except web.HTTPRequestEntityTooLarge:
            return respond(413, errors.status(413, "RequestEntityTooLarge", too_large()))
        shown = presented(request, target, answer.body)
        warnings = ", ".join(f'299 - "{_escaped(text)}"' for text in answer.warnings)
        return respond(answer.code, shown, {"Warning": warnings} if warnings else {})

    async def _get(self, _: web.Request, target: Target) -> Answer:
        return Answer(200, self._api.get(target.kind, target.namespace, target.name))

    async def _list(self, request: web.Request, target: Target) -> Answer:
        return Answer(200, self._lister.answer(queries.list_request(target, request.query)))

    async def _create(self, request: web.Request, target: Target) -> Answer:
        if target.kind.namespaced and not target.namespace:
            raise errors.method_not_allowed()
        body = bodies.decode_object(request.content_type, await request.read())
        options = queries.write_options(target, request.query, _agent(request))
        return self._api.create(target.kind, target.namespace, body, options)

    async def _replace(self, request: web.Request, target: Target) -> Answer:
        body = bodies.decode_object(request.content_type, await request.read())
        options = queries.write_options(target, request.query, _agent(request))
        return self._api.replace(target.kind, target.namespace, target.name, body, options)

    async def _patch(self, request: web.Request, target: Target) -> Answer:
        patch = bodies.decode_patch(request.content_type, await request.read())
        options = queries.write_options(target, request.query, _agent(request))
        place = (target.kind, target.namespace, target.name)
        if request.content_type == bodies.APPLY:
            # An apply has to say who it is.
            options = replace(options, manager=request.query.get("fieldManager", ""))
            return self._api.apply(*place, patch, options)
        if options.force:
            raise queries.forbidden_force()
        change = _change(target.kind, request.content_type, patch)
        return self._api.patch(*place, change, options)

    async def _delete(self, request: web.Request, target: Target) -> Answer:
        body = bodies.decode_options(await request.read())
        options = queries.delete_options(request.query, body)
        return delete(self._api, target.kind, target.namespace, target.name, options)

    async def _delete_collection(self, request: web.Request, target: Target) -> Answer:
        body = bodies.decode_options(await request.read())
        if target.kind is NAMESPACES or not target.namespace:
            raise errors.method_not_allowed()
        options = queries.delete_options(request.query, body)
        doomed = self._lister.answer(queries.list_request(target, request.query))
        for stored in doomed["items"]:
            metadata = stored["metadata"]
            place = metadata.get("namespace", ""), metadata["name"]
            delete(self._api, target.kind, *place, options)
        return Answer(200, doomed)


def presented(request: web.Request, target: Target, body: Json) -> Json:
    """Return the answer in the form the Accept header prefers."""
    accept = request.headers.get("Accept", "").partition(",")[0]
    if body["kind"] == "Status":
        return body
    if "as=Table" in accept:
        return columns.render(target.kind, body, request.query.get("includeObject", ""))
    if "as=PartialObjectMetadataList" in accept and "items" in body:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": body["metadata"],
            "items": [columns.partial(stored) for stored in body["items"]],
        }
    if "as=PartialObjectMetadata;" in accept and "items" not in body:
        return columns.partial(body)
    return body


def respond(code: int, body: Json, headers: dict[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(
        status=code,
        body=orjson.dumps(body),
        headers=headers,
        content_type="application/json",
    )


def too_large() -> str:
    """Return how the server says that a body is too large."""
    return f"Request entity too large: limit is {BODY_LIMIT}"


BODY_LIMIT = 3 * 1024 * 1024


def _change(kind: Kind, language: str, patch: Any) -> Callable[[Json], Json]:
    """Return what the patch does to an object."""
    if language == bodies.STEPS:
        return lambda live: json_patch(live, patch)
    if language == bodies.STRATEGIC:
        return lambda live: strategic_patch(kind, live, patch)
    return lambda live: merge_patch(live, patch)


def _agent(request: web.Request) -> str:
    return request.headers.get("User-Agent", "")


def _escaped(text: str) -> str:
    """Return the text as a header may hold it."""
    printable = "".join(letter for letter in text if letter.isprintable())
    return printable.replace("\\", "\\\\").replace('"', '\\"')
