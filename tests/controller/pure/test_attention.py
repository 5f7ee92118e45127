"""What `kubectl get` and the beginning of `status.next` call somebody's attention to."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.conditions.condition_kinds import ADVICE, CONDITIONS, GRAVEST
from baileys_janitor.api.generated.printer_columns import printer_columns
from baileys_janitor.api.names import EMERGENCY_ANNOTATION, GROUP, NOTIFY_ANNOTATION
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.policy.levels import LEVELS
from baileys_janitor.schedule import calendar
from baileys_janitor.status import compose
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import (
    CONFIG,
    CONTEXT,
    NOW,
    SCHEDULE,
    body,
    claimed,
    cleaned,
    conditions,
    look,
    tenant,
)

Object = dict[str, Any]
SESSIONS = [0, 6, 40, 40, 12, 0, 0, 0, 0, 0, 0]


def scanned(known: TenantRecord, seconds: float = 0.0, counted: int = 100, **seen: Any) -> Object:
    """The status after a scan so many seconds from now, which is stored."""
    record_result.scanned(known, look(counted, **seen), NOW + seconds, used=True)
    status = compose.compose(known, NOW + seconds, CONTEXT)
    known.take_stored(status)
    return status


def test_a_well_tenant_asks_for_nobodys_attention() -> None:
    assert "attention" not in scanned(tenant())


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ({"identity_state": "TooLarge"}, "CredentialsTooLarge"),
        ({"identity_state": "Unpaired"}, "NotPaired"),
        ({"identity_state": "Absent", "by_kind": [0] * 11}, "NotPaired"),
        ({"identity_state": "Absent", "by_kind": SESSIONS}, "CredentialsMissing"),
        ({"free_bytes": 1000}, "DiskPressure"),
    ],
)
def test_the_gravest_is_told_in_one_word_and_first_in_next(seen: Object, word: str) -> None:
    status = scanned(tenant(), **seen)
    assert status["attention"] == word
    assert not status["next"].startswith(("The daily", "Nothing is removed"))
    assert (status["level"] == "Healthy") == (word == "DiskPressure")


def test_a_session_with_broken_credentials_is_never_called_healthy() -> None:
    known = tenant()
    assert scanned(known, identity_state="Corrupt")["level"] == "Unknown"
    for seconds in (20, 40, 60):
        status = scanned(known, seconds, identity_state="Corrupt")
    assert (status["level"], status["attention"]) == ("Unknown", "CredentialsCorrupt")
    assert status["next"].startswith("Do not stop or restart the tenant's process")
    again = tenant(status=status)
    fresh = compose.compose(again, NOW + 60, CONTEXT)
    assert (fresh["level"], fresh["attention"]) == ("Unknown", "CredentialsCorrupt")
    assert conditions(fresh)["Healthy"]["reason"] == "CredentialsCorrupt"


def test_missing_credentials_are_advice_until_they_are_back_and_survive_a_restart() -> None:
    known = tenant()
    status = scanned(known, identity_state="Absent", by_kind=SESSIONS)
    told = conditions(status)["CredentialsMissing"]
    assert told["status"] == "True"
    assert "Do not stop or restart the tenant's process" in told["message"]
    fresh = compose.compose(tenant(status=status), NOW + 20, CONTEXT)
    assert conditions(fresh)["CredentialsMissing"]["status"] == "True"
    assert fresh["next"].startswith("Do not stop or restart the tenant's process")
    healed = scanned(known, 60)
    assert conditions(healed)["CredentialsMissing"]["status"] == "False"
    assert (healed["level"], "attention" in healed) == ("Healthy", False)


def test_an_empty_directory_lacks_no_credentials() -> None:
    status = scanned(tenant(), identity_state="Absent", by_kind=[0] * 11)
    assert "CredentialsMissing" not in conditions(status)


def test_one_torn_read_changes_no_level() -> None:
    known = tenant()
    assert scanned(known)["level"] == "Healthy"
    assert scanned(known, 10, identity_state="Corrupt")["level"] == "Healthy"
    assert scanned(known, 20)["level"] == "Healthy"


def test_a_fault_comes_with_its_way_out_before_what_the_janitor_does() -> None:
    known = tenant()
    known.fail(Fault("ClaimMissing", "Create the claim. The janitor tries again by itself."), NOW)
    status = compose.compose(known, NOW, CONTEXT)
    assert status["attention"] == "ClaimMissing"
    assert status["next"].startswith("Create the claim. The claim is looked at again")
    assert conditions(status)["Stalled"]["status"] == "True"
    assert [c["type"] for c in status["conditions"]][:2] == ["Stalled", "Ready"]


def test_what_is_broken_outweighs_everything_else() -> None:
    known = tenant()
    for seconds in (0, 20, 40, 60):
        scanned(known, seconds, identity_state="Corrupt", free_bytes=1000)
    known.fail(Fault("ClaimMissing", "Create the claim."), NOW + 60)
    status = compose.compose(known, NOW + 60, CONTEXT)
    assert status["attention"] == "CredentialsCorrupt"
    firsts = [c["type"] for c in status["conditions"]][:4]
    assert firsts == ["CredentialsCorrupt", "DiskPressure", "Stalled", "Ready"]


def test_every_advice_has_a_rank_and_a_sentence_for_when_it_does_not_hold() -> None:
    assert set(ADVICE) <= set(GRAVEST)
    for kind in ADVICE:
        assert CONDITIONS[kind].calm_message.endswith(".")


@pytest.mark.parametrize("counted", [149, 150, 169, 170, 179, 180, 300])
def test_a_level_that_does_not_hold_says_why_in_numbers(counted: int) -> None:
    known = tenant()
    found = conditions(scanned(known, counted=counted))
    limits = known.effective.policy.thresholds
    ends = dict(zip(LEVELS, (limits.warning, limits.critical, limits.emergency), strict=False))
    begins = dict(zip(LEVELS[1:], ends.values(), strict=True))
    for kind in LEVELS:
        if found[kind]["status"] == "True":
            continue
        assert found[kind]["message"].startswith(f"{counted} files are counted; ")
        if counted < begins.get(kind, 0):
            assert found[kind]["message"].endswith(f"{kind} begins at {begins[kind]}.")
        else:
            said = f"from {ends[kind]} on, the level is above {kind}."
            assert found[kind]["message"].endswith(said)
            assert counted >= ends[kind]


def status_due(known: TenantRecord) -> float | None:
    """When the status is to be written even if nothing else is due."""
    coming = calendar.upcoming(known, NOW, SCHEDULE)
    return next((due.time for due in coming if due.reason == calendar.STATUS), None)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (f"{GROUP}/emergency-clean", "1", f"did you mean {EMERGENCY_ANNOTATION}?"),
        (f"{GROUP}/emergencyCleanup", "1", f"did you mean {EMERGENCY_ANNOTATION}?"),
        (f"{GROUP}/notifi", "false", f"did you mean {NOTIFY_ANNOTATION}?"),
        (NOTIFY_ANNOTATION, "no", '"true" or "false"'),
        (EMERGENCY_ANNOTATION, "", "has no value"),
    ],
)
def test_an_annotation_without_effect_is_answered(name: str, value: str, said: str) -> None:
    cache = TenantCache(CONFIG)
    known = cache.observe(body(), NOW)
    scanned(known)
    shown = body(version="2", status=known.stored.raw)
    shown["metadata"]["annotations"] = {name: value, "other.dev/emergency": "1"}
    cache.observe(shown, NOW)

    soon = status_due(known)
    assert soon is not None
    assert soon <= NOW + 1
    status = compose.compose(known, NOW, CONTEXT)
    assert status["attention"] == "UnknownAnnotation"
    assert said in conditions(status)["UnknownAnnotation"]["message"]
    assert said in status["next"]
    assert compose.is_material(known.stored.status, status)
    known.take_stored(status)
    later = status_due(known)
    assert later is not None
    assert later > NOW + 1

    cache.observe(body(version="3", status=status), NOW)
    status = compose.compose(known, NOW, CONTEXT)
    assert conditions(status)["UnknownAnnotation"]["status"] == "False"
    assert "attention" not in status


@pytest.mark.parametrize(
    ("spec", "reason", "said"),
    [
        ({"suspend": True}, "Suspended", "set spec.suspend to false"),
        ({"thresholds": {"warning": 999}}, "InvalidSpec", "correct the spec"),
    ],
)
def test_a_request_that_cannot_begin_is_answered_at_once(
    spec: Object, reason: str, said: str
) -> None:
    cache = TenantCache(CONFIG)
    known = cache.observe(body(spec), NOW)
    known.take_stored(compose.compose(known, NOW, CONTEXT))
    cache.observe(body(spec, known.stored.raw, version="2", token="now"), NOW)

    soon = status_due(known)
    assert soon is not None
    assert soon <= NOW + 1
    status = compose.compose(known, NOW, CONTEXT)
    waiting = conditions(status)["RequestWaiting"]
    assert (waiting["status"], waiting["reason"]) == ("True", reason)
    assert said in waiting["message"]
    if reason == "Suspended":
        assert status["next"].startswith("The requested cleanup waits: set spec.suspend to false")
    known.take_stored(status)
    later = status_due(known)
    assert later is None or later > NOW + 1


def test_a_request_in_mode_observe_is_said_to_be_refused() -> None:
    known = tenant({"mode": "Observe"}, token="now", status={"observedGeneration": 1})
    record_result.scanned(known, look(), NOW, used=True)
    known.timers.settle(None, None, "now")
    message = "The request was refused."
    record_result.unanswered(known, "Requested", "Refused", message, NOW)
    assert "so the requested one was refused" in compose.compose(known, NOW, CONTEXT)["next"]


def test_a_run_that_was_killed_is_told_with_the_counts_around_it() -> None:
    known = tenant()
    scanned(known, counted=190)
    run = "20261122-030000-abc"
    known.cleanup.claim({"id": run, "reason": "Daily", "startTime": "2026-11-22T03:00:00Z"}, 190)
    ended = cleaned("Repeated", code="Killed", scan=None)
    record_result.cleaned(known, ended, NOW + 60, used=True, recorded=True)
    status = compose.compose(known, NOW + 60, CONTEXT)
    last = status["lastCleanup"]
    assert (last["outcome"], last["before"], last.get("after")) == ("Killed", 190, None)
    assert "removed" not in last
    assert "killed in the middle" in last["message"]
    assert status["history"][0]["outcome"] == "Killed"
    known.take_stored(status)

    record_result.scanned(known, look(182), NOW + 120, used=True)
    fresh = compose.compose(known, NOW + 120, CONTEXT)
    assert (fresh["lastCleanup"]["after"], fresh["history"][0]["after"]) == (182, 182)
    assert fresh["lastCleanup"]["outcome"] == "Killed"
    assert compose.is_material(status, fresh)
    known.take_stored(fresh)
    # Once: later counts are not this run's.
    record_result.scanned(known, look(150), NOW + 180, used=True)
    assert compose.compose(known, NOW + 180, CONTEXT)["lastCleanup"]["after"] == 182


def test_cleanups_that_are_killed_again_and_again_call_for_attention() -> None:
    known = tenant()
    scanned(known)
    for number, said in enumerate([None, None, "CleanupFailing"]):
        run = f"20261122-030000-{number}"
        known.cleanup.claim({"id": run, "reason": "Daily", "startTime": "2026-11-22T03:00:00Z"})
        ended = cleaned("Repeated", code="Killed")
        record_result.cleaned(known, ended, NOW + 60 * number, used=True, recorded=True)
        record_result.scanned(known, look(), NOW + 60 * number, used=True)
        status = compose.compose(known, NOW + 60 * number, CONTEXT)
        assert status.get("attention") == said
        assert known.cleanup.failing == bool(said)
        known.take_stored(status)


def test_what_an_operator_that_was_restarted_knows_of_before_a_killed_run() -> None:
    known = tenant()
    status = scanned(known, counted=190)
    status["run"] = {
        "id": "20261122-030000-abc",
        "reason": "Daily",
        "startTime": "2100-01-01T00:00:00Z",
    }
    assert tenant(status=status).cleanup.before == 190
    status["run"]["startTime"] = "2000-01-01T00:00:00Z"
    assert tenant(status=status).cleanup.before is None


def test_a_run_that_its_deadline_cut_short_says_so() -> None:
    known = claimed(tenant())
    record_result.cleaned(known, cleaned("Capped", code="DeadlineReached", left=3), NOW, used=True)
    last = compose.compose(known, NOW, CONTEXT)["lastCleanup"]
    assert last["message"].startswith("Stopped before the Job's deadline: removed 12 files")


def shown(rows: list[list[str]]) -> list[str]:
    """The table as kubectl prints it: each column as wide as its widest cell, three spaces between."""
    widths = [max(6, *(len(row[place]) for row in rows)) for place in range(len(rows[0]))]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


@pytest.mark.parametrize(
    ("names", "attention", "width"),
    [
        (["NAMESPACE", "NAME", "whatsapp-prod", "company-962302"], "CredentialsCorrupt", 100),
        (["NAMESPACE", "NAME", "whatsapp", "company-962302"], "ThresholdUnreachable", 100),
        (["NAME", "acme"], "ThresholdUnreachable", 80),
    ],
)
def test_the_table_fits(names: list[str], attention: str, width: int) -> None:
    columns = [c["name"].upper() for c in printer_columns() if not c.get("priority")]
    cells = {"LEVEL": "Emergency", "FILES": "182", "LIMIT": "180", "ATTENTION": attention}
    cells |= {"CLEANED": "4h12m", "READY": "True"}
    half = len(names) // 2
    table = shown([[*names[:half], *columns], [*names[half:], *(cells[c] for c in columns)]])
    assert max(map(len, table)) <= width
