"""When backups and drills are due: each slot once, never too early, and never forgotten, whatever has happened."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.backup import errors
from baileys_janitor.keystore import errors as database
from baileys_janitor.keystore.identity import ENCODED_TWICE
from baileys_janitor.schedule import backup_times
from baileys_janitor.schedule.backup_reasons import BACKUP, DRILL, LASTING, OF_SESSION, OF_STORE
from baileys_janitor.schedule.backup_times import START_SECONDS, BackupSchedule
from baileys_janitor.tenants.backup_state import Archived, BackupState, RepositoryState
from baileys_janitor.volume.errors import SENTENCES as OF_VOLUME

NOON = 1_795_003_200.0
HOUR, DAY = 3600.0, 86_400.0
HOURLY = BackupSchedule("0 * * * *", "0 4 1 * *", "UTC", 700.0)
CODES = sorted({*LASTING, *OF_SESSION, *OF_STORE, "Interrupted", "Unexpected"})


def due(
    state: RepositoryState, schedule: BackupSchedule, now: float, started: float = 0.0
) -> float:
    when = backup_times.backup_time(state, schedule, now, started)
    assert when is not None
    return when


def test_the_first_one_is_due_soon_after_the_start() -> None:
    assert due(RepositoryState(), HOURLY, NOON, NOON - 5) == NOON - 5 + START_SECONDS


def test_what_is_under_way_is_not_due() -> None:
    state = RepositoryState()
    state.claim(NOON)
    assert backup_times.backup_time(state, HOURLY, NOON, 0.0) is None


def test_never_is_never() -> None:
    never = BackupSchedule(None, None, "UTC", 0.0)
    state = RepositoryState(newest=Archived("a", NOON))
    assert backup_times.upcoming({"main": state}, never, NOON, 0.0) == []


def test_a_drill_waits_for_an_archive() -> None:
    state = RepositoryState()
    assert backup_times.drill_time(state, HOURLY, NOON, 0.0) is None
    state.ended("Put", Archived("a", NOON))
    assert backup_times.due_now({"main": state}, HOURLY, NOON, 0.0)[DRILL] == ["main"]


@given(
    st.lists(st.floats(1.0, 3 * DAY), min_size=5, max_size=60),
    st.sampled_from(["0 * * * *", "*/10 * * * *", "30 2 * * *", "0 4 1 * *", "0 3 * * 1-5"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
    st.integers(0, 43_200),
)
@settings(max_examples=60, deadline=None)
def test_however_late_it_is_asked_a_slot_is_handled_once_and_none_twice(
    pauses: list[float], cron: str, zone: str, delay: int
) -> None:
    schedule = BackupSchedule(cron, None, zone, float(delay))
    state = RepositoryState()
    state.succeed(NOON, 1.0)
    now, done = NOON, [NOON]
    for pause in pauses:
        promised = due(state, schedule, now)
        assert promised > now
        now += pause
        assert (due(state, schedule, now) <= now) == (promised <= now)
        if promised <= now:
            # Through the state file, which keeps whole seconds.
            state.succeed(now, 1.0)
            fresh = RepositoryState()
            fresh.load({"name": "main", **state.stored()})
            state = fresh
            done.append(now)
            assert due(state, schedule, now) > now
    slots = [backup_times.slots.daily_slot(cron, zone, float(delay), when) for when in done]
    assert all(before != after for before, after in pairwise(slots))


@given(st.sampled_from(CODES), st.integers(1, 40), st.floats(0.0, DAY))
def test_what_fails_is_tried_again_after_a_minute_at_the_least_and_at_the_next_slot_at_the_most(
    code: str, failures: int, later: float
) -> None:
    state = RepositoryState()
    for _ in range(failures):
        state.fail(NOON, code, "why")
    when = due(state, HOURLY, NOON + 1.0)
    assert NOON + 60.0 <= when <= NOON + HOUR + 1.0
    if code not in OF_SESSION:
        # The same, whenever it is asked.
        assert due(state, HOURLY, NOON + later) == when


@given(st.sampled_from(CODES), st.integers(1, 40))
def test_a_failed_drill_is_tried_within_a_day(code: str, failures: int) -> None:
    state = RepositoryState(newest=Archived("a", NOON))
    for _ in range(failures):
        state.drill.fail(NOON, code, "why")
    when = backup_times.drill_time(state, HOURLY, NOON, 0.0)
    assert when is not None
    assert NOON + 300.0 <= when <= NOON + DAY


def test_an_attempt_that_was_cut_off_counts_as_failed_when_it_is_found() -> None:
    state = BackupState()
    state.configure(["main"], NOON)
    state.repositories["main"].claim(NOON)
    fresh = BackupState()
    fresh.load(state.stored())
    assert fresh.claimed
    fresh.interrupt()
    found = fresh.repositories["main"]
    assert (found.failures, found.code, found.claimed_at) == (1, "Interrupted", None)
    assert backup_times.upcoming(fresh.repositories, HOURLY, NOON, 0.0)[0].time == NOON + 60.0


@pytest.mark.parametrize("code", sorted(LASTING | OF_STORE | OF_SESSION))
def test_every_reason_that_is_told_apart_is_one_that_can_come(code: str) -> None:
    of_jobs = {"ExtraMissing", "AuthorityMissing", "MemoryMissing"}
    of_databases = {each for each in vars(database).values() if isinstance(each, str)}
    assert code in {
        *errors.SENTENCES,
        *OF_VOLUME,
        *of_jobs,
        *of_databases,
        *_OF_SNAPSHOTS,
        ENCODED_TWICE,
    }


_OF_SNAPSHOTS = {
    *("CredentialsAbsent", "CredentialsCorrupt", "CredentialsTooLarge", "NotPaired"),
    *("SessionTooLarge", "TooManyFiles"),
}


@given(st.floats(0.0, 400 * DAY), st.integers(300, 90 * 86_400))
def test_a_backup_is_overdue_after_what_was_promised_and_not_before(age: float, rpo: int) -> None:
    state = RepositoryState()
    state.succeed(NOON, 1.0)
    when = backup_times.overdue_time(state, NOON, float(rpo))
    assert when is not None
    assert NOON + rpo + 900 <= when <= NOON + rpo * 1.25 + 900


def test_reasons_are_those_of_the_calendar() -> None:
    state = RepositoryState(newest=Archived("a", NOON))
    state.succeed(NOON, 1.0)
    found = backup_times.upcoming({"main": state}, HOURLY, NOON + 5, 0.0)
    assert [each.reason for each in found] == [DRILL, BACKUP]
