"""Worlds of several clusters that cannot be: exit 2, one line, and nothing was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Invoke


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(("--kube", "kubeconfig:there"), id="somebody-else's-cluster"),
        pytest.param(("--broker", "kafka:secured"), id="one-login-for-all"),
        pytest.param(("--workers", "2"), id="several-workers-at-each"),
    ],
)
def test_several_clusters_are_refused_where_they_would_not_be_apart(
    invoke: Invoke, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    ended = invoke("up", "--clusters", "2", *parts, "--state-dir", str(tmp_path))

    assert ended.exit_code == 2, ended.output
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vereflow: --clusters is for clusters of our own")
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_more_clusters_than_there_are_names_for_are_refused(invoke: Invoke) -> None:
    assert invoke("up", "--clusters", "5").exit_code == 2


def test_pages_over_tls_are_refused_where_all_is_on_loopback(
    invoke: Invoke, tmp_path: Path
) -> None:
    told = {f"VEREFLOW_WEB__{name}": "/file" for name in ("CERTIFICATE", "KEY")}
    ended = invoke("up", "--state-dir", str(tmp_path), **told)

    assert ended.exit_code == 2
    assert "unset web.certificate" in ended.stderr
    assert [*tmp_path.iterdir()] == []
