"""What processes say on standard error: one bounded line per event, for people or as JSON."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

from deploy.log_lines import LineHandler

MAX_LINE = 2048
# Tried in turn until the line fits.
MAX_VALUES = (600, 150, 30)
# A client that cannot reach its broker says so ten times a second.
REPEAT_AFTER = 10.0
OURS = ("streams", "tables", "agents", "deploy")
HEAD = ("timestamp", "level", "logger", "event")

Event = MutableMapping[str, Any]


def configure(style: str = "console", level: str = "info") -> None:
    """Send every log, ours and the libraries', to standard error in one form."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = LineHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                OneLine(_renderer(style)),
            ],
        )
    )
    handler.addFilter(RarelyTwice())
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries say at lower levels what they send, tokens included.
    root.setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


class RarelyTwice(logging.Filter):
    """Holds back what a library said a moment ago; each of our own lines is an event."""

    def __init__(self, after: float = REPEAT_AFTER, kept: int = 200) -> None:
        super().__init__()
        self._after, self._kept = after, kept
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be said."""
        if record.name.partition(".")[0] in OURS:
            return True
        now = time.monotonic()
        # The words without what they speak about: that differs each time.
        key = (record.name, str(record.msg)[:200])
        if now - self._said.get(key, -math.inf) < self._after:
            return False
        self._said.pop(key, None)
        self._said[key] = now
        while len(self._said) > self._kept:
            del self._said[next(iter(self._said))]
        return True


class OneLine:
    """Renders an event as one line of bounded length, whoever wrote its texts."""

    def __init__(self, render: Any) -> None:
        self._render = render

    def __call__(self, logger: Any, method: str, event: Event) -> str:
        """Return the longest form that fits; the head alone always does."""
        head = {key: event[key] for key in HEAD if key in event}
        tries = [*((event, most) for most in MAX_VALUES), (head, MAX_VALUES[-1])]
        for told, most in tries:
            cut = {key: _cut(key, value, most) for key, value in told.items()}
            line: str = self._render(logger, method, cut)
            if len(line.encode()) <= MAX_LINE:
                break
        return line


def _renderer(style: str) -> Any:
    if style == "json":
        return structlog.processors.JSONRenderer()
    return structlog.processors.LogfmtRenderer(
        key_order=HEAD, drop_missing=True, sort_keys=True, bool_as_flag=False
    )


def _cut(key: str, value: Any, most: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    text = str(value)
    if len(text) > most:
        # From a traceback the end says most.
        text = f"…{text[-most:]}" if key == "exception" else f"{text[:most]}…"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
