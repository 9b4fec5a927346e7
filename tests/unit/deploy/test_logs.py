"""One bounded line per event, whoever wrote its texts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from deploy import logs
from deploy.logs import MAX_LINE, OneLine, RarelyTwice
from tests.inputs.texts import TEXTS

STYLES = ("console", "json")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the logging of the other tests alone."""
    names = (None, *logs.OURS)
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    handlers = logging.getLogger().handlers
    yield
    logging.getLogger().handlers = handlers
    for logger, level in before:
        logger.setLevel(level)
    structlog.reset_defaults()


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    for handler in logging.getLogger().handlers:
        handler.flush()
    text = capsys.readouterr().err
    assert text.endswith("\n") or not text
    return text.split("\n")[:-1]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.row("L")
@pytest.mark.threat("T11")
def test_a_text_of_a_stranger_stays_in_its_line(
    style: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(style)

    structlog.get_logger("agents.any").warning("dead letter", reason=text)
    logging.getLogger("aiohttp.server").error("bad request: %s", text)
    logging.getLogger("streams.stop").error(text)

    lines = said(capsys)
    assert len(lines) == 3
    for line in lines:
        assert len(line.encode()) <= MAX_LINE
        assert line.isprintable()
    assert "dead letter" in lines[0]
    assert "bad request" in lines[1]


texts = st.text(max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=5,
)
keys = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
events = st.dictionaries(keys, values | st.text(min_size=700), max_size=60)


@given(events, texts, st.sampled_from(STYLES))
def test_any_event_is_one_bounded_line_that_says_what_happened(
    fields: dict[str, object], what: str, style: str
) -> None:
    event = {**fields, "event": what, "level": "info"}

    line = OneLine(logs._renderer(style))(None, "info", event)

    assert len(line.encode()) <= MAX_LINE
    assert line.isprintable()
    if style == "json":
        assert json.loads(line, parse_constant=pytest.fail)["level"] == "info"


@given(texts, texts)
def test_no_value_passes_for_another_field_on_the_console(one: str, two: str) -> None:
    render = OneLine(logs._renderer("console"))

    line = render(None, "info", {"event": one, "reason": two})

    outside = "".join(line.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    assert outside.count("=") == 2


@pytest.mark.parametrize("style", STYLES)
def test_a_traceback_keeps_its_end(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style)

    try:
        raise ValueError("begin" + "x" * 700 + "end\nof it")
    except ValueError:
        structlog.get_logger("agents.any").exception("handler failed")
        logging.getLogger("mode").exception("crashed")

    lines = said(capsys)
    assert len(lines) == 2
    assert all("end" in line and "of it" in line for line in lines)
    assert not any("begin" in line for line in lines)


def test_json_lines_name_level_time_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")

    structlog.get_logger("agents.any").warning("lease lost", cluster="local", n=3)
    logging.getLogger("faust.app").warning("%s crashed", "it")

    ours, faust = (json.loads(line) for line in said(capsys))
    assert ours["timestamp"] <= faust["timestamp"]
    del ours["timestamp"], faust["timestamp"]
    assert ours == {
        "event": "lease lost",
        "cluster": "local",
        "n": 3,
        "level": "warning",
        "logger": "agents.any",
    }
    assert faust == {"event": "it crashed", "level": "warning", "logger": "faust.app"}


@pytest.mark.parametrize("library", ["aiokafka.conn", "faust.app", "mode", "kubernetes.client"])
def test_a_library_that_repeats_itself_is_heard_once(
    library: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()

    for number in range(50):
        logging.getLogger(library).error("no route to node %s", number)
        structlog.get_logger("agents.any").error("no route", n=number)

    lines = said(capsys)
    assert sum("no route to node" in line for line in lines) == 1
    assert sum("no route " not in line for line in lines) == 50


def test_a_library_is_heard_again_later_and_about_other_things() -> None:
    held_back = RarelyTwice(after=0)

    def record(words: str) -> logging.LogRecord:
        return logging.LogRecord("aiokafka", logging.ERROR, "", 0, words, (), None)

    assert [held_back.filter(record("no route")) for _ in range(2)] == [True, True]
    slow = RarelyTwice()
    assert [slow.filter(record(f"words {n}")) for n in range(2)] == [True, True]


def test_what_was_said_is_remembered_within_bounds() -> None:
    held_back = RarelyTwice(kept=10)

    for number in range(1000):
        words = f"{number}" + "x" * 10_000
        held_back.filter(logging.LogRecord("aiokafka", logging.ERROR, "", 0, words, (), None))

    assert len(held_back._said) == 10
    assert sum(len(words) for _, words in held_back._said) <= 2000


def test_a_name_that_only_begins_like_ours_is_a_librarys() -> None:
    held_back = RarelyTwice()

    heard = [
        held_back.filter(logging.LogRecord("agentscope", logging.ERROR, "", 0, "x", (), None))
        for _ in range(2)
    ]

    assert heard == [True, False]


@pytest.mark.row("G16")
@pytest.mark.threat("T5")
def test_libraries_never_say_what_they_send_not_even_when_we_debug(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(level="debug")

    logging.getLogger("httpx").info("HTTP Request: GET http://127.0.0.1/?token=secret")
    logging.getLogger("httpcore.http11").debug("authorization: Bearer secret")
    logging.getLogger("kubernetes.client.rest").debug("response body: secret")
    structlog.get_logger("agents.any").debug("looking")

    (line,) = said(capsys)
    assert "looking" in line


def test_the_level_holds_for_us_and_for_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="error")

    structlog.get_logger("agents.any").warning("quiet")
    logging.getLogger("faust").warning("quiet")
    structlog.get_logger("agents.any").error("loud")

    (line,) = said(capsys)
    assert "loud" in line
