"""Only our own broker's hook is ever called."""

from __future__ import annotations

import pytest

from deploy.hooks import ALLOWED, call_hook
from deploy.local.broker import quirks
from deploy.world import BROKER_HOOK


@pytest.mark.parametrize(
    "name",
    ["os:system", "os:abort", "", ":", "deploy.local.broker.quirks", f"{BROKER_HOOK} ", "x" * 5000],
)
def test_any_other_name_is_refused_in_few_words(name: str) -> None:
    with pytest.raises(ValueError, match="no such hook") as refusal:
        call_hook(name)

    assert len(str(refusal.value)) < 120


def test_the_hook_of_the_local_world_is_allowed_and_called(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[bool] = []
    monkeypatch.setattr(quirks, "install", lambda: called.append(True))

    call_hook(BROKER_HOOK)

    assert called == [True]
    assert ALLOWED == (BROKER_HOOK,)
