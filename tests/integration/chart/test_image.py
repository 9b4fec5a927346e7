"""The image, built by the Dockerfile and run by a container runtime as the chart says."""

from __future__ import annotations

import asyncio
import functools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.kubernetes.apiserver.server import ApiServer
from tests.integration.chart.applying import Kubectl
from tests.integration.chart.container import Container
from tests.integration.chart.image import BUILD_WITHIN, Images, needs_engine
from tests.integration.chart.rendering import needs_helm
from tests.integration.chart.test_story import play
from tests.real import needs_go, needs_java

Json = dict[str, Any]

pytestmark = [
    *(pytest.mark.long, needs_engine, needs_helm, needs_go, needs_java),
    pytest.mark.timeout(BUILD_WITHIN),
]

TAG = "localhost/vereflow:tried"
# Without the base, which is another where it is not ours.
MEBIBYTES = 200


@dataclass(frozen=True)
class Built:
    """An image that was built: its root, and how it wants to be run."""

    root: Path
    config: Json


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("images")
    images = Images(folder)
    images.build(images.base(), TAG)
    yield Built(images.root(TAG), images.config(TAG))
    # Each image and container in it is a copy of its own: a gigabyte and a half.
    shutil.rmtree(folder)


def test_it_has_vereflow_and_nothing_that_installs_more(built: Built) -> None:
    programs = {each.name for each in (built.root / "opt/vereflow/bin").iterdir()}
    files = [each for each in (built.root / "opt/vereflow").rglob("*") if each.is_file()]

    assert "vereflow" in programs
    assert not [each for each in programs if each.startswith("pip")]
    assert not (built.root / "build").exists()
    assert sum(each.lstat().st_size for each in files) < MEBIBYTES << 20
    assert built.config["User"] == "65532:65532"


def test_its_worker_does_as_the_chart_says_and_plays_the_story(
    built: Built, apiserver: ApiServer, kubectl: Kubectl, tmp_path: Path
) -> None:
    start = functools.partial(Container, root=built.root, image=built.config)

    asyncio.run(play(apiserver, kubectl, tmp_path, start))
