"""A state dir that others could change, or that is not ours, is refused with a clear line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.cli import state_dir
from deploy.cli.state_dir import BadStateDir, claim_state_dir, drop_rows_of_before


@pytest.mark.row("G08")
def test_one_that_is_not_there_is_made_and_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state"

    claim_state_dir(path).close()

    assert path.stat().st_mode & 0o777 == 0o700
    claim_state_dir(path).close()


@pytest.mark.row("G08")
def test_a_directory_of_ours_will_do_by_a_link_of_ours_as_well(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("state")

    claim_state_dir(tmp_path / "state").close()
    claim_state_dir(tmp_path / "link").close()


@pytest.mark.fault("F36")
@pytest.mark.row("G20")
def test_one_that_another_worker_uses_is_refused_until_that_one_has_ended(tmp_path: Path) -> None:
    used = claim_state_dir(tmp_path / "state")

    with pytest.raises(BadStateDir, match="another worker uses it: give each its own"):
        claim_state_dir(tmp_path / "state")

    used.close()
    claim_state_dir(tmp_path / "state").close()


def test_one_whose_lock_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()

    with pytest.raises(BadStateDir, match="its lock cannot be opened"):
        claim_state_dir(tmp_path)


def a_file(path: Path) -> None:
    path.write_text("")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


def a_link_to_a_file(path: Path) -> None:
    path.with_name("file").write_text("")
    path.symlink_to("file")


def below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


def everybodys(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def a_link_to_everybodys(path: Path) -> None:
    everybodys(path.with_name("open"))
    path.symlink_to("open")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (a_file, "not a directory"),
        (a_link_to_nothing, "not a directory"),
        (a_link_to_a_file, "not a directory"),
        (below_a_file, "cannot be made"),
        (everybodys, "everybody may write"),
        (a_link_to_everybodys, "everybody may write"),
    ],
)
@pytest.mark.row("G08")
def test_what_cannot_be_used_is_refused(tmp_path: Path, make, why: str) -> None:
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "state"
    make(path)

    with pytest.raises(BadStateDir, match=why) as refused:
        claim_state_dir(path)

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.row("G08")
def test_a_directory_or_a_link_to_one_that_is_somebody_elses_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("state")
    somebody = os.geteuid() + 1
    monkeypatch.setattr(state_dir.os, "geteuid", lambda: somebody)

    with pytest.raises(BadStateDir, match="it is not ours"):
        claim_state_dir(tmp_path / "state")
    with pytest.raises(BadStateDir, match=f"a link to {tmp_path / 'state'}"):
        claim_state_dir(tmp_path / "link")


@pytest.mark.row("G08")
def test_a_read_only_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permission bits do not stop root, who runs these tests in some places.
    monkeypatch.setattr(state_dir.os, "access", lambda *_: False)

    with pytest.raises(BadStateDir, match="read-only"):
        claim_state_dir(tmp_path)


def test_rows_of_another_epoch_are_dropped_and_those_of_this_one_kept(tmp_path: Path) -> None:
    rows = tmp_path / "tables" / "pods-0.db"
    for epoch, kept in ((3, False), (3, True), (4, False), (4, True)):
        rows.mkdir(parents=True, exist_ok=True)
        drop_rows_of_before(tmp_path, epoch)
        assert rows.exists() is kept
