"""What going live writes is told beforehand, and what is not ours is left out of it."""

from __future__ import annotations

from typing import Any

import pytest

from agents.asking.stored import Stored
from deploy.cli.differing import Difference, go_live
from streams.policy.dialects.standing import DNS, render
from streams.records.policies import PolicyPatch
from streams.rules.spaces import NOWHERE
from streams.settings import load
from tests.integration.kubernetes.policies import manifest, patch
from tests.unit.cli.test_verifying import pods_of

Json = dict[str, Any]


def going(*stored: Json, wanted: tuple[PolicyPatch, ...] = (), names: str = "ab") -> Difference:
    told = {each.key: each for each in wanted}
    found = Stored(pods_of(names), list(stored), {"default": {}})
    return go_live(told, found, load(), NOWHERE)


def foreign(name: str) -> Json:
    theirs = manifest(name)
    return {**theirs, "metadata": {"name": name, "namespace": "default"}}


def test_the_first_policies_are_created_and_close() -> None:
    found = going(wanted=(patch("a"), patch("b")))

    assert (found.create, found.update, found.delete) == (["default/a", "default/b"], [], [])
    assert [(each["opens"], each["closes"], each["count"]) for each in found.flows] == [
        ("", "everything", 2)
    ]
    assert "create 2 policies" in found.summary


def test_what_is_stored_as_wanted_changes_nothing() -> None:
    found = going(manifest("a"), wanted=(patch("a"),))

    assert found.nothing
    assert found.flows == []
    assert found.summary.startswith("nothing would be written")


def test_what_differs_is_updated_and_what_nobody_wants_goes() -> None:
    found = going(manifest("a"), manifest("b"), wanted=(patch("a", port=80),))

    assert (found.create, found.update, found.delete) == ([], ["default/a"], ["default/b"])


def test_what_is_somebody_elses_is_left_alone() -> None:
    found = going(foreign("a"), foreign("x"), wanted=(patch("a"),))

    assert found.nothing


def test_a_pod_that_is_no_more_gets_no_policy() -> None:
    assert going(wanted=(patch("c"),)).nothing


def test_a_closed_namespace_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__ISOLATION", "namespace")

    assert going().create == ["default/vereflow-isolation"]
    assert going(render("default", "main")).nothing


def test_an_allowance_that_stands_is_not_said_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEREFLOW_CLUSTER__ISOLATION", "namespace")
    allowed = render("default", "main", DNS, {"podSelector": {}, "policyTypes": ["Egress"]})

    assert going(render("default", "main"), allowed).nothing


def test_a_standing_policy_stays_when_isolation_is_by_pod_again() -> None:
    assert going(render("default", "main")).nothing


def test_the_policy_of_an_identity_is_written_where_no_pod_has_its_name() -> None:
    note = {"vereflow.io/identity": "Deployment/web"}
    wanted = patch("deployment.web")
    assert wanted.manifest is not None
    wanted.manifest["metadata"]["annotations"] |= note

    assert going(wanted=(wanted,)).create == ["default/deployment.web"]
    elsewhere = wanted.model_copy(update={"key": "local/other/deployment.web"})
    assert going(wanted=(elsewhere,)).nothing
