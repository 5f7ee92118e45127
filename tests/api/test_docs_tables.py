"""The reference of the resource says what the models say."""

from __future__ import annotations

import re

import pytest
import yaml

from baileys_janitor.api.config.config_file import DRY_RUN, ENVIRONMENT
from baileys_janitor.api.generated.docs_tables import PAGES, with_tables
from baileys_janitor.api.names import API_VERSION, EMERGENCY_ANNOTATION
from tests.api.corpus_files import ROOT

PAGE = (ROOT / "docs" / "resource.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_are_those_of_the_models(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert with_tables(text, PAGES[page]()) == text, "run: make generate"


@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for page, tables in PAGES.items() for name in tables()]
)
def test_every_table_has_its_place_on_the_page(page: str, name: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert text.count(f"<!-- {name}: generated -->") == 1
    assert PAGES[page]()[name] in text


def test_the_page_names_the_annotation_and_every_variable() -> None:
    for name in (EMERGENCY_ANNOTATION, DRY_RUN, *ENVIRONMENT):
        assert name in PAGE


def test_the_manifest_on_the_page_is_the_kept_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    assert shown is not None
    manifest = yaml.safe_load(shown[1])
    assert manifest == yaml.safe_load((ROOT / "examples" / "tenant.yaml").read_text())
    assert manifest["apiVersion"] == API_VERSION


def test_every_file_the_page_links_to_among_the_examples_exists() -> None:
    linked = re.findall(r"\.\./(examples/[\w.-]+)", PAGE)

    assert len(linked) >= 4
    assert [name for name in linked if not (ROOT / name).exists()] == []
