"""How a worker's process begins."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from deploy.cli import worker


@pytest.mark.row("G15")
@pytest.mark.parametrize(("user", "warned"), [(0, True), (10_000, False)])
def test_a_worker_that_root_runs_says_so(
    monkeypatch: pytest.MonkeyPatch, user: int, warned: bool
) -> None:
    class Ended:
        """A process that ends as soon as it begins."""

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def execute_from_commandline(self) -> None: ...

    monkeypatch.setattr(worker, "_Process", Ended)
    monkeypatch.setattr(worker.gc, "freeze", lambda: None)
    monkeypatch.setattr(worker.os, "geteuid", lambda: user)

    with capture_logs() as said:
        worker.run(None, "info")

    assert [each["log_level"] for each in said] == ["warning"] * warned
