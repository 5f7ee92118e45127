"""What Prometheus learns of each tenant: what its record says at that moment, and nothing of one that is gone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from baileys_janitor.controller.metrics.exposition import families, pages
from baileys_janitor.metrics.tenants import FAMILIES, LABELS, company, most
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.scan_state import Suspicion
from tests.controller.metrics.fleets import Heart, Series, of, series, store
from tests.controller.pure.world import (
    DAY,
    HOUR,
    NOW,
    body,
    claimed,
    clean_results,
    cleaned,
    look,
    looks,
)

ACME = {"namespace": "shop", "tenant": "acme", "company_id": "962302"}


def told(heart: Heart, mode: str = "Full", now: float = NOW) -> Series:
    """What one scrape brings of the tenants."""
    known = list(heart.cache.tenants.values())
    return series(b"".join(pages(CollectorRegistry(), known, mode, now)).decode())


def test_a_scanned_tenant_shows_its_files_by_kind_its_count_and_its_limits() -> None:
    heart = Heart()
    heart.tenant(companyId="962302", found=look(155))
    found = told(heart)
    kinds = {k: of(found, "baileys_session_files_count", file_type=k, **ACME) for k in KINDS}
    assert kinds["creds"] == 1
    assert kinds["session"] == 68
    assert sum(kinds.values()) == 155
    assert of(found, "baileys_session_files_counted", **ACME) == 155
    assert of(found, "baileys_session_level", **ACME) == 1
    limits = ("warning", "critical", "trigger", "emergency", "danger")
    assert [of(found, "baileys_session_files_threshold", threshold=each) for each in limits] == [
        150, 170, 175, 180, 185,
    ]  # fmt: skip
    assert of(found, "baileys_session_bytes", **ACME) == 155_000
    assert of(found, "baileys_session_last_scan_timestamp_seconds", **ACME) == NOW
    assert of(found, "baileys_volume_free_bytes", **ACME) == 10**9


@pytest.mark.parametrize(("counted", "level"), [(149, 0), (150, 1), (170, 2), (180, 3), (250, 3)])
def test_the_level_is_a_number(counted: int, level: int) -> None:
    heart = Heart()
    heart.tenant(found=look(counted))
    assert of(told(heart), "baileys_session_level") == level


def test_a_tenant_before_its_first_scan_has_no_figures_and_an_unknown_level() -> None:
    heart = Heart()
    heart.cache.observe(body(name="new"), NOW)
    found = told(heart)
    assert of(found, "baileys_session_level", tenant="new", company_id="new") == -1
    assert of(found, "baileys_session_files_counted") is None
    assert not [name for name, _ in found if name == "baileys_session_files_count"]


def test_after_a_restart_the_stored_figures_hold_until_the_first_scan() -> None:
    before, after = Heart(), Heart()
    known = before.tenant(found=look(155))
    restarted = after.cache.observe(body(status=known.stored.status), NOW)
    assert restarted.look is None
    assert told(after) == told(before)


def test_a_tenant_that_is_gone_takes_its_series_along() -> None:
    heart = Heart()
    heart.tenant("acme")
    heart.tenant("other")
    heart.cache.forget(("shop", "acme"), "acme")
    found = told(heart)
    assert of(found, "baileys_session_files_counted", tenant="other") is not None
    assert [key for key in found if ("tenant", "acme") in key[1]] == []


def test_the_time_to_an_emergency_follows_from_growth_and_passes_with_time() -> None:
    heart = Heart()
    known = heart.tenant(found=look(120))
    name = "baileys_session_emergency_predicted_seconds"
    assert of(told(heart), name) is None
    known.scan.growth = 0.0
    assert of(told(heart), name) == math.inf
    known.scan.growth = 10.0
    assert of(told(heart), name) == 6 * DAY
    assert of(told(heart, now=NOW + HOUR), name) == 6 * DAY - HOUR
    assert of(told(heart, now=NOW + 30 * DAY), name) == 0
    record_result.scanned(known, look(181), NOW, used=True)
    assert of(told(heart), name) == 0


def test_a_cleanup_shows_when_it_was_whether_it_failed_and_the_cooldown_that_it_began() -> None:
    heart = Heart()
    known = heart.tenant()
    assert of(told(heart), "baileys_session_last_cleanup_failed") is None
    record_result.cleaned(claimed(known), cleaned(scan=look()), NOW, used=True)
    found = told(heart)
    assert of(found, "baileys_session_last_cleanup_timestamp_seconds") == NOW
    assert of(found, "baileys_session_last_cleanup_failed") == 0
    ends = "baileys_session_cooldown_end_timestamp_seconds"
    assert of(found, ends, cleanup="trigger") == NOW + 6 * HOUR
    assert of(told(heart, now=NOW + 7 * HOUR), ends, cleanup="trigger") is None
    record_result.cleaned(claimed(known), cleaned("Failed", 0, code="ReadOnly"), NOW, used=True)
    assert of(told(heart), "baileys_session_last_cleanup_failed") == 1


def test_advice_shows_while_it_is_given() -> None:
    heart = Heart()
    known = heart.tenant(found=look(newest_activity=int(NOW - 8 * DAY)))
    name = "baileys_session_condition"
    assert of(told(heart), name, condition="SessionInactive") == 1
    record_result.scanned(known, look(), NOW, used=True)
    store(known)
    assert of(told(heart), name, condition="SessionInactive") is None
    known.scan.suspicion = Suspicion("t1", NOW - 60, 5)
    store(known)
    assert of(told(heart), name, condition="CredentialsCorrupt") == 1


def test_a_tenant_that_cannot_be_looked_after_shows_why() -> None:
    heart = Heart()
    known = heart.tenant()
    known.backoff.fault = Fault("ClaimMissing", "The claim does not exist.")
    store(known)
    assert of(told(heart), "baileys_session_stalled", reason="ClaimMissing") == 1


def test_a_suspended_tenant_has_no_time_from_which_its_count_is_stale() -> None:
    heart = Heart()
    heart.tenant("acme")
    heart.tenant("still", suspend=True)
    name = "baileys_session_scan_stale_timestamp_seconds"
    found = told(heart)
    assert (of(found, name, tenant="acme") or 0) > NOW
    assert of(found, name, tenant="still") is None


@given(st.lists(st.tuples(looks, clean_results), max_size=4), st.floats(0, 10 * DAY))
def test_whatever_a_tenant_went_through_its_series_stay_within_the_stated_bound(
    story: list[tuple[object, object]], later: float
) -> None:
    heart = Heart()
    known = heart.tenant()
    for found, result in story:
        record_result.scanned(known, found, NOW, used=True)
        record_result.cleaned(claimed(known), result, NOW, used=True)
        store(known)
    for mode in ("Full", "Brief", "None"):
        allowed = families(mode)
        shown = told(heart, mode, NOW + later)
        assert {name for name, _ in shown} <= {family.name for family in allowed}
        for family in allowed:
            count = sum(name == family.name for name, _ in shown)
            assert count <= family.most, family.name
    assert len(told(heart, "Full", NOW + later)) <= most(FAMILIES)


class Reference(Collector):
    """The same tenants for prometheus_client's own encoder."""

    def __init__(self, tenants: list[TenantRecord], now: float) -> None:
        self._tenants, self._now = tenants, now

    def collect(self):
        for family in FAMILIES:
            labels = (*LABELS, family.label) if family.label else LABELS
            metric = GaugeMetricFamily(family.name, family.help, labels=labels)
            for each in self._tenants:
                own = (each.namespace, each.name, company(each))
                if family.one is not None and (number := family.one(each, self._now)) is not None:
                    metric.add_metric(own, number)
                for value, number in family.many(each, self._now) if family.many else ():
                    metric.add_metric((*own, value), number)
            if metric.samples:
                yield metric


@given(st.lists(looks, min_size=1, max_size=5), st.text(max_size=20).filter(bool))
def test_the_text_says_what_the_librarys_own_encoder_says(found: list, name: str) -> None:
    heart = Heart()
    for number, each in enumerate(found):
        heart.tenant(f"tenant-{number}", each)
    known = list(heart.cache.tenants.values())
    # No spec that the CRD admits holds such an id; one that did would not spoil the page.
    object.__setattr__(known[0].effective, "company_id", name)
    registry = CollectorRegistry()
    registry.register(Reference(known, NOW))
    mine = b"".join(pages(CollectorRegistry(), known, "Full", NOW)).decode()
    theirs = generate_latest(registry).decode()
    assert series(mine) == series(theirs)
    heads = [line for line in mine.splitlines() if line.startswith("#")]
    assert heads == [line for line in theirs.splitlines() if line.startswith("#")]


def test_brief_needs_a_quarter_of_the_series_and_none_needs_none() -> None:
    heart = Heart()
    heart.tenant()
    full, brief, none = (len(told(heart, mode)) for mode in ("Full", "Brief", "None"))
    assert brief * 4 < full
    assert none == 0
