"""What a replay told is read again, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.asking.past import read_then


@given(st.binary())
def test_what_no_replay_told_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_then(text)
