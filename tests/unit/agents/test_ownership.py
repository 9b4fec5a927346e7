"""What a worker may take for its own, by what it heard last."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agents.ownership import in_touch


@pytest.mark.parametrize(("silence", "touch"), [(0.5, True), (6.9, True), (7.1, False)])
def test_who_hears_nothing_is_out_of_touch_before_others_may_begin(
    silence: float, touch: bool
) -> None:
    conf = SimpleNamespace(broker_session_timeout=10.0, broker_heartbeat_interval=3.0)
    app = SimpleNamespace(conf=conf, consumer=SimpleNamespace(silence=silence))

    assert in_touch(app) is touch
