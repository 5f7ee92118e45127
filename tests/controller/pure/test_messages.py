"""Which news become Events, and how they read to whoever describes a tenant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.condition_kinds import ADVICE, CONDITIONS
from baileys_janitor.controller.events.messages import (
    NOTE_BYTES,
    REASONS,
    Reason,
    bounded,
    events_of,
    told,
)
from baileys_janitor.status import compose
from baileys_janitor.status.changes import (
    CleanupFinished,
    CleanupStarted,
    ConditionChanged,
    CopyNotKept,
    FaultMet,
    JobEnded,
    LevelChanged,
    OperationChanged,
    Regarding,
    between,
)
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault

from .world import CONTEXT, NOW, claimed, cleaned, look, tenant


def drafts(known, before, after):
    return [draft for draft in map(told, between(known, before, after)) if draft is not None]


def lines(found):
    return [f"{draft.type} {draft.reason}: {draft.note}" for draft in found]


def seen(counted: int = 176, **more):
    """A tenant with a count, and its status."""
    known = tenant()
    record_result.scanned(known, look(counted, **more), NOW, used=True)
    return known, compose.compose(known, NOW, CONTEXT)


@pytest.mark.parametrize("counted", [120, 155])
def test_the_first_look_at_a_tenant_that_fares_well_is_no_event(counted: int) -> None:
    known, first = seen(counted)
    assert drafts(known, {"observedGeneration": -1}, first) == []


def test_a_first_look_that_finds_an_emergency_is_told() -> None:
    known, first = seen(190)
    (draft,) = drafts(known, {"observedGeneration": -1}, first)
    assert (draft.reason, draft.type) == (Reason.LEVEL_CHANGED, "Warning")
    assert draft.note.startswith("Unknown -> Emergency: In danger, at 185 or above: 190 files")


def test_an_unknown_level_of_another_cause_is_another_event() -> None:
    known = tenant()
    broken, again, missing = (
        told(LevelChanged(known, "Warning", "Unknown", said))
        for said in ("Broken.", "Broken.", "Missing.")
    )
    assert broken is not None
    assert again is not None
    assert missing is not None
    assert broken.key == again.key != missing.key


def test_a_level_that_rises_warns_and_one_that_falls_does_not() -> None:
    known = tenant()
    types = {
        (before, after): told(LevelChanged(known, before, after, "Said.")).type
        for before, after in [
            ("Healthy", "Warning"),
            ("Warning", "Emergency"),
            ("Emergency", "Healthy"),
            ("Critical", "Warning"),
            ("Critical", "Unknown"),
        ]
    }
    assert list(types.values()) == ["Warning", "Warning", "Normal", "Normal", "Normal"]


def test_a_cleanup_is_told_from_its_claim_to_what_it_kept() -> None:
    known, first = seen(176)
    claimed(known)
    second = compose.compose(known, NOW, CONTEXT)
    begun = lines(drafts(known, first, second))
    kept = {"ProtectedKind": 60, "InUse": 90}
    record_result.cleaned(known, cleaned(scan=look(164), kept=kept), NOW, used=True)
    third = compose.compose(known, NOW, CONTEXT)
    said = "Trigger cleanup 20261122-030000-abc begins: 176 files counted, 10 can be removed."
    assert begun == [f"Normal CleanupStarted: {said}"]
    (over,) = [line for line in lines(drafts(known, second, third)) if "CleanupFinished" in line]
    assert "Removed 12 files, 190 counted before and 178 after." in over
    assert over.endswith("It took 340ms.")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"reason": "Daily", "outcome": "NothingToDo"}, None),
        ({"reason": "Requested", "outcome": "NothingToDo"}, "Normal NothingToDo"),
        ({"reason": "Requested", "outcome": "Refused"}, "Warning RequestRefused"),
        ({"reason": "Requested", "outcome": "Refused", "run": "r"}, "Warning CleanupRefused"),
        ({"reason": "Trigger", "outcome": "Failed", "run": "r"}, "Warning CleanupFailed"),
        ({"reason": "Trigger", "outcome": "Killed", "run": "r"}, "Warning CleanupKilled"),
        ({"reason": "Trigger", "outcome": "Capped", "run": "r"}, "Normal CleanupFinished"),
        ({"reason": "Daily", "outcome": "DryRun", "run": "r"}, "Normal CleanupFinished"),
    ],
)
def test_how_a_cleanup_ended_has_a_reason_of_its_own(entry, expected) -> None:
    draft = told(CleanupFinished(tenant(), entry))
    assert (draft and f"{draft.type} {draft.reason}") == expected


def test_a_fault_is_told_once_with_its_way_out_and_so_is_its_end() -> None:
    known, first = seen(120)
    known.backoff.fault = Fault("ClaimMissing", 'The PersistentVolumeClaim "data" does not exist.')
    second = compose.compose(known, NOW, CONTEXT)
    known.backoff.fault = None
    third = compose.compose(known, NOW, CONTEXT)
    assert lines(drafts(known, first, second) + drafts(known, second, third)) == [
        'Warning Stalled: ClaimMissing: The PersistentVolumeClaim "data" does not exist.',
        "Normal Recovered: The janitor can observe and act again.",
    ]


def test_advice_is_told_when_it_begins_and_when_it_is_over() -> None:
    known = tenant()
    begins = ConditionChanged(known, "DiskPressure", "Unknown", "True", "DiskPressure", "Full.")
    calm = CONDITIONS["DiskPressure"].calm_message
    ends = ConditionChanged(known, "DiskPressure", "True", "False", "NoAdvice", calm)
    never = ConditionChanged(known, "DiskPressure", "Unknown", "False", "NoAdvice", "")
    assert lines([told(begins), told(ends)]) == [
        "Warning DiskPressure: Full.",
        (
            "Normal Recovered: DiskPressure does not hold any more. "
            "The volume has the free space that diskPressure requires."
        ),
    ]
    assert told(never) is None
    assert told(ConditionChanged(known, "Somebodys", "False", "True", "Else", "")) is None
    assert told(JobEnded("shop", "scan", 40, 3.0, "Completed")) is None


@given(st.text(max_size=3000))
def test_a_note_is_never_longer_than_the_api_server_takes(text: str) -> None:
    note = bounded(text)
    assert len(note.encode()) <= NOTE_BYTES
    assert note == text or note.endswith("...")


def test_two_runs_are_two_stories_and_a_repeated_change_is_one() -> None:
    known = tenant()
    assert (
        told(CleanupStarted(known, "a", "Trigger")).key
        != told(CleanupStarted(known, "b", "Trigger")).key
    )
    changes = [LevelChanged(known, "Healthy", "Warning", f"{n} files") for n in (151, 153)]
    assert told(changes[0]).key == told(changes[1]).key


def condition(kind: str, reason: str = "", status: str = "True", before: str = "False"):
    return ConditionChanged(tenant(), kind, before, status, reason or kind, "Said.")


def over(outcome: str, reason: str = "Trigger", run: str | None = "r"):
    entry = {"outcome": outcome, "reason": reason, "run": run, "message": "Said."}
    return CleanupFinished(tenant(), entry)


def operation(phase: str) -> OperationChanged:
    both = (
        Regarding("BaileysOperation", "tidy", "u1", "7"),
        Regarding("BaileysTenant", "acme", "u2", "8"),
    )
    return OperationChanged("shop", "tidy", "acme", "Clean", phase, "Busy", "Said.", both)


def test_an_operation_is_told_of_on_itself_and_on_its_tenant() -> None:
    found = [(each.kind, each.name, each.type) for each in events_of(operation("Failed"))]
    assert found == [
        ("BaileysOperation", "tidy", "Warning"),
        ("BaileysTenant", "acme", "Warning"),
    ]


def test_every_reason_is_told_by_the_news_it_is_named_after() -> None:
    heard = {
        Reason.LEVEL_CHANGED: LevelChanged(tenant(), "Healthy", "Warning", "Said."),
        Reason.CLEANUP_STARTED: CleanupStarted(tenant(), "r", "Trigger"),
        Reason.CLEANUP_FINISHED: over("Completed"),
        Reason.CLEANUP_FAILED: over("Failed"),
        Reason.CLEANUP_KILLED: over("Killed"),
        Reason.CLEANUP_REFUSED: over("Refused"),
        Reason.REQUEST_REFUSED: over("Refused", "Requested", None),
        Reason.NOTHING_TO_DO: over("NothingToDo", "Requested"),
        Reason.COPY_NOT_KEPT: CopyNotKept(tenant(), "DiskFull", "Said."),
        "Stalled": condition("Stalled", "ClaimMissing"),
        Reason.RECOVERED: condition("Stalled", "NoFault", "False", "True"),
        "ScansMissed": condition("Ready", "ScansMissed", "Unknown"),
        "Suspended": condition("Ready", "Suspended"),
        "WaitingForFirstConsumer": condition("Ready", "WaitingForFirstConsumer"),
        "BackupFailing": condition("BackedUp", "Forbidden", "False", "True"),
        "DrillFailing": condition("Restorable", "DrillFailed", "False", "True"),
        **{kind: condition(kind) for kind in ADVICE},
    }
    phases = {"Started": "Working", "Completed": "Completed", "Failed": "Failed"}
    heard |= {f"Operation{end}": operation(phase) for end, phase in phases.items()}
    assert {str(reason) for reason in heard} == REASONS
    for reason, news in heard.items():
        draft = events_of(news)[0]
        assert draft.reason == reason
        assert "Said." in draft.note or reason in {
            *(Reason.CLEANUP_STARTED, Reason.RECOVERED, Reason.OPERATION_STARTED)
        }


def test_a_backup_that_works_again_is_told_once_and_another_reason_is_another_event() -> None:
    over = told(condition("BackedUp", "UpToDate", "True", "False"))
    assert over is not None
    assert (over.reason, over.type, over.note) == ("Recovered", "Normal", "Said.")
    assert told(condition("BackedUp", "UpToDate", "True", "Unknown")) is None
    assert told(condition("BackedUp", "NeverRun", "Unknown", "Unknown")) is None
    one = told(condition("BackedUp", "Forbidden", "False", "True"))
    other = told(condition("BackedUp", "Unreachable", "False", "False"))
    assert one.key != other.key
    assert (one.type, one.action) == ("Warning", "Observe")


def test_a_fault_that_is_met_again_is_the_same_event_as_when_it_began() -> None:
    began, again = condition("Stalled", "ClaimMissing"), FaultMet(tenant(), "ClaimMissing", "Said.")
    assert told(began) == told(again)
    assert told(began).key != told(FaultMet(tenant(), "JobRefused", "Said.")).key


def test_every_reason_is_documented_and_nothing_else_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(REASONS)
