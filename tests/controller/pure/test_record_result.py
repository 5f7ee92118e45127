"""What a result changes in the record of its tenant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.condition_kinds import ADVICE
from baileys_janitor.job.result import OUTCOMES, CleanResult, PurgeResult, ScanResult
from baileys_janitor.schedule import scan_times
from baileys_janitor.status import compose, level_and_ready
from baileys_janitor.tenants import cleanup_state, record_result
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import (
    CONTEXT,
    DAY,
    HOUR,
    NOW,
    STOPPED,
    claimed,
    clean_results,
    cleaned,
    conditions,
    look,
    tenant,
)


def finished(
    outcome: str, removed: int = 12, reason: str = "Trigger", **more: object
) -> TenantRecord:
    known = claimed(tenant(), reason)
    record_result.cleaned(known, cleaned(outcome, removed, **more), NOW, used=True)
    return known


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("removed", [0, 12])
def test_a_cooldown_starts_only_after_a_completed_run_that_removed_something(
    outcome: str, removed: int
) -> None:
    known = finished(outcome, removed, code="Completed" if outcome == "Repeated" else None)
    cooled = removed > 0 and outcome in {"Completed", "DryRun", "Repeated"}

    assert known.cleanup.cooldown_until == (NOW + 6 * HOUR if cooled else None)
    assert known.cleanup.emergency_cooldown_until is None
    assert known.run is None


@pytest.mark.parametrize("reason", ["Emergency", "Requested"])
def test_an_emergency_starts_both_cooldowns(reason: str) -> None:
    known = finished("Completed", reason=reason)

    assert known.cleanup.emergency_cooldown_until == NOW + 1800
    assert known.cleanup.cooldown_until == NOW + 6 * HOUR


@pytest.mark.parametrize("outcome", ["NothingToDo", "Refused", "Failed", "DryRun"])
def test_an_emergency_without_effect_is_not_repeated_at_once(outcome: str) -> None:
    known = finished(outcome, 0, "Emergency")

    assert known.cleanup.hold_until == NOW + cleanup_state.FRUITLESS_SECONDS
    assert known.cleanup.emergency_cooldown_until is None


def test_what_was_repeated_is_taken_as_the_recorded_run() -> None:
    known = finished("Repeated", code="Capped")

    assert known.cleanup.last is not None
    assert known.cleanup.last["outcome"] == "Capped"
    assert known.cleanup.last["removed"] == 12
    assert known.cleanup.cooldown_until is None


def test_a_dry_run_claims_no_removal() -> None:
    known = finished("DryRun")

    assert known.cleanup.last is not None
    assert known.cleanup.last["message"].startswith("Would remove 12 files")
    assert known.cleanup.last["outcome"] == "DryRun"


def test_the_message_says_why_what_stayed_and_what_is_left() -> None:
    known = finished("Capped", code="DeadlineReached", kept={"InUse": 30, "Fresh": 2}, left=7)

    assert known.cleanup.last is not None
    assert known.cleanup.last["message"] == (
        "Stopped before the Job's deadline: removed 12 files, 190 counted before and 178 after."
        " Kept: 30 in use, 2 written minutes ago. 7 more wait for the next run."
    )


def test_the_message_and_the_history_say_why_what_is_gone_went() -> None:
    why = {"SessionExpired": 8, "MemoryWithoutKey": 4}
    known = finished("Completed", removed_by_reason=why)

    assert known.cleanup.last is not None
    assert (
        "Gone: 8 sessions unused for long, 4 memory files that had lost their key."
        in (known.cleanup.last["message"])
    )
    assert (
        known.cleanup.history[0]["removedByReason"] == known.cleanup.last["removedByReason"] == why
    )


def test_a_look_with_the_counts_alone_leaves_the_detail_unknown_until_the_next() -> None:
    known = tenant()
    record_result.scanned(known, look(120, kept={"InUse": 50}), NOW, used=True)
    counts = ScanResult(counted=131, total=131, identity_state="Paired", counts_alone=True)
    record_result.scanned(known, counts, NOW + 60, used=True)

    found = compose.compose(known, NOW + 60, CONTEXT)
    assert (found["files"]["counted"], found["level"]) == (131, "Healthy")
    assert not {"byKind", "kept", "bytes"} & set(found["files"])
    assert "freeBytes" not in found["volume"]
    assert found["running"] == known.scan.running is not None

    record_result.scanned(known, look(131), NOW + 120, used=True)
    assert compose.compose(known, NOW + 120, CONTEXT)["files"]["byKind"]["session"] == 44


@given(st.lists(clean_results, min_size=1, max_size=14))
def test_the_history_holds_the_last_ten_newest_first(results: list[CleanResult]) -> None:
    known = tenant()
    entries = []
    for place, result in enumerate(results):
        claimed(known)
        entries.append(record_result.cleaned(known, result, NOW + 60 * place, used=True))

    def told(entry: dict[str, Any]) -> dict[str, Any]:
        # What a run that was killed has left is counted by the next scan.
        killed = entry["outcome"] == "Killed"
        return {key: value for key, value in entry.items() if not killed or key != "after"}

    assert [told(entry) for entry in known.cleanup.history] == [
        told(entry) for entry in entries[::-1][:10]
    ]
    assert known.cleanup.last is not None
    assert known.cleanup.last | told(entries[-1]) == known.cleanup.last


def test_a_run_without_an_answer_is_recorded_and_over() -> None:
    known = claimed(tenant(), "Emergency")
    entry = record_result.unanswered(known, "Emergency", "Failed", "Given up. " + "x" * 5000, NOW)

    assert known.run is None
    assert entry["run"] == "20261122-030000-abc"
    assert known.cleanup.last is not None
    assert len(known.cleanup.last["message"]) <= 1024
    assert known.cleanup.hold_until > NOW


def test_the_look_after_a_cleanup_counts_and_without_one_a_scan_is_asked_for() -> None:
    known = finished("Completed", scan=look(140))
    assert (known.scan.counted, known.jobs.rescan) == (140, False)

    assert finished("Completed").jobs.rescan


def test_a_result_that_comes_when_the_spec_has_become_invalid_is_still_taken() -> None:
    known = claimed(tenant())
    known.resource.effective = None
    record_result.cleaned(known, cleaned(), NOW, used=True)

    assert known.run is None
    assert known.cleanup.history[0]["outcome"] == "Completed"


# Looks


def corrupt(token: str = "t1") -> ScanResult:
    return look(100, identity_state="Corrupt", creds_token=token, gain=0, reclaimable=0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["t1", "t2", "paired"]), st.integers(1, 40)),
        min_size=1,
        max_size=12,
    )
)
def test_credentials_are_corrupt_only_when_three_looks_over_thirty_seconds_agree(
    seen: list[tuple[str, int]],
) -> None:
    known, now = tenant(), NOW
    run: list[tuple[str, float]] = []
    for token, wait in seen:
        now += wait
        found = look(100) if token == "paired" else corrupt(token)
        record_result.scanned(known, found, now, used=True)
        if run and run[-1][0] != token:
            run = []
        run.append((token, now))
    told = conditions(compose.compose(known, now, CONTEXT)).get("CredentialsCorrupt")
    agreed = seen[-1][0] != "paired" and len(run) >= 3 and run[-1][1] - run[0][1] >= 30

    assert (told is not None and told["status"] == "True") == agreed


def test_corrupt_credentials_stay_so_over_a_restart_and_a_single_look_does_not_become_two() -> None:
    known = tenant()
    for second in (0, 20, 40):
        record_result.scanned(known, corrupt(), NOW + second, used=True)
    stored = compose.compose(known, NOW + 40, CONTEXT)
    again = tenant(status=stored)
    record_result.scanned(again, corrupt(), NOW + 100, used=True)
    assert (
        conditions(compose.compose(again, NOW + 100, CONTEXT))["CredentialsCorrupt"]["status"]
        == "True"
    )

    once = tenant()
    record_result.scanned(once, corrupt(), NOW, used=True)
    again = tenant(status=compose.compose(once, NOW, CONTEXT))
    record_result.scanned(again, corrupt(), NOW + 100, used=True)
    assert "CredentialsCorrupt" not in conditions(compose.compose(again, NOW + 100, CONTEXT))


def test_a_new_identity_is_told_for_a_day_over_restarts() -> None:
    known = tenant()
    record_result.scanned(known, look(fingerprint="old"), NOW, used=True)
    assert "IdentityChanged" not in conditions(compose.compose(known, NOW, CONTEXT))
    record_result.scanned(known, look(fingerprint="new"), NOW + 60, used=True)
    told = compose.compose(known, NOW + 60, CONTEXT)
    assert conditions(told)["IdentityChanged"]["status"] == "True"
    assert "old" in conditions(told)["IdentityChanged"]["message"]

    for later, expected in ((HOUR, "True"), (DAY + 61, "False")):
        again = tenant(status=told)
        record_result.scanned(again, look(fingerprint="new"), NOW + later, used=True)
        found = conditions(compose.compose(again, NOW + later, CONTEXT))["IdentityChanged"]
        assert found["status"] == expected


def test_an_unreadable_identity_is_no_new_one() -> None:
    known = tenant()
    record_result.scanned(known, look(fingerprint="old"), NOW, used=True)
    record_result.scanned(known, corrupt(), NOW + 60, used=True)
    record_result.scanned(known, look(fingerprint="old"), NOW + 120, used=True)

    assert known.scan.re_paired is None


def test_the_level_is_unknown_only_after_three_missed_scans() -> None:
    known = tenant()
    record_result.scanned(known, look(160), NOW, used=True)
    failed = ScanResult(error="InputOutputError")
    for minute in (1, 2):
        record_result.scanned(known, failed, NOW + 60 * minute, used=True)
        assert level_and_ready.level_of(known, NOW + 60 * minute) == "Warning"
    assert known.fault is not None
    assert known.fault.reason == "InputOutputError"
    assert level_and_ready.level_of(known, NOW + 180) is None
    told = conditions(compose.compose(known, NOW + 180, CONTEXT))
    assert {told[kind]["status"] for kind in level_and_ready.LEVELS} == {"Unknown"}
    assert told["Ready"]["status"] == "False"


def test_what_an_earlier_operator_counted_does_not_hold_for_ever() -> None:
    known = tenant()
    record_result.scanned(known, look(100), NOW - DAY, used=True)
    again = tenant(status=compose.compose(known, NOW - DAY, CONTEXT))

    assert level_and_ready.level_of(again, NOW + 60) == "Healthy"
    assert level_and_ready.level_of(again, NOW + 3600) is None


def test_a_look_that_works_ends_a_fault_and_its_back_off() -> None:
    known = tenant()
    waits = []
    for _ in range(12):
        record_result.scanned(known, ScanResult(error="DirectoryMissing"), NOW, used=True)
        waits.append(known.backoff.retry_at - NOW)
    assert waits[:4] == [15, 30, 60, 120]
    assert waits[-1] == 1800

    record_result.scanned(known, look(), NOW, used=True)
    assert (known.fault, known.backoff.retry_at, known.backoff.failures) == (None, 0.0, 0)


def test_growth_is_measured_from_counts_and_a_cleanup_is_no_growth() -> None:
    known = tenant()
    for minute in range(61):
        record_result.scanned(known, look(100 + minute // 10), NOW + 60 * minute, used=True)
    assert known.scan.growth == pytest.approx(144)

    grown = known.scan.growth
    assert grown is not None
    claimed(known)
    record_result.cleaned(known, cleaned(scan=look(90)), NOW + 3700, used=True)
    record_result.scanned(known, look(90), NOW + 4400, used=True)
    assert known.scan.growth is not None
    assert 0 <= known.scan.growth < grown


def test_a_sudden_growth_ends_the_quiet_at_once() -> None:
    known = tenant()
    for minute in range(0, 600, 10):
        record_result.scanned(known, look(100), NOW + 60 * minute, used=True)
    assert scan_times.scan_wait(known) == 600.0

    record_result.scanned(known, look(120), NOW + 36_000, used=True)
    assert known.scan.growth is not None
    assert known.scan.growth < 100
    assert scan_times.scan_wait(known) < 360


def test_a_stopped_tenant_is_remembered_as_stopped() -> None:
    known = tenant()
    record_result.scanned(known, look(running=STOPPED), NOW, used=True)

    assert known.scan.running is not None
    assert known.scan.active_since is None


# Purges


def test_a_purge_that_left_something_is_not_chased_by_the_next() -> None:
    known = tenant()
    known.scan.look = look(free_bytes=0, trash_runs=2)
    record_result.purged(
        known, PurgeResult("Completed", trash_runs=2, trash_oldest=int(NOW) - 60), NOW
    )

    assert known.scan.trash == (2, NOW - 60)
    assert known.cleanup.purge_after > NOW


def test_a_purge_that_failed_is_a_fault() -> None:
    known = tenant()
    record_result.purged(known, PurgeResult("Failed", code="PermissionDenied"), NOW)

    assert known.fault is not None
    assert known.fault.reason == "PermissionDenied"
    assert known.backoff.retry_at > NOW


def test_detail_that_a_result_had_no_room_for_takes_no_advice_back() -> None:
    known = tenant()
    record_result.scanned(known, look(free_bytes=0), NOW, used=True)
    known.take_stored(compose.compose(known, NOW, CONTEXT))
    assert conditions(known.stored.status)["DiskPressure"]["status"] == "True"
    record_result.scanned(
        known, look(free_bytes=None, free_inodes=None, by_kind=None), NOW + 60, used=True
    )

    told = compose.compose(known, NOW + 60, CONTEXT)
    assert conditions(told)["DiskPressure"]["status"] == "True"
    assert not compose.is_material(known.stored.status, told)
    assert set(conditions(told)) >= {"DiskPressure"} <= set(ADVICE)


def test_a_cleanup_that_may_not_write_is_told_until_one_succeeds_whatever_scans_say() -> None:
    known = finished("Failed", 0, code="PermissionDenied")
    record_result.scanned(known, look(), NOW + 60, used=True)
    ready = conditions(compose.compose(known, NOW + 60, CONTEXT))["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "PermissionDenied")

    claimed(known, "Trigger")
    record_result.cleaned(known, cleaned("Completed", 3), NOW + 120, used=True)
    assert conditions(compose.compose(known, NOW + 120, CONTEXT))["Ready"]["status"] == "True"


@pytest.mark.parametrize("code", ["LockRefused", "JanitorRefused", "ReadOnly", "DiskFull"])
def test_a_cleanup_that_is_refused_by_the_directory_is_a_fault_with_a_way_out(code: str) -> None:
    known = finished("Refused", 0, code=code)
    ready = conditions(compose.compose(known, NOW, CONTEXT))["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", code)
    assert len(ready["message"].split()) > 5


@pytest.mark.parametrize("code", ["Busy", "IdentityChanged", "NotPaired"])
def test_a_cleanup_that_is_refused_for_now_or_for_a_good_reason_is_no_fault(code: str) -> None:
    known = finished("Refused", 0, code=code)
    record_result.scanned(known, look(), NOW, used=True)
    assert conditions(compose.compose(known, NOW, CONTEXT))["Ready"]["status"] == "True"
