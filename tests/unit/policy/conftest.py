"""Golden manifests: compared, or written anew with ``--update-golden``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, list[dict]], None]:
    """Compare manifests with the file of this name."""
    # Pytest reads options of this folder only when it is named on the command line.
    update = request.config.getoption("--update-golden", default=False)

    def compare(name: str, manifests: list[dict]) -> None:
        path = GOLDEN / f"{name}.yaml"
        if update:
            path.write_text(yaml.safe_dump_all(manifests, sort_keys=False))
        assert list(yaml.safe_load_all(path.read_text())) == manifests

    return compare
