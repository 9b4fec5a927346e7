"""The documents speak of what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from deploy.cli import COMMANDS, app
from tests.e2e.readme import NOT_TYPED, blocks, is_typed

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IN_ROOT = [path for path in DOCUMENTS if path.parent == ROOT and path.name != "CHANGELOG.md"]
GUIDES = [path for path in DOCUMENTS if path.parent.name in ("tutorials", "how-to", "explanation")]
HANDWRITTEN = [*IN_ROOT, *GUIDES]
SETTINGS = (ROOT / "docs/settings.md").read_text()
# The command, where one can begin, and what stands behind it, up to a comment, a pipe or the end.
TYPED = re.compile(
    r"(?:^ *|\$ |-- |bin/|\w=\S* |&& )vereflow ([a-z-]+)((?: (?!#)[^\s`|&]+)*)", re.MULTILINE
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_local_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_within_a_document_leads_to_a_heading(document: Path) -> None:
    text = document.read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}

    assert [each for each in re.findall(r"\]\(#([^)]+)\)", text) if each not in anchors] == []


def test_everything_the_map_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = text[text.index("## Where is") :].splitlines()
    named = [path for row in rows for path in re.findall(r"`([a-z_]+/[a-z_/.]*)`", row)]

    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()

    assert len(COMMANDS) > 10
    assert [name for name in COMMANDS if name not in text] == []


@pytest.mark.parametrize("document", HANDWRITTEN, ids=name_of)
def test_whatever_a_document_lets_us_type_is_a_command_with_that_option(document: Path) -> None:
    wrong = [
        f"vereflow {name}{rest}"
        for name, rest in TYPED.findall(typed_in(document))
        if name not in COMMANDS or not set(re.findall(r" (--?[a-z-]+)", rest)) <= options_of(name)
    ]

    assert wrong == []


def test_whatever_one_types_to_install_is_a_command() -> None:
    text = (ROOT / "docs/install.md").read_text()
    typed = re.findall(r"(?:-- |bin/|exec vereflow |' )vereflow ([a-z-]+)", text)

    assert len(typed) >= 5
    assert set(typed) <= set(COMMANDS)


def test_the_readme_lets_us_type_something() -> None:
    assert len(TYPED.findall(typed_in(ROOT / "README.md"))) > 10


def test_every_block_of_the_readme_is_typed_by_a_test_or_says_why_not() -> None:
    untyped = [block[0].removeprefix(NOT_TYPED) for block in blocks() if not is_typed(block)]

    assert all(re.fullmatch(r"\w.+\w.*", reason) for reason in untyped)
    # All others are, by tests/e2e/test_readme.py: there is no third kind.
    assert len(untyped) < len(blocks()) / 2


@pytest.mark.parametrize("document", HANDWRITTEN, ids=name_of)
def test_whatever_a_document_lets_us_make_is_a_target(document: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = set(re.findall(r"(?:^|`|    )make ([a-z0-9]+)", document.read_text(), re.MULTILINE))

    assert made - targets == set()


@pytest.mark.parametrize("document", GUIDES, ids=name_of)
def test_whatever_a_guide_sets_is_a_setting(document: Path) -> None:
    text = document.read_text()
    groups = "|".join(re.findall(r"^## ([a-z]+)$", SETTINGS, re.MULTILINE))
    named = re.findall(r"VEREFLOW_[A-Z_]+", text)
    named += re.findall(rf"`((?:{groups})\.[a-z_]+)(?::[^`]*)?`", text)

    assert [name for name in named if f"`{name}`" not in SETTINGS] == []


def typed_in(document: Path) -> str:
    """Return what stands in code: between fences, in lines that are set in, and in backquotes.

    Where prompts stand, it is what stands behind them.
    """
    text = document.read_text()
    fenced = re.findall(r"^ *```.*?^ *```$", text, re.MULTILINE | re.DOTALL)
    for block in fenced:
        text = text.replace(block, "")
    typed = ["\n".join(re.findall(r"^\$ .*", each, re.MULTILINE)) or each for each in fenced]
    lines = text.splitlines()
    set_in = [line for line in lines if line.startswith("    ")]
    prose = "\n".join(line for line in lines if not line.startswith("    "))
    return "\n".join([*typed, *set_in, *re.findall(r"`([^`]+)`", prose)])


def options_of(name: str) -> set[str]:
    group: Any = typer.main.get_command(app)
    with group.make_context("vereflow", [name], resilient_parsing=True) as above:
        _, command, _ = group.resolve_command(above, [name])
    return {option for each in command.params for option in each.opts}
