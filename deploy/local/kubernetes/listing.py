"""Lists, whole or page by page; all pages show the same moment."""

import base64
import binascii
import re
from collections import OrderedDict
from dataclasses import dataclass

from deploy.local.kubernetes.errors import bad_request, expired, too_large_version
from deploy.local.kubernetes.kinds import Json, Kind
from deploy.local.kubernetes.selectors import Predicate
from deploy.local.kubernetes.store import Store

#: What a resourceVersion looks like; more digits do not fit 64 bits.
VERSION = re.compile("[0-9]{1,18}")
_SNAPSHOTS = 64
_TOKEN = re.compile("([0-9]{1,18}):([0-9]{1,18})")
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter, or use the continue token in this "
    "response to retrieve the remainder of the results. Continuing with the provided token "
    "results in an inconsistent list - objects that were created, modified, or deleted between "
    "the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class ListRequest:
    """Which objects to list, and how many at once."""

    kind: Kind
    namespace: str
    selects: Predicate
    version: str = ""
    limit: int = 0
    token: str = ""


class Lister:
    """Answers lists; remembers the moments whose pages are still being read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: OrderedDict[int, tuple[int, list[Json]]] = OrderedDict()
        self._next = 0

    def answer(self, request: ListRequest) -> Json:
        """Return a list object."""
        if request.token and request.version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        check_version(self._store, request.version)
        number, start = _read_token(request.token) if request.token else (-1, 0)
        if number < 0:
            revision, found = self._store.revision, self._matching(request)
        elif number in self._snapshots:
            revision, found = self._snapshots[number]
        else:
            raise self._too_old(request, start)
        page = found[start : start + request.limit] if request.limit else found[start:]
        metadata: Json = {"resourceVersion": str(revision)}
        left = len(found) - start - len(page)
        if left:
            if number < 0:
                number = self._remember(revision, found)
            metadata["continue"] = _write_token(number, start + len(page))
            metadata["remainingItemCount"] = left
        return {
            "kind": f"{request.kind.name}List",
            "apiVersion": request.kind.api_version,
            "metadata": metadata,
            # The list says it for all of them; clients must not look for it in each.
            "items": [_without_type(stored) for stored in page],
        }

    def forget(self) -> None:
        """Forget every moment, as compaction does."""
        self._snapshots.clear()

    def _matching(self, request: ListRequest) -> list[Json]:
        stored = self._store.all(request.kind, request.namespace)
        return [one for one in stored if request.selects(one)]

    def _remember(self, revision: int, found: list[Json]) -> int:
        self._next += 1
        self._snapshots[self._next] = (revision, found)
        while len(self._snapshots) > _SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return self._next

    def _too_old(self, request: ListRequest, start: int) -> Exception:
        error = expired(_TOO_OLD)
        number = self._remember(self._store.revision, self._matching(request))
        error.body["metadata"] = {"continue": _write_token(number, start)}
        return error


def check_version(store: Store, version: str) -> None:
    """Refuse a version that is none, or lies in the future."""
    if not version:
        return
    if not VERSION.fullmatch(version):
        raise bad_request(
            f'resourceVersion: Invalid value: "{version}": '
            f'strconv.ParseUint: parsing "{version}": invalid syntax'
        )
    if int(version) > store.revision:
        raise too_large_version(int(version), store.revision)


def _write_token(number: int, start: int) -> str:
    return base64.urlsafe_b64encode(f"{number}:{start}".encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, int]:
    try:
        told = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (ValueError, binascii.Error) as error:
        raise bad_request("continue key is not valid: invalid token") from error
    found = _TOKEN.fullmatch(told)
    if found is None:
        raise bad_request("continue key is not valid: invalid token")
    return int(found[1]), int(found[2])


def _without_type(stored: Json) -> Json:
    return {key: value for key, value in stored.items() if key not in ("kind", "apiVersion")}
