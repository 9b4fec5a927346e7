"""Statuses that are no plain yes, by call."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.local.verefoo.routes import Asked, answer
from deploy.local.verefoo.store import Store
from tests.unit.local.verefoo.in_process import ask

PROPERTY = {"name": "ISOLATION_PROPERTY", "graph": 0, "src": "a", "dst": "b"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/adp/graphs", 404),
        ("GET", "/adp/graphs/", 404),
        ("DELETE", "/adp/graphs", 304),
        ("GET", "/adp/graphs/5", 404),
        ("DELETE", "/adp/graphs/5", 404),
        ("GET", "/adp/graphs/abc", 400),
        ("GET", f"/adp/graphs/{2**63}", 400),
        ("GET", "/adp/graphs/-1", 404),
        ("GET", "/adp/graphs/1/nodes", 405),
        ("GET", "/adp/graphs/1/nodes/2/configuration", 200),
        ("GET", "/adp/graphs/1/constraints", 404),
        ("DELETE", "/adp/graphs/1/constraints", 424),
        ("GET", "/adp/requirements", 204),
        ("DELETE", "/adp/requirements", 304),
        ("GET", "/adp/requirements/1/properties/2", 404),
        ("GET", "/adp/nothing", 404),
    ],
)
def test_an_empty_store_answers_as_verefoo_does(method: str, path: str, status: int) -> None:
    assert ask(Store(), method, path).status == status


@pytest.mark.parametrize("body", [{}, {"graph": []}, {"graph": None}, {"node": []}])
def test_graphs_without_a_graph_are_a_server_error(body: Any) -> None:
    assert ask(Store(), "POST", "/adp/graphs", body).status == 500


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked("POST", "/verefoo/adp/graphs", b"{}", "text/plain"), 415),
        (Asked("POST", "/verefoo/adp/graphs", b"{}"), 415),
        (Asked("GET", "/verefoo/adp/graphs", accept="text/html"), 406),
        (Asked("GET", "/VEREFOO/adp/graphs"), 404),
    ],
)
def test_manners_are_asked_for(asked: Asked, status: int) -> None:
    assert answer(Store(), asked).status == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/adp/graphs/0/constraints", {"nodeConstraints": {"nodeMetrics": [{"node": "a"}]}}),
        ("/adp/requirements", {"property": [PROPERTY]}),
    ],
)
def test_a_graph_that_something_refers_to_cannot_be_deleted(path: str, body: Any) -> None:
    store = Store()
    ask(store, "POST", "/adp/graphs", {"graph": [{}]})
    assert ask(store, "POST", path, body).status == 201

    assert ask(store, "DELETE", "/adp/graphs/0").status == 424
    assert ask(store, "DELETE", "/adp/graphs").status == 424

    assert ask(store, "DELETE", path).status == 200
    assert ask(store, "DELETE", "/adp/graphs/0").status == 200


def test_a_requirement_about_no_graph_is_a_failed_dependency() -> None:
    assert ask(Store(), "POST", "/adp/requirements", {"property": [PROPERTY]}).status == 424


def test_requirements_come_and_go_one_by_one() -> None:
    store = Store()
    ask(store, "POST", "/adp/graphs", {"graph": [{}]})
    ask(store, "POST", "/adp/requirements", {"property": []})

    added = ask(store, "POST", "/adp/requirements/1/properties", PROPERTY | {"lv4Proto": "TCP"})

    assert added.status == 201
    shown = ask(store, "GET", "/adp/requirements/1/properties/2").body
    assert isinstance(shown, dict)
    assert shown["_embedded"]["propertyList"][0]["lv4Proto"] == "TCP"
    assert ask(store, "PUT", "/adp/requirements/1/properties/2", PROPERTY).status == 200
    assert ask(store, "DELETE", "/adp/requirements/1/properties/2").status == 200
    assert ask(store, "GET", "/adp/requirements/1/properties/2").status == 404
