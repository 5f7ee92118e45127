"""What people read was read before: every message, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from tests.notify import letters

PAGES = dict(letters.pages())


@pytest.mark.parametrize("page", PAGES)
def test_messages_are_as_they_were_reviewed(page: str) -> None:
    kept = (letters.PLACE / f"{page}.txt").read_text(encoding="utf-8")
    assert PAGES[page] == kept, "after a deliberate change: python -m tests.notify.letters"


def test_every_runbook_that_a_message_leads_to_is_there() -> None:
    named = {
        name for page in PAGES.values() for name in re.findall(r"runbooks/([a-z-]+)\.md", page)
    }
    there = {path.stem for path in (Path(__file__).parents[2] / "docs" / "runbooks").iterdir()}
    assert {kind.runbook for kind in INCIDENT_KINDS.values()} < named <= there


def test_nothing_else_is_kept() -> None:
    assert {path.stem for path in letters.PLACE.iterdir()} == set(PAGES)


def test_no_message_holds_what_a_person_cannot_read() -> None:
    for page in PAGES.values():
        assert not re.search(r"None|\{[a-z]+\}|\binf\b|\bnan\b|[ \t]$", page, re.MULTILINE)
