"""An answer is shown once, or again and again until somebody ends it, outages included."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
import yaml
from rich.console import Console

from deploy.cli import watching
from deploy.cli.showing import Format, Shown, table
from tests.unit.cli.conftest import Invoke
from tests.unit.cli.rows import answers, key, pod

EVIL = "\x1b[2J"
Answers = list[Shown | Exception]
TWICE = 2


def shown(name: str, **said: Any) -> Shown:
    return Shown({"pods": [name]}, lambda: [table(("POD",), [(name,)]), f"{name}!"], **said)


@pytest.fixture(autouse=True)
def _sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two more looks pass, and then somebody ends it."""
    left = iter([None] * TWICE)

    def sleep(seconds: float) -> None:
        assert seconds == watching.EVERY
        if next(left, left) is left:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching, "sleep", sleep)


@pytest.fixture
def ends() -> Callable[..., int]:
    """Return how watching these answers ends."""

    def run(output: Format, *told: Shown | Exception, watch: bool = True) -> int:
        coming = iter(told)

        def ask() -> Shown:
            each = next(coming)
            if isinstance(each, Exception):
                raise each
            return each

        try:
            watching.answer(ask, output, watch)
        except typer.Exit as ended:
            return ended.exit_code
        return 0

    return run


@pytest.mark.parametrize(("yes", "status"), [(True, 0), (False, 1)])
def test_unwatched_it_is_shown_once_and_ends_as_the_answer_is(
    ends: Any, capsys: Any, yes: bool, status: int
) -> None:
    assert ends(Format.TABLE, shown("a", gaps=["b is missing"], yes=yes), watch=False) == status

    out, beside = capsys.readouterr()
    assert (out.split(), beside) == (["POD", "a", "a!"], "vereflow: b is missing\n")


def test_what_was_never_reached_ends_at_once(ends: Any, capsys: Any) -> None:
    assert ends(Format.TABLE, ConnectionError("nobody")) == 3
    assert "not reachable: nobody" in capsys.readouterr().err


def test_piped_each_answer_follows_the_one_before_and_an_outage_is_said(
    ends: Any, capsys: Any
) -> None:
    assert ends(Format.TABLE, shown("a"), ConnectionError("gone"), shown("c")) == 0

    out, beside = capsys.readouterr()
    assert out.split() == ["POD", "a", "a!", "POD", "c", "c!"]
    assert beside == "vereflow: not reachable, asked again soon: gone\n"


def test_programs_read_one_document_after_the_other(ends: Any, capsys: Any) -> None:
    ends(Format.YAML, *map(shown, "abc"))
    documents = [*yaml.safe_load_all(capsys.readouterr().out)]

    assert [each["pods"] for each in documents if each] == [["a"], ["b"], ["c"]]


def test_on_a_terminal_each_answer_is_drawn_over_the_one_before_within_its_height(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = io.StringIO()
    screen = Console(file=said, force_terminal=True, width=60, height=8)
    monkeypatch.setattr(watching, "console_of", lambda: screen)
    coming: Iterator[Shown] = iter(
        [shown(EVIL), Shown({}, lambda: ["line"] * 50, ["a gap"])],
    )

    with pytest.raises(KeyboardInterrupt):
        watching._live(shown("a"), lambda: next(coming))

    drawn = said.getvalue()
    assert r"\x1b[2J!" in drawn
    assert EVIL not in drawn
    assert "a gap" in drawn
    # The last frame stays when it ends, whole.
    assert drawn.count("line") < 2 * 50
    assert watching._HINT in drawn


def test_every_listing_can_be_watched_and_be_wide(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*asked: object) -> Any:
        return answers({"pods": {key("a"): pod("a")}})

    monkeypatch.setattr("deploy.cli.endpoints.ask_workers", ask)

    watched = invoke("pods", "--watch", "-o", "json")
    wide = invoke("pods", "-o", "wide").stdout

    assert (watched.exit_code, watched.stdout.count('"pods"')) == (0, 1 + TWICE)
    assert json.loads(invoke("pods", "-o", "json").stdout)["pods"][0]["policy"] == ""
    assert "uid-of-a" in wide
    assert "WHOLE UID" in wide
    assert "WHOLE UID" not in invoke("pods").stdout
    for command in ("status", "policies", "rules", "identities"):
        assert "--watch" in invoke(command, "--help", COLUMNS="200").stdout
