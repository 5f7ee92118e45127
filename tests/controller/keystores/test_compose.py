"""The status of a key store: what it says, and what is worth writing. Pure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.keystores import record_result
from baileys_janitor.controller.keystores.cache import KeyStoreCache
from baileys_janitor.controller.keystores.compose import StoreContext, compose, is_material
from baileys_janitor.controller.keystores.record import READER, KeyStoreRecord
from baileys_janitor.keystore.job.result import JobFailure, Scan
from baileys_janitor.keystore.results import CleanResult, Report, TableFigures, TypeFigures
from baileys_janitor.schedule.context import Context, Intervals
from tests.chart.test_gitops import PLACE, health

Object = dict[str, Any]
NOW = 1_795_000_000.0
SPEC: Object = {"connection": {"secretName": "db"}}


def observed(spec: Object | None = None, **config: Any) -> KeyStoreRecord:
    """The record of a store that has just been declared."""
    cache = KeyStoreCache(OperatorConfig.model_validate(config))
    meta = {
        "namespace": "shop",
        "name": "main",
        "uid": "1",
        "generation": 1,
        "resourceVersion": "1",
    }
    return cache.observe({"metadata": meta, "spec": SPEC if spec is None else spec}, NOW)


def scan(keys: int = 1000, expired: int | None = 20, **more: Any) -> Scan:
    report = Report(
        time=NOW,
        layout="KeyTypeColumn",
        keys=keys,
        by_type={"session": TypeFigures(count=keys, bytes=10 * keys, oldest=1, newest=NOW)},
        ages={"under1d": keys, "from1dTo7d": 0, "from7dTo14d": 0, "from14dTo30d": 0, "over30d": 0},
        table=TableFigures(bytes=2**20, index_bytes=2**20, total_bytes=2**21),
        sessions=3,
        levels={"Healthy": 3},
        **more,
    )
    return Scan(report=report, expired=expired)


def status_of(record: KeyStoreRecord, now: float = NOW) -> Object:
    intervals = Intervals(jitter=1800.0, unused_every=86_400.0, status_every=1800.0)
    return compose(record, now, StoreContext(Context(NOW - 3600, intervals), None))


def condition(status: Object, kind: str) -> Object:
    found = find(status["conditions"], kind)
    assert found is not None, kind
    return found


def test_a_count_is_told_in_the_reports_own_figures() -> None:
    record = observed()
    record_result.scanned(record, scan(), NOW, NOW - 2)
    status = status_of(record)
    assert status["keys"]["total"] == 1000
    assert status["keys"]["expired"] == 20
    assert status["table"] == {
        "bytes": 2**20,
        "indexBytes": 2**20,
        "totalBytes": 2**21,
        "size": "2.0 MiB",
    }
    assert status["sessions"] == {"count": 3, "byLevel": {"Healthy": 3}}
    assert condition(status, "Ready")["reason"] == "Observing"
    assert condition(status, "LayoutValid")["status"] == "True"
    assert status["nextCleanupReason"] == "Daily"
    assert "The next cleanup (Daily) runs at" in status["next"]
    assert "The keys are counted every 15m." in status["next"]


@given(
    st.builds(scan, keys=st.integers(0, 2**53), expired=st.none() | st.integers(0, 2**53)),
)
def test_every_status_is_read_back_whole(found: Scan) -> None:
    record = observed()
    record_result.scanned(record, found, NOW, NOW - 2)
    status = status_of(record)
    read = READER.read(status)
    bounded = {name for name in status if name not in {"keys"}}
    assert {name: read.get(name) for name in bounded} == {name: status[name] for name in bounded}


def test_what_hinders_a_cleanup_is_told_and_nothing_is_promised() -> None:
    record = observed()
    hindered = scan(expired=None, hindrances=[("NoTimes", "There is no time of the last write.")])
    record_result.scanned(record, hindered, NOW, NOW - 2)
    status = status_of(record)
    assert condition(status, "LayoutValid")["message"] == "There is no time of the last write."
    assert condition(status, "Ready")["reason"] == "CountedOnly"
    assert "expired" not in status["keys"]
    assert status["next"].startswith(
        "There is no time of the last write. Until then the keys are only counted."
    )


def test_a_failure_is_a_fault_with_its_sentence() -> None:
    record = observed()
    fault = record_result.fault_of(JobFailure("LoginRefused", "The database refuses the login."))
    record.fail(fault, NOW)
    status = status_of(record)
    ready = condition(status, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "LoginRefused")
    assert ready["message"].startswith("The database refuses the login.")
    assert condition(status, "Stalled")["status"] == "True"
    assert status["next"].startswith(
        "The database refuses the login. The janitor tries again by itself."
    )


def test_a_forged_code_never_becomes_a_reason() -> None:
    fault = record_result.fault_of(JobFailure("no code\n", "x" * 4000))
    assert fault.reason == "DatabaseError"
    assert len(fault.message) < 600


def result(**more: Any) -> CleanResult:
    told: Object = {
        "run": "r1",
        "outcome": "Completed",
        "removed": 20,
        "cleaned": 2,
        "archived": True,
    }
    return CleanResult(**told | more)


def claimed(spec: Object | None = None) -> KeyStoreRecord:
    record = observed(spec)
    record.cleanup.claim({"id": "r1", "reason": "Daily", "startTime": "2026-11-18T10:00:00Z"})
    return record


def test_a_cleanup_is_told_with_before_and_after() -> None:
    record = claimed()
    before, after = scan(1000).report, scan(980).report
    entry = record_result.cleaned(record, result(before=before, after=after), NOW)
    assert (entry["removed"], entry["before"], entry["after"]) == (20, 1000, 980)
    status = status_of(record)
    assert status["keys"]["total"] == 980
    assert "run" not in status
    assert status["lastRun"]["message"].startswith("Removed 20 keys of 2 sessions, 1000 before")


def test_more_than_warn_above_is_a_condition_for_a_day() -> None:
    record = claimed(SPEC | {"warnAbove": 10})
    record_result.cleaned(record, result(after=scan(980).report), NOW)
    assert condition(status_of(record), "LargeCleanup")["status"] == "True"
    assert status_of(record)["lastRun"]["warnings"][0].startswith("20 keys at once")
    later = status_of(record, NOW + 86_401)
    assert find(later["conditions"], "LargeCleanup") is None


def test_a_dry_run_is_never_large() -> None:
    record = claimed(SPEC | {"warnAbove": 10})
    record_result.cleaned(record, result(outcome="DryRun"), NOW)
    assert find(status_of(record)["conditions"], "LargeCleanup") is None


def test_what_a_capped_run_left_goes_on_by_itself() -> None:
    record = claimed()
    capped = result(outcome="Capped", left=500, after=scan(980).report)
    record_result.cleaned(record, capped, NOW)
    status = status_of(record)
    assert status["keys"]["expired"] == 500
    assert status["nextCleanupReason"] == "Daily"


def test_small_moves_are_not_worth_a_write_and_large_ones_are() -> None:
    record = observed()
    record_result.scanned(record, scan(1000), NOW, NOW - 2)
    stored = status_of(record)
    record_result.scanned(record, scan(1001), NOW, NOW - 2)
    assert not is_material(stored, status_of(record), NOW)
    record_result.scanned(record, scan(1100), NOW, NOW - 2)
    assert is_material(stored, status_of(record), NOW)


BAD: list[tuple[Object, str]] = [
    ({}, "spec.connection is required"),
    ({"connection": {"secretName": "DB"}}, "spec.connection.secretName is 'DB'"),
    ({"mode": "Delete"}, "spec.mode is 'Delete'"),
    ({"retention": {"sessionMaxAge": "30"}}, "spec.retention.sessionMaxAge is '30'"),
    ({"maxRemovals": {"percent": 101}}, "spec.maxRemovals.percent is 101"),
    ({"schedule": {"dailyCleanup": "often please"}}, "spec.schedule.dailyCleanup"),
    ({"schedule": {"timeZone": "Mars/Olympus"}}, "spec.schedule.timeZone ('Mars/Olympus')"),
    ({"schema": "My Schema"}, "spec.schema is 'My Schema'"),
    ({"limits": {"pause": "5"}}, "spec.limits.pause"),
    (
        {"limits": {"statementTimeout": "0ms"}},
        "spec.limits.statementTimeout is '0ms': give 1ms or more",
    ),
    ({"undo": "None"}, "spec.undo ('None') needs spec.memory None"),
    ({"keys": {"preset": "SessionBlob"}}, "spec.mode ('Enforce') does not go with"),
    ({"keys": {"preset": "Redis"}}, "spec.keys.preset is 'Redis'"),
    ({"keys": {"table": 'a."b'}}, "spec.keys.table"),
    ({"keys": {"columns": {"id": ""}}}, "spec.keys.columns.id"),
    ({"credentials": {"encoding": "Yaml"}}, "spec.credentials.encoding is 'Yaml'"),
    ({"credentials": {"table": "t", "row": "creds"}}, "spec.credentials.row"),
]


@pytest.mark.parametrize(("spec", "said"), BAD)
def test_a_bad_spec_is_refused_in_one_sentence(spec: Object, said: str) -> None:
    whole = spec if spec == {} else SPEC | spec
    record = observed(whole)
    assert record.effective is None
    assert record.invalid is not None
    assert record.invalid.reason == "InvalidSpec"
    assert said in record.invalid.message
    assert record.invalid.message.endswith(".")
    assert "\n" not in record.invalid.message


def test_the_ceiling_of_the_fleet_holds_for_stores() -> None:
    record = observed(modeCeiling="DryRun")
    assert record.effective is not None
    assert record.effective.mode == "DryRun"


def test_a_run_that_nobody_ended_is_told_as_killed() -> None:
    record = claimed()
    repeated = result(outcome="Repeated", code=None, removed=7)
    entry = record_result.cleaned(record, repeated, NOW)
    assert (entry["outcome"], entry["removed"]) == ("Killed", 7)
    assert "ended early" in status_of(record)["lastRun"]["message"]


def test_a_run_whose_result_was_lost_is_told_as_the_database_has_it() -> None:
    record = claimed()
    entry = record_result.cleaned(record, result(outcome="Repeated", code="Capped"), NOW)
    assert entry["outcome"] == "Capped"
    assert "its result was lost" in status_of(record)["lastRun"]["message"]


def test_argo_cd_reads_a_store_as_it_does_a_tenant() -> None:
    record = observed()
    store: Object = {"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}
    assert health(store, PLACE)["status"] == "Progressing"
    record_result.scanned(record, scan(), NOW, NOW - 2)
    store["status"] = status_of(record)
    assert health(store, PLACE)["status"] == "Healthy"
    record.fail(record_result.fault_of(JobFailure("Unreachable", "The database is away.")), NOW)
    store["status"] = status_of(record)
    found = health(store, PLACE)
    assert found["status"] == "Degraded"
    assert found["message"].startswith("The database is away.")
