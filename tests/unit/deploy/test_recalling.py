"""What another process does about the past is bounded, and its words are passed on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.asking.moments import NOW, Moment
from agents.asking.reaching import parse_port
from agents.asking.turns import Course
from agents.clients.errors import TryLater
from deploy import recalling
from deploy.recalling import recall


def act(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Have a shell script in place of our command."""
    program = folder / "vereflow"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(recalling.sys, "executable", str(program))


async def test_a_moment_is_asked_for_as_people_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEREFLOW_ENDPOINTS", "/nowhere")
    act(monkeypatch, tmp_path, 'echo "$@ $VEREFLOW_ENDPOINTS"')

    told = await recall("a:b", Moment(offset=7))

    assert told.splitlines()[0].split() == [
        *b"-m deploy.cli replay --until 7 --output json --prepare a:b".split()
    ]


async def test_a_flow_is_asked_for_by_keys_its_port_and_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(monkeypatch, tmp_path, 'echo "$@"')
    course = Course("local/default/a", "192.0.2.7", parse_port("53/UDP"), Moment(offset=7))

    told = await recall(None, course)

    assert told.split() == [
        *b"-m deploy.cli history local/default/a --to 192.0.2.7 --port 53/UDP".split(),
        *b"--since 7 --limit 200 --output json".split(),
    ]


async def test_what_it_complains_of_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(monkeypatch, tmp_path, 'echo "vereflow: no key frame\033[2J" >&2; exit 2')

    with pytest.raises(TryLater, match=r"^no key frame\\x1b\[2J$"):
        await recall(None, NOW)


async def test_one_that_says_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalling, "MOST_BYTES", 1000)
    act(monkeypatch, tmp_path, "head -c 300000 /dev/zero")

    with pytest.raises(TryLater, match="more than 1000 bytes"):
        await recall(None, NOW)


async def test_one_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalling, "WITHIN", 0.3)
    note = tmp_path / "pid"
    act(monkeypatch, tmp_path, f"echo $$ > {note}; exec sleep 600")

    with pytest.raises(TryLater, match="no replay within"):
        await recall(None, NOW)

    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
