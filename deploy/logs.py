"""What processes say on standard error: one bounded line per event, for people or as JSON."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

MAX_LINE = 2048
MAX_VALUE = 600
# A client that cannot reach its broker says so ten times a second.
REPEAT_AFTER = 10.0
_NOISY = ("aiokafka", "faust", "mode", "kubernetes", "httpx", "httpcore")

Event = MutableMapping[str, Any]


class RarelyTwice(logging.Filter):
    """Lets a message through that was not said in the last seconds; remembers a bounded number."""

    def __init__(self, after: float = REPEAT_AFTER, kept: int = 200) -> None:
        super().__init__()
        self._after, self._kept = after, kept
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be said."""
        now = time.monotonic()
        key = (record.name, str(record.msg))
        if now - self._said.get(key, -self._after) < self._after:
            return False
        self._said.pop(key, None)
        self._said[key] = now
        while len(self._said) > self._kept:
            del self._said[next(iter(self._said))]
        return True


def configure(style: str = "console", level: str = "info") -> None:
    """Send every log, ours and the libraries', to standard error in one form."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        bounded,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if style == "json" else _console
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(RarelyTwiceForLibraries())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class RarelyTwiceForLibraries(RarelyTwice):
    """Holds back the repetitions of libraries; each of our own lines is an event."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be said."""
        return not record.name.startswith(_NOISY) or super().filter(record)


def bounded(_: Any, __: str, event: Event) -> Event:
    """Escape and cut every text of an event, so that it is one line whoever wrote it."""
    return {key: _one_line(value) for key, value in event.items()}


def _one_line(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # From a traceback the end says most.
    cut = value if len(value) <= MAX_VALUE else f"…{value[-MAX_VALUE:]}"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)


def _console(_: Any, __: str, event: Event) -> str:
    head = f"{event.pop('timestamp', '')} {event.pop('level', '')} {event.pop('event', '')}"
    return " ".join([head, *(f"{key}={value}" for key, value in sorted(event.items()))])[:MAX_LINE]
