"""A pipeline for each test."""

from __future__ import annotations

import pytest

from tests.inputs.pipeline import Pipeline
from tests.inputs.three_pods import three_pods


@pytest.fixture
def pipeline() -> Pipeline:
    """Three pods, and a rule that lets pod-a talk to pod-b on TCP 80."""
    return three_pods()
