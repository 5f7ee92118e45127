"""When copies of creds.json are due: at most one in its time, one after any outage, none where nothing has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.job.result import KEPT, NOT_DUE, NOT_KEPT, KeptCopy, ScanResult
from baileys_janitor.schedule import calendar, copy_times
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.copies_state import PASSING
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import DAY, HOUR, NOW, SCHEDULE, claimed, look, tenant

TICK = 1200.0
"""Seconds from one scan to the next."""
GATHERED = copy_times.gather_seconds(DAY)
LEAST = copy_times.least_age(DAY)


@dataclass
class Volume:
    """A session directory: whether creds.json differs from its newest copy, and when that was kept."""

    changed: bool = True
    kept: list[float] = field(default_factory=list)
    jobs: list[float] = field(default_factory=list)
    refused: str | None = None
    """The code with which no copy can be kept."""

    def look(self, now: float) -> ScanResult:
        newest = int(self.kept[-1]) if self.kept else None
        return look(copies=len(self.kept), copied=newest, uncopied=self.changed, looked=int(now))

    def keep(self, now: float, every: float) -> KeptCopy:
        """What `keep_if_due` does."""
        self.jobs.append(now)
        newest = self.kept[-1] if self.kept else None
        if self.refused is not None:
            return KeptCopy(NOT_KEPT, self.refused, len(self.kept))
        if not self.changed or (newest is not None and now - newest < every):
            return KeptCopy(NOT_DUE, None, len(self.kept), None if newest is None else int(newest))
        self.kept.append(now)
        self.changed = False
        return KeptCopy(KEPT, None, len(self.kept), int(now))


@dataclass
class Life:
    """An operator that scans a tenant and keeps copies when the calendar says so, in virtual time."""

    volume: Volume
    now: float = NOW
    spec: dict[str, Any] = field(default_factory=dict)
    known: TenantRecord | None = None

    def start(self) -> None:
        self.known = tenant(self.spec, now=self.now)

    def run(self, seconds: float, writes: bool = False) -> None:
        """Let time pass; with `writes`, creds.json changes all the time."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + TICK)
            self.volume.changed = self.volume.changed or writes
            if self.known is not None:
                self._work(self.known)

    def _work(self, known: TenantRecord) -> None:
        record_result.scanned(known, self.volume.look(self.now), self.now, used=True)
        due = [
            one.time
            for one in calendar.upcoming(known, self.now, SCHEDULE)
            if one.reason == calendar.COPY
        ]
        if due and due[0] <= self.now:
            assert known.effective is not None
            assert known.effective.copies is not None
            every = copy_times.least_age(known.effective.copies.every)
            record_result.kept(known, self.volume.keep(self.now, every), None, self.now)


def life(spec: dict[str, Any] | None = None, **volume: Any) -> Life:
    made = Life(Volume(**volume), spec=spec or {})
    made.start()
    return made


def gaps(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


def test_a_tenant_without_a_copy_has_its_first_within_ten_minutes_of_a_scan() -> None:
    made = life()
    made.run(HOUR)
    assert len(made.volume.kept) == 1
    assert made.volume.kept[0] - NOW <= copy_times.FIRST_SECONDS + 2 * TICK


def test_a_file_that_changes_all_the_time_is_copied_once_a_day_at_the_same_time() -> None:
    made = life()
    made.run(12 * DAY, writes=True)
    assert 11 <= len(made.volume.kept) <= 13
    assert all(LEAST <= gap <= DAY + TICK for gap in gaps(made.volume.kept))
    assert made.volume.jobs == made.volume.kept


def test_a_tenant_whose_creds_json_has_not_changed_makes_no_job() -> None:
    made = life(changed=False, kept=[NOW - 9 * DAY])
    made.run(12 * DAY)
    assert made.volume.jobs == []


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(TICK, 3 * DAY), st.booleans(), st.floats(1, 4 * DAY), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_after_any_outage_exactly_one_copy_is_caught_up_on(
    periods: list[tuple[float, bool, float, bool]],
) -> None:
    made = life()
    for up, busy, down, changes in periods:
        made.run(up, busy)
        made.known = None
        made.run(down, changes)
        late = made.volume.changed and (
            not made.volume.kept or made.now - made.volume.kept[-1] >= DAY
        )
        before = len(made.volume.kept)
        made.start()
        made.run(GATHERED + 3 * TICK)
        if late:
            assert len(made.volume.kept) == before + 1
        else:
            assert len(made.volume.kept) <= before + 1
    assert all(gap >= LEAST for gap in gaps(made.volume.kept))
    span = made.now - NOW
    assert len(made.volume.jobs) <= 1 + span / LEAST


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 0.9 * GATHERED), min_size=2, max_size=8), st.integers(0, 24))
def test_tenants_of_a_namespace_are_due_at_the_same_moment(
    offsets: list[float], hours: int
) -> None:
    start = NOW + hours * HOUR
    grid = copy_times.gather_seconds(DAY)
    times = set()
    for number, offset in enumerate(offsets):
        known = tenant(name=f"acme-{number}", uid=f"u-{number}")
        seen = start + offset
        record_result.scanned(known, Volume(kept=[NOW - 3 * DAY]).look(seen), seen, used=True)
        due = copy_times.copy_time(known)
        assert due is not None
        assert seen <= due <= seen + grid
        times.add(round(due, 3))
    assert len(times) <= 2


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True},
        {"mode": "Observe"},
        {"mode": "DryRun"},
        {"credentialsCopies": {"keep": 0}},
    ],
    ids=["suspended", "observed", "dry run", "keep 0"],
)
def test_none_is_due_where_nothing_may_be_written(spec: dict[str, Any]) -> None:
    made = life(spec)
    made.run(3 * DAY, writes=True)
    assert made.volume.jobs == []


def test_none_is_due_while_a_cleanup_or_another_job_is_under_way_or_a_fault_stalls() -> None:
    def due(known: TenantRecord) -> float | None:
        record_result.scanned(known, Volume().look(NOW), NOW, used=True)
        return copy_times.copy_time(known)

    assert due(tenant()) is not None
    assert due(claimed(tenant())) is None
    working = tenant()
    working.jobs.start("purge", "janitor-purge-1", NOW)
    assert due(working) is None
    waiting = tenant()
    waiting.copies.wait()
    assert due(waiting) is None
    stalled = tenant()
    record_result.scanned(stalled, Volume().look(NOW), NOW, used=True)
    stalled.backoff.set_fault(Fault("ClaimLost", "The claim is lost."))
    assert copy_times.copy_time(stalled) is None


@pytest.mark.parametrize("code", ["PermissionDenied", "CredentialsOlder", "DiskFull"])
def test_what_somebody_must_mend_is_tried_no_more_often_than_a_copy_is_kept(code: str) -> None:
    made = life(refused=code)
    made.run(10 * DAY, writes=True)
    assert 9 <= len(made.volume.jobs) <= 11
    assert made.known is not None
    assert made.known.copies.problem is not None
    assert made.known.copies.problem.reason == code
    made.volume.refused = None
    made.run(DAY + GATHERED, writes=True)
    assert made.volume.kept
    assert made.known.copies.problem is None


@pytest.mark.parametrize("code", sorted(PASSING & {"Busy", "CredentialsChanging", "Interrupted"}))
def test_what_passes_by_itself_is_tried_again_after_an_hour_and_then_ever_more_seldom(
    code: str,
) -> None:
    made = life(refused=code)
    made.run(10 * DAY, writes=True)
    assert HOUR <= gaps(made.volume.jobs)[0] <= 2 * HOUR
    assert gaps(made.volume.jobs)[-1] >= LEAST
    assert len(made.volume.jobs) <= 16


def test_a_file_that_is_written_again_as_it_was_is_looked_at_once_a_day() -> None:
    made = life(kept=[NOW - 9 * DAY])
    made.volume.keep = lambda now, every: (  # type: ignore[method-assign]
        made.volume.jobs.append(now) or KeptCopy(NOT_DUE, None, 1, int(NOW - 9 * DAY))
    )
    made.run(5 * DAY, writes=True)
    assert 4 <= len(made.volume.jobs) <= 6


def test_a_new_pairing_has_its_first_copy_soon() -> None:
    made = life(kept=[NOW - HOUR])
    made.run(2 * TICK, writes=True)
    assert made.volume.jobs == []
    assert made.known is not None
    paired = look(fingerprint="beef", copies=1, copied=int(NOW - HOUR), uncopied=True)
    record_result.scanned(made.known, paired, made.now, used=True)
    due = copy_times.copy_time(made.known)
    assert due is not None
    assert due <= made.now + copy_times.FIRST_SECONDS
