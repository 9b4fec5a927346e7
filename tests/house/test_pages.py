"""The reference pages say what the code says."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from streams.records.policies import Outcome
from streams.records.reasons import Code, InexactReason, LetterReason
from streams.settings import _OTHERS, Settings
from streams.settings_group import Group
from tests.house.pages import PAGES
from tests.house.pages.licences import (
    ALLOWED_FOR,
    Package,
    closure,
    licence_of,
    packages,
    refused,
)
from tests.house.pages.settings import OTHERS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BY_HAND = {"install.md"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_would_be_written_now(name: str, request: pytest.FixtureRequest) -> None:
    path, page = DOCS / f"{name}.md", PAGES[name]()
    if request.config.getoption("--update-docs", default=False):
        path.write_text(page)

    assert path.read_text() == page, "run `make docs`, and read the difference"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}

    assert {name for name in pages if "/" not in name} == {f"{name}.md" for name in PAGES} | BY_HAND
    assert [name for name in pages if f"({name})" not in index] == []


def test_every_label_and_annotation_of_ours_is_on_the_page_of_objects() -> None:
    text = _code().replace("{NOTES}", "vereflow.io/")
    page = (DOCS / "objects.md").read_text()

    names = set(re.findall(r"vereflow\.io/[a-z-]+", text))
    assert len(names) > 8
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_setting_says_what_it_is_for() -> None:
    groups = [field.annotation for field in Settings.model_fields.values()]
    models = [Settings, *(each for each in groups if isinstance(each, type))]
    silent = [
        f"{model.__name__}.{name}"
        for model in models
        if issubclass(model, Group | Settings)
        for name, field in model.model_fields.items()
        if not field.description and not _is_group(field.annotation)
    ]

    assert silent == []


def test_what_only_the_environment_names_is_on_the_page_of_settings() -> None:
    # The simulator's number of worlds, and where a worker is to die, are for who works on it.
    assert {name.lower() for name in OTHERS} == _OTHERS - {"worlds", "failpoint"}


@pytest.mark.parametrize("kind", [LetterReason, InexactReason, Outcome])
def test_every_code_is_given_somewhere_and_says_what_to_do(kind: type[Code]) -> None:
    text = _code()

    assert [each.name for each in kind if f"{kind.__name__}.{each.name}" not in text] == []
    assert [each.name for each in kind if not (each.meaning and each.advice)] == []


def test_every_package_that_is_installed_with_us_has_a_licence_we_allow() -> None:
    installed = packages()

    assert len(installed) > 40
    assert [package for package in installed if refused(package)] == []


def test_what_makes_a_site_of_the_documentation_has_a_licence_we_allow() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    used = [Package(name, "", licence_of(name), "docs") for name in closure(extras["docs"])]

    assert len(used) > 10
    assert [package for package in used if refused(package)] == []


@pytest.mark.threat("T9")
def test_the_licences_are_those_of_the_pinned_versions() -> None:
    pinned = {package.name: package.version for package in packages()}

    assert {name: version(name) for name in pinned} == pinned, "run `make install`"


def test_no_exception_is_made_for_a_package_that_is_not_there() -> None:
    assert set(ALLOWED_FOR) <= {package.name for package in packages()}


def _code() -> str:
    ours = ("streams", "agents", "deploy")
    return "\n".join(path.read_text() for each in ours for path in (ROOT / each).rglob("*.py"))


def _is_group(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Group)
