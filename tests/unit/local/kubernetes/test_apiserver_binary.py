"""kube-apiserver is built once, and says what it needs."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.kubernetes.apiserver import binary
from deploy.local.kubernetes.apiserver.binary import ApiServerNotReady

BUILDS = """#!/bin/sh
echo built >> "$0.log"
while [ "$1" != -o ]; do shift; done
echo program > "$2"
"""
FAILS = """#!/bin/sh
echo 'go: downloading much' >&2
echo 'go.mod requires go >= 1.26.0 (running go 1.19)' >&2
exit 1
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the whole PATH, beside an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    return folder


def install_go(tools: Path, script: str) -> Path:
    go = tools / "go"
    go.write_text(script)
    go.chmod(go.stat().st_mode | stat.S_IXUSR)
    return go


def test_it_is_built_once_and_kept(tools: Path) -> None:
    go = install_go(tools, BUILDS)

    first, second = binary.binary(), binary.binary()

    assert first == second == binary.kept()
    assert first.read_text() == "program\n"
    assert Path(f"{go}.log").read_text() == "built\n"
    # Nothing half built stays behind.
    assert list(first.parent.iterdir()) == [first]


def test_without_go_it_says_where_to_get_it(tools: Path) -> None:
    with pytest.raises(ApiServerNotReady, match=r"https://go\.dev/doc/install"):
        binary.binary()


def test_what_go_said_is_passed_on_without_its_downloads(tools: Path) -> None:
    install_go(tools, FAILS)

    with pytest.raises(ApiServerNotReady, match=r"go\.mod requires go >= 1\.26\.0") as caught:
        binary.binary()

    assert "downloading" not in str(caught.value)
    assert not binary.kept().exists()


def test_what_is_built_otherwise_is_another_program() -> None:
    otherwise = replace(binary.PROGRAM, build=("build", "-race"))

    assert otherwise.kept() != binary.kept()
