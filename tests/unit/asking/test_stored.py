"""What is asked of the API server is what the policies that are stored make necessary."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agents.asking.stored import asks_for_labels, read_namespaces
from agents.clients.errors import Refused

BY_NAME = {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
BY_LABEL = {"matchLabels": {"kubernetes.io/metadata.name": "default", "team": "a"}}
BY_EXPRESSION = {"matchExpressions": [{"key": "team", "operator": "Exists"}]}


def policy(selector: dict[str, Any] | None, side: str = "ingress", way: str = "from") -> Any:
    peer = {"podSelector": {}} if selector is None else {"namespaceSelector": selector}
    return {"metadata": {"namespace": "one", "name": "p"}, "spec": {side: [{way: [peer]}]}}


class Server:
    """An API server with two namespaces, that lets nobody read a namespace."""

    def __init__(self, *policies: Any) -> None:
        self.asked: list[str] = []
        self._policies = [*policies]

    async def list_pods(self, namespace: str) -> Any:
        return SimpleNamespace(items=[])

    async def list_policies(self, namespace: str, selector: str) -> Any:
        return SimpleNamespace(items=self._policies if namespace == "one" else [])

    async def namespace_labels(self, namespace: str) -> dict[str, str]:
        self.asked.append(namespace)
        raise Refused("GET: forbidden")


@pytest.mark.parametrize(
    ("selector", "asks"),
    [(None, False), ({}, False), (BY_NAME, False), (BY_LABEL, True), (BY_EXPRESSION, True)],
)
@pytest.mark.parametrize("side", [("ingress", "from"), ("egress", "to")])
def test_a_policy_asks_for_labels_where_a_name_is_not_enough(
    selector: dict[str, Any] | None, asks: bool, side: tuple[str, str]
) -> None:
    assert asks_for_labels(policy(selector, *side)) is asks


async def test_no_namespace_is_read_that_no_policy_asks_for() -> None:
    server = Server(policy(BY_NAME))

    stored = await read_namespaces(server, ["one", "two"])  # type: ignore[arg-type]

    assert server.asked == []
    assert (stored.labels, stored.notes) == ({"one": {}, "two": {}}, ())


async def test_labels_that_may_not_be_read_are_said_to_lack() -> None:
    server = Server(policy(BY_LABEL))

    stored = await read_namespaces(server, ["one", "two"])  # type: ignore[arg-type]

    assert server.asked == ["one", "two"]
    assert len(stored.notes) == 2
    assert all("are not known" in note for note in stored.notes)
