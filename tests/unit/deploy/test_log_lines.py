"""Whoever says something never waits for whoever reads it, and nothing is left out in silence."""

from __future__ import annotations

import logging
import os
import select
import time
from io import StringIO
from typing import TextIO

import pytest

from deploy.log_lines import LAST_WORDS, LineHandler


def say(handler: LineHandler, *words: str) -> None:
    for each in words:
        handler.emit(logging.LogRecord("ours", logging.INFO, "", 0, each, (), None))


def test_lines_come_out_in_their_order() -> None:
    out = StringIO()
    handler = LineHandler(out)

    say(handler, *(f"line {number}" for number in range(1_000)))
    handler.flush()

    assert out.getvalue() == "".join(f"line {number}\n" for number in range(1_000))


@pytest.mark.fault("F59")
def test_a_pipe_that_nobody_reads_holds_nobody_up_and_is_told_what_it_missed() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "w") as out:
        handler = LineHandler(out, most=100)
        began = time.monotonic()
        say(handler, *("x" * 1_000 for _ in range(5_000)))
        handler.flush()
        waited = time.monotonic() - began

        told = drained(reading, handler)

    # Some two hundred fit into the pipe and the queue.
    assert told.count(b"x" * 1_000) < 1_000
    assert b"lines were left out: nobody read them" in told
    assert waited < LAST_WORDS + 10


def drained(reading: int, handler: LineHandler) -> bytes:
    """Read until the handler has nothing more to say."""
    found = b""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        # Asked first: what is written before the end of a line's task is there to be read.
        done = not handler._lines.unfinished_tasks
        while select.select([reading], [], [], 0.01)[0]:
            found += os.read(reading, 1 << 16)
        if done:
            return found
    raise AssertionError("it has more to say")


@pytest.mark.fault("F59")
def test_a_disk_that_is_full_ends_nothing() -> None:
    with open("/dev/full", "w") as out:
        handler = LineHandler(out)
        say(handler, "one", "two")
        handler.flush()
        assert handler._lines.unfinished_tasks == 0
        detached(out)


def detached(out: TextIO) -> None:
    """Forget what could not be written: closing would try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def test_a_stream_that_is_closed_ends_nothing() -> None:
    out = StringIO()
    handler = LineHandler(out)
    out.close()

    say(handler, "one")
    handler.flush()

    assert handler._lines.unfinished_tasks == 0
