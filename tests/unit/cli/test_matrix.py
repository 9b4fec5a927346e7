"""Who reaches whom as a square: every cell under its number, and what is cut off is said."""

from __future__ import annotations

import json

import pytest

from agents.asking.stored import Stored
from deploy.cli.matrix import MOST_DRAWN, as_data, drawn
from tests.unit.cli.conftest import Invoke
from tests.unit.cli.test_reaching import by, pod, policy, to

NAMES = ["default/a", "default/b", "shop/long-name"]
FOUND = {(NAMES[0], NAMES[1]): "TCP 80", (NAMES[2], NAMES[1]): "TCP 80, UDP 53"}


def test_every_cell_stands_under_its_number_and_letters_are_explained() -> None:
    assert [*drawn(NAMES, FOUND)] == [
        "FROM \\ TO        1 2 3",
        "1 default/a      = a .",
        "2 default/b      . = .",
        "3 shop/long-name . b =",
        "",
        ". nothing, = itself",
        "a TCP 80",
        "b TCP 80, UDP 53",
    ]


def test_programs_get_the_ports_themselves() -> None:
    assert as_data(NAMES, FOUND) == {
        "pods": NAMES,
        "of": 3,
        "matrix": [["", "TCP 80", ""], ["", "", ""], ["", "TCP 80, UDP 53", ""]],
    }


def test_what_is_more_than_fits_is_left_out_and_said() -> None:
    names = [f"default/{number:03}" for number in range(600)]
    found = {(names[0], each): f"TCP {at}" for at, each in enumerate(names[1:], 1)}
    many = {(one, two): f"UDP {names.index(one)}{at}" for one in names[:3]
            for at, two in enumerate(names[:MOST_DRAWN]) if one != two}  # fmt: skip

    lines, told = [*drawn(names, found)], as_data(names, found)

    assert "the first 40 of 600 pods: -o json has 500" in lines
    assert len({len(line) for line in lines[1 : MOST_DRAWN + 1]}) == 1
    assert (len(told["pods"]), len(told["matrix"][0]), told["of"]) == (500, 500, 600)
    assert any("something else" in line for line in drawn(names, many))


def test_the_command_reads_what_is_stored(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = {f"default/{name}": pod(name) for name in "abc"}
    policies = [policy("a", egress=to("b", 80)), policy("b", ingress=by("a", 80)), policy("c")]

    async def read(cluster: object) -> Stored:
        return Stored(pods, policies, {})

    monkeypatch.setattr("deploy.cli.reach.read_stored", read)

    assert "1 default/a = a .\n" in invoke("reach", "--matrix").stdout
    told = json.loads(invoke("reach", "--matrix", "-o", "json").stdout)
    assert told["matrix"] == [["", "TCP 80", ""], ["", "", ""], ["", "", ""]]
    assert invoke("reach", "--matrix", "a").exit_code == 2
