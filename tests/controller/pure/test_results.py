"""What becomes of the tenants of a shared scan by its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.manifest import Member
from baileys_janitor.controller.jobs.results import ResultHandler
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.result import Result, encode
from baileys_janitor.status.changes import ChangeBus
from tests.controller.metrics.fleets import StandingClock

from .world import CONFIG, NOW, body, look

if TYPE_CHECKING:
    from baileys_janitor.controller.jobs.cluster_reads import ClusterReads

SIZE = CONFIG.limits.tenants_per_scan


def test_the_last_ones_whose_result_had_no_room_share_the_next_scan_with_half_as_many() -> None:
    cache = TenantCache(CONFIG)
    tenants = [
        cache.observe(body(name=f"t{place}", uid=f"u-{place}"), NOW) for place in range(SIZE)
    ]
    clock, bus = StandingClock(), ChangeBus()
    handler = ResultHandler(
        clock,
        cache,
        JobTracker(),
        cast("ClusterReads", None),
        CONFIG,
        lambda _tenants, _entries: None,
        bus,
        CrashHandler(clock, bus),
    )
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
