"""A machine that cannot have real packets says in one sentence what it lacks, and how to get it."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from deploy.local.packets.lacking import lacking
from deploy.local.packets.namespaces import Namespace


@pytest.fixture(autouse=True)
def _everything_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fine(Namespace):
        @classmethod
        def new(cls) -> Namespace:
            return cls(os.open(os.devnull, os.O_RDONLY))

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/sbin/{command}")
    monkeypatch.setattr("deploy.local.packets.lacking.Namespace", Fine)


def test_where_everything_is_nothing_is_said() -> None:
    assert lacking() == ""


def test_another_system_is_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "geteuid")

    assert "need Linux" in lacking()


def test_somebody_else_than_root_is_told_to_be_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert "need root" in lacking()


@pytest.mark.parametrize(
    ("absent", "advice"),
    [
        ({"nft"}, "need nftables: apt-get install nftables"),
        ({"ip"}, "need iproute2: apt-get install iproute2"),
        ({"ip", "nft"}, "need nftables and iproute2: apt-get install nftables iproute2"),
    ],
)
def test_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, absent: set[str], advice: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name in absent else f"/sbin/{name}")

    assert lacking().endswith(advice)


def test_a_kernel_that_gives_no_namespaces_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(Namespace):
        @classmethod
        def new(cls) -> Namespace:
            raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr("deploy.local.packets.lacking.Namespace", Refusing)

    assert lacking().endswith("unshare: Operation not permitted")
