"""What is printed steers no terminal, reads well, and is plain data for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agents.asking.plain import plain
from deploy.cli.showing import Format, show, table

CONTENT = {"pods": [{"key": "a", "address": None, "text": "ü\x1b[2J"}]}
SAID = "[bold]said[/]\x1b[2J\nand on another line"
EVIL = "\x1b[2J\x1b]0;owned\x07\r\n\u202egnp.exe\u2028[bold red]x[/]"


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left_in_a_text(text: str) -> None:
    said = plain(text)

    assert said.isprintable()
    if text.isprintable():
        assert said == text


@pytest.mark.parametrize(
    ("output", "read"), [(Format.JSON, json.loads), (Format.YAML, yaml.safe_load)]
)
def test_programs_get_the_content_as_it_is(output: Format, read: Any, capsys: Any) -> None:
    show(CONTENT, output, lambda: pytest.fail("nothing is drawn for programs"))

    printed = capsys.readouterr().out
    assert read(printed) == CONTENT
    assert printed.isascii()
    assert "\x1b" not in printed


@pytest.mark.parametrize("columns", [None, "100", "40"])
def test_a_table_holds_neither_markup_nor_escapes(
    columns: str | None, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)

    show({}, Format.TABLE, lambda: [table(("ONE", "TWO"), [("a", EVIL)]), SAID])

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert printed.endswith("[bold]said[/]\\x1b[2J\nand on another line\n")
    if columns is None:
        # Piped, a row is one line.
        assert len(printed.splitlines()) == 4
        assert "[bold red]x[/]" in printed
    else:
        assert max(map(len, printed.splitlines()[:-2])) <= int(columns)


def test_the_last_column_alone_is_folded_at_the_width_of_a_terminal(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    key, reason = "local/default/a-rather-long-name-of-a-pod", "words " * 40

    show({}, Format.TABLE, lambda: [table(("POLICY", "REASON"), [(key, reason)])])

    lines = capsys.readouterr().out.splitlines()
    assert sum(key in line for line in lines) == 1
    assert sum(line.count("words") for line in lines) == 40
    assert max(map(len, lines)) <= 100
