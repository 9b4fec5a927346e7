"""Whatever users can cause ends in one line and the exit code that was promised."""

from __future__ import annotations

import pytest
import typer
from aiokafka.errors import KafkaConnectionError

from agents.clients.errors import Refused, TryLater
from deploy.cli.answers import plain_errors
from deploy.installation import NotInitialised
from deploy.local.errors import PartNotReady
from deploy.provision import MissingTopics, WrongTopic
from deploy.workers import WorkerFailed
from deploy.world import WorldError
from streams.settings import Settings


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("x"), 2),
        (MissingTopics("x"), 2),
        (WrongTopic("x"), 2),
        (NotInitialised("x"), 2),
        (WorldError("x"), 2),
        (Refused("x"), 2),
        (TryLater("x"), 3),
        (KafkaConnectionError("x"), 3),
        (ConnectionRefusedError("x"), 3),
        (TimeoutError("x"), 3),
        (PartNotReady("x"), 3),
        (WorkerFailed("x"), 3),
    ],
)
def test_an_error_has_its_exit_code_and_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    with pytest.raises(typer.Exit) as ended, plain_errors():
        raise error

    said = capsys.readouterr()
    assert (ended.value.exit_code, said.out) == (status, "")
    (line,) = said.err.splitlines()
    assert line.startswith("vereflow: ")
    assert "x" in line


@pytest.mark.parametrize("error", [Refused("x"), TryLater("x"), TimeoutError()])
def test_who_does_not_answer_as_hoped_is_for_the_doctor(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    with pytest.raises(typer.Exit), plain_errors():
        raise error

    assert "`vereflow doctor` says what to do" in capsys.readouterr().err


def test_of_many_mistakes_the_first_is_said_and_the_others_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended, plain_errors():
        Settings(kafka={"partitions": "s3cret", "replication": "s3cret"})  # type: ignore[arg-type]

    line = capsys.readouterr().err
    assert ended.value.exit_code == 2
    assert "setting kafka__partitions: " in line
    assert "(and 1 more)" in line
    assert "s3cret" not in line


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plain_errors():
        raise ZeroDivisionError


def test_markup_in_an_error_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), plain_errors():
        raise ValueError("[red]x[/red] [/nothing]")

    assert "[red]x[/red] [/nothing]" in capsys.readouterr().err


def test_what_a_server_says_does_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), plain_errors():
        raise TryLater("GET /: 500: \x1b[2Jall is well\x07")

    assert "\\x1b[2Jall is well\\x07" in capsys.readouterr().err
