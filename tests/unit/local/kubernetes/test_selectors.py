"""Selectors in a query string select what they say."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.kinds import EVENTS, NETWORK_POLICIES, PODS, Json
from deploy.local.kubernetes.selectors import parse
from tests.unit.local.kubernetes.objects import refusal

KEYS = ("app", "example.com/tier", "n")
VALUES = ("", "web", "7", "12")
LABELS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))


class Term(NamedTuple):
    """One requirement, how it is written and what it means."""

    key: str
    operator: str
    values: list[str]

    def text(self, space: str) -> str:
        listed = f"{space}({(',' + space).join(self.values)})"
        return {
            "=": f"{self.key}{space}={space}{self.values[0]}",
            "==": f"{self.key}{space}=={space}{self.values[0]}",
            "!=": f"{self.key}{space}!={space}{self.values[0]}",
            "in": f"{self.key} in{listed}",
            "notin": f"{self.key} notin{listed}",
            "exists": self.key,
            "!": f"!{space}{self.key}",
            ">": f"{self.key}{space}>{space}9",
            "<": f"{self.key}{space}<{space}9",
        }[self.operator]

    def holds(self, labels: dict[str, str]) -> bool:
        held = labels.get(self.key)
        number = int(held) if held and held.isdecimal() else None
        return {
            "=": held == self.values[0],
            "==": held == self.values[0],
            "!=": held != self.values[0],
            "in": held in self.values,
            "notin": held not in self.values,
            "exists": held is not None,
            "!": held is None,
            ">": number is not None and number > 9,
            "<": number is not None and number < 9,
        }[self.operator]


TERMS = st.builds(
    Term,
    st.sampled_from(KEYS),
    st.sampled_from(["=", "==", "!=", "in", "notin", "exists", "!", ">", "<"]),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique=True),
)


@given(st.lists(TERMS, max_size=3), LABELS, st.sampled_from(["", " "]))
def test_what_is_written_is_what_is_meant(
    terms: list[Term], labels: dict[str, str], space: str
) -> None:
    selects = parse(PODS, f",{space}".join(term.text(space) for term in terms), "")

    assert selects({"metadata": {"labels": labels}}) == all(term.holds(labels) for term in terms)


@given(st.text(alphabet="ab=!<>(), in\0é", max_size=12), LABELS)
def test_any_text_is_a_selector_or_refused(text: str, labels: dict[str, str]) -> None:
    assert refusal(lambda: parse(PODS, text, "")({"metadata": {"labels": labels}})) in {0, 400}


POD: Json = {
    "metadata": {"name": "a", "namespace": "n"},
    "spec": {"nodeName": "n1"},
    "status": {"phase": "Running", "podIP": "10.0.0.1"},
}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("", True),
        ("metadata.name=a", True),
        ("metadata.name==a,metadata.namespace=n", True),
        ("metadata.name!=a", False),
        ("spec.nodeName=n1", True),
        ("status.podIP=10.0.0.1", True),
        ("status.phase=Pending", False),
    ],
)
def test_fields_of_pods_select(selector: str, selected: bool) -> None:
    assert parse(PODS, "", selector)(POD) is selected


def test_a_field_that_is_not_there_is_empty() -> None:
    assert parse(EVENTS, "", "involvedObject.name=")({"metadata": {}, "involvedObject": None})


@pytest.mark.parametrize("selector", ["spec.nodeName=n1", "metadata.uid=1", "name", "=", "a=b=c"])
def test_other_fields_are_refused(selector: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(NETWORK_POLICIES, "", selector)

    assert caught.value.code == 400
