"""The image installs what is pinned, as nobody of importance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.hands import ROOT
from tests.house.pages.image import entries, image_lock
from tests.house.pages.licences import locked, packages

LOCK = ROOT / "deploy/image.lock"
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Return the words of each instruction, continued lines joined."""
    text = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in text.splitlines())
        if word
    ]


def test_what_the_image_installs_is_what_would_be_written_now(
    request: pytest.FixtureRequest,
) -> None:
    text = image_lock()
    if request.config.getoption("--update-docs", default=False):
        LOCK.write_text(text)

    assert LOCK.read_text() == text, "run `make docs`, and read the difference"


@pytest.mark.threat("T9")
def test_everything_in_the_image_is_pinned_by_hash_as_where_it_was_tested() -> None:
    worker = {package.name for package in packages() if package.needed == "worker"}
    found = entries(LOCK.read_text())

    assert set(found) == worker
    assert all("--hash=sha256:" in text for text in found.values())
    for name, text in found.items():
        assert text.startswith(f"{name}=={locked()[name]} ")
    installs = [line for line in DOCKERFILE.splitlines() if "pip install" in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


@pytest.mark.threat("T8", "T9")
def test_the_image_stands_on_a_digest_and_runs_as_nobody() -> None:
    told = instructions()

    bases = [rest for word, rest in told if word == "FROM"]
    assert len(bases) == 2
    assert all(re.fullmatch(r"\S+@\$\{PYTHON_DIGEST\}( AS build)?", base) for base in bases)
    last = told[max(number for number, (word, _) in enumerate(told) if word == "FROM") :]
    assert ("USER", "65532:65532") in last
    assert ("ENTRYPOINT", '["vereflow"]') in last
    assert not [rest for word, rest in last if word in ("RUN", "ADD")]
    assert not [
        rest for word, rest in told if word in ("ARG", "ENV") and "PASSWORD" in rest.upper()
    ]


def test_whatever_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]

    assert len(sources) > 6
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{Path(source).parts[0]}" in ignored
