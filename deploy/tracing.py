"""Say where the spans of a worker go, if they go anywhere, and as whom they are handed over."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from agents.metrics import Metrics
from deploy.secret_files import NoLogin, secret, trust
from streams.settings import Settings

if TYPE_CHECKING:
    from agents.clients.traces import OtlpTraces

_LONGEST_FILE = 16384
_HEADER = re.compile(r"([A-Za-z0-9-]{1,100}): ?([!-~][ -~]*)")


def traces_of(settings: Settings, metrics: Metrics) -> OtlpTraces | None:
    """Return where spans go, or None: then nothing of OpenTelemetry is loaded; raise NoLogin."""
    traces = settings.traces
    if not traces.endpoint:
        return None
    from agents.clients.traces import OtlpTraces, over_http

    if traces.ca is not None:
        trust("traces.ca", traces.ca)
    headers = partial(_headers, traces.headers_file)
    # Now it is a mistake of whoever starts us; later, of whoever replaces the file.
    headers()
    who = {
        "service.name": "vereflow",
        "service.version": version("vereflow"),
        "service.namespace": settings.instance,
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    exporter = over_http(traces.endpoint, traces.ca, headers)
    return OtlpTraces(exporter, traces.ratio, who, metrics.spans_lost)


def _headers(path: Path | None) -> Mapping[str, str]:
    """Return what is shown, read anew each time: a login is replaced while we run."""
    if path is None:
        return {}
    lines = secret("traces.headers_file", path, _LONGEST_FILE).splitlines()
    found = [_HEADER.fullmatch(line) for line in lines]
    if not all(found):
        raise NoLogin(f"traces.headers_file {path}: a line is NAME: VALUE")
    return {each[1]: each[2].rstrip() for each in found if each}
