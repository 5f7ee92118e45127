"""What becomes of the tenants of a shared Job by its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.manifest import Member
from baileys_janitor.controller.jobs.results import ResultHandler
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.result import KEPT, NOT_DUE, NOT_KEPT, KeptCopy, Result, encode
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants import directory_faults, record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.metrics.fleets import StandingClock

from .world import CONFIG, NOW, body, look

if TYPE_CHECKING:
    from baileys_janitor.controller.jobs.cluster_reads import ClusterReads

SIZE = CONFIG.limits.tenants_per_scan


def known(cache: TenantCache, number: int) -> list[TenantRecord]:
    return [cache.observe(body(name=f"t{place}", uid=f"u-{place}"), NOW) for place in range(number)]


def handler_of(cache: TenantCache) -> ResultHandler:
    clock, bus = StandingClock(), ChangeBus()
    return ResultHandler(
        clock,
        cache,
        JobTracker(),
        cast("ClusterReads", None),
        CONFIG,
        lambda _tenants, _entries: None,
        bus,
        CrashHandler(clock, bus),
    )


def keeping(tenants: list[TenantRecord]) -> TrackedJob:
    """A Job under way that keeps copies for them."""
    for each in tenants:
        record_result.scanned(each, look(copies=0, uncopied=True), NOW, used=True)
        each.jobs.start("keep", "job", NOW)
    return TrackedJob("shop", "job", "keep", [Member(each.name, each.uid) for each in tenants])


def test_each_member_of_a_job_that_keeps_copies_learns_what_became_of_its_own() -> None:
    cache = TenantCache(CONFIG)
    tenants = known(cache, 3)
    handler, job = handler_of(cache), keeping(tenants)
    outcomes = [
        KeptCopy(KEPT, None, 1, int(NOW)),
        KeptCopy(NOT_KEPT, "DiskFull"),
        KeptCopy(NOT_DUE, None, 4, int(NOW) - 60),
    ]
    message = encode(Result("keep", int(NOW), list(outcomes))).decode()
    handler.settle(job, Finished(message, None))

    assert [each.copies.count for each in tenants] == [1, 0, 4]
    problems = [each.copies.problem for each in tenants]
    assert [problem and problem.reason for problem in problems] == [None, "DiskFull", None]
    assert [each.copies.changed_since is None for each in tenants] == [True, False, True]
    assert all(each.jobs.work is None and each.backoff.fault is None for each in tenants)


@pytest.mark.parametrize("ended", [faults.GONE, Fault("ImagePullFailed", "No image.")])
def test_a_job_that_keeps_copies_and_brings_no_result_is_no_fault_of_its_tenants(
    ended: Fault,
) -> None:
    cache = TenantCache(CONFIG)
    tenants = known(cache, 4)
    handler, job = handler_of(cache), keeping(tenants)
    handler.settle(job, Finished(None, ended))

    for each in tenants:
        assert each.backoff.fault is None
        assert each.jobs.work is None
        assert each.copies.problem == ended
    apart = ended == faults.GONE
    assert [each.jobs.max_batch for each in tenants] == [2 if apart else None] * 4


def test_a_job_that_keeps_copies_and_gets_stuck_is_parted_and_asks_for_no_scans() -> None:
    cache = TenantCache(CONFIG)
    tenants = known(cache, 4)
    handler, job = handler_of(cache), keeping(tenants)
    handler.split(job, frozenset())

    assert [each.jobs.max_batch for each in tenants] == [2] * 4
    assert not any(each.jobs.rescan for each in tenants)
    assert all(each.copies.passing and each.jobs.work is None for each in tenants)


@pytest.mark.parametrize("forged", ["", "baileys-janitor/3 keep x y", "scan"])
def test_a_result_that_cannot_be_believed_is_none(forged: str) -> None:
    cache = TenantCache(CONFIG)
    tenants = known(cache, 2)
    handler, job = handler_of(cache), keeping(tenants)
    if forged == "scan":
        forged = encode(Result("scan", int(NOW), [look(), look()])).decode()
    handler.settle(job, Finished(forged, None))
    assert all(each.copies.problem == directory_faults.UNREADABLE for each in tenants)


def test_the_last_ones_whose_result_had_no_room_share_the_next_scan_with_half_as_many() -> None:
    cache = TenantCache(CONFIG)
    tenants = known(cache, SIZE)
    handler = handler_of(cache)
    job = TrackedJob("shop", "job", "scan", [Member(each.name, each.uid) for each in tenants])

    # Memories of two months, as if all of them were new.
    looks = [look(100 + place, running="1" * 150) for place in range(SIZE)]
    message = encode(Result("scan", int(NOW), looks)).decode()
    handler.settle(job, Finished(message, None))

    assert [tenant.scan.counted for tenant in tenants] == list(range(100, 100 + SIZE))
    whole = [
        tenant.scan.look is not None and tenant.scan.look.by_kind is not None for tenant in tenants
    ]
    first = whole.index(False)
    assert 0 < first < SIZE
    assert not any(whole[first:])
    assert [tenant.jobs.max_batch for tenant in tenants] == [
        None if fits else SIZE // 2 for fits in whole
    ]
    assert all(tenant.backoff.fault is None for tenant in tenants)
