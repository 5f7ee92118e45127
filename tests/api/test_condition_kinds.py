"""The registry of conditions fits together, and what it takes to add to it is written down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from baileys_janitor.api.conditions.backup_conditions import BACKUP_CONDITIONS
from baileys_janitor.api.conditions.condition_kinds import (
    ADVICE,
    CONDITIONS,
    ConditionKind,
    Family,
    Group,
    event_kinds,
)
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.names import GROUP
from baileys_janitor.api.status import Level
from baileys_janitor.policy import levels
from tests.api.corpus_files import ROOT

CODE = ROOT / "operator" / "baileys_janitor"
RUNBOOKS = ROOT / "docs" / "runbooks"
by_kind = pytest.mark.parametrize("kind", CONDITIONS.values(), ids=lambda kind: kind.type)


@by_kind
def test_a_condition_says_when_it_is_true_and_advice_what_to_do(kind: ConditionKind) -> None:
    assert kind.when.endswith(".")
    if kind.group == Group.ADVICE:
        assert kind.to_do or kind.incident is not None
        assert kind.event is not None


@by_kind
def test_whoever_is_told_of_a_condition_finds_its_runbook(kind: ConditionKind) -> None:
    if kind.runbook:
        assert (RUNBOOKS / f"{kind.runbook}.md").exists()
    assert kind.runbook or (kind.incident is None and kind.alert is None)


def test_no_name_means_two_things() -> None:
    of_conditions = [kind.incident.name for kind in CONDITIONS.values() if kind.incident]
    assert len(set(of_conditions)) == len(of_conditions)
    assert set(of_conditions) < set(INCIDENT_KINDS)
    reasons = [reason for kind in CONDITIONS.values() for reason in kind.reason_events]
    assert len(set(reasons)) == len(reasons)
    assert len(event_kinds()) == len(reasons) + sum(
        each is not None for k in CONDITIONS.values() for each in (k.event, k.false_event)
    )


def test_the_numbers_of_families_are_those_of_stored_ids() -> None:
    assert {family.name: family.value for family in Family} == {
        "LEVEL": 0,
        "CREDENTIALS": 1,
        "CLEANUP": 2,
        "DISK": 3,
        "SCAN": 4,
        "INACTIVE": 5,
        "IDENTITY": 6,
        "BREAKER": 7,
        "BACKUP": 8,
        "DRILL": 9,
        "PAIRING": 10,
    }


def test_levels_are_those_of_the_rules_the_best_first() -> None:
    assert (
        tuple(kind.type for kind in CONDITIONS.values() if kind.group == Group.LEVEL)
        == levels.LEVELS
    )
    assert (*levels.LEVELS, "Unknown") == get_args(Level)
    assert set(CONDITIONS) == {*levels.LEVELS, *ADVICE, *BACKUP_CONDITIONS, "Ready", "Stalled"}


def test_one_module_spells_the_group_of_the_api() -> None:
    spelled = {path for path in CODE.rglob("*.py") if GROUP in path.read_text(encoding="utf-8")}
    assert spelled == {CODE / "api" / "names.py"}


def test_every_file_that_contributors_are_sent_to_exists() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:operator|tests|charts|docs)/[\w./-]+)`", page)
    named += re.findall(r"\]\(([\w./-]+)\)", page)
    assert len(named) > 30
    assert [name for name in named if not (ROOT / Path(name)).exists()] == []
