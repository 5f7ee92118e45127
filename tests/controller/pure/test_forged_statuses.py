"""Whatever stands in a tenant's status, annotations or labels: it is read within bounds, and stops nothing."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baileys_janitor.api.names import EMERGENCY_ANNOTATION, NOTIFY_ANNOTATION, TOKEN_LENGTH
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.timestamps import LAST, from_rfc3339, to_rfc3339
from baileys_janitor.controller.events import messages
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.metrics.tenants import FAMILIES
from baileys_janitor.metrics.text import lines_of as _lines
from baileys_janitor.notify.active_incidents import place_of
from baileys_janitor.notify.incidents import identify, incidents
from baileys_janitor.schedule import calendar
from baileys_janitor.schedule.context import Context
from baileys_janitor.schedule.decision import decide
from baileys_janitor.status import changes, compose, decision_log
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.record import TenantRecord
from tests.all_checks import examples
from tests.api.statuses import FULL_STATUS
from tests.controller.pure.world import CONFIG, CONTEXT, DAY, NOW, PACE, body, look, looks

Object = dict[str, Any]

FORGED = (
    st.sampled_from(
        [
            *(None, True, False, 0, -1, 7, 2**62, 2**63, 10**400, 1e-9, 1e-320, 1e308, -1e9, 1.5),
            *(
                "",
                "x",
                "5",
                "True",
                "A" * 2000,
                "../..",
                "2026-13-01T00:00:00Z",
                "NaN",
                "\ud800",
                "a\nb",
            ),
            *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"),
            *("1970-01-01T00:00:00Z", "2027-12-31T00:00:00Z", "Healthy", "Emergency", "Completed"),
            *(
                [],
                {},
                [None],
                [{}],
                [[]],
                {"a": {"a": {"a": 1}}},
                [{"type": "Ready"}],
                {"x" * 500: 1},
            ),
            [{"type": "Ready", "status": "False", "reason": "X" * 1024, "message": "y" * 32_000}],
        ]
    )
    | st.integers()
    | st.text(max_size=30)
)


def places(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [at, *(path for key, one in inner for path in places(one, (*at, key)))]


PLACES = [place for place in places(FULL_STATUS) if place]


@st.composite
def forged_statuses(draw: st.DrawFn) -> Object:
    """A whole status with some values forged, some missing, and some fields that nobody knows."""
    forged = deepcopy(FULL_STATUS)
    for place in draw(st.lists(st.sampled_from(PLACES), max_size=6)):
        here: Any = forged
        for key in place[:-1]:
            here = here[key] if isinstance(here, dict | list) and _has(here, key) else None
        if isinstance(here, dict) or (isinstance(here, list) and _has(here, place[-1])):
            here[place[-1]] = draw(FORGED)
    for name in draw(st.lists(st.sampled_from([*FULL_STATUS, "unknown"]), max_size=2)):
        if draw(st.booleans()):
            forged.pop(name, None)
        else:
            forged[name] = draw(FORGED)
    return forged


def _has(here: Any, key: Any) -> bool:
    return key in here if isinstance(here, dict) else isinstance(key, int) and key < len(here)


def go_through(tenant: TenantRecord, now: float) -> Object:
    """Do with a tenant all that the operator does without a cluster; return the composed status."""
    calendar.next_time(tenant, now, Context(now - 60, PACE))
    decide(tenant, now, Context(now - 60, PACE))
    fresh = compose.compose(tenant, now, CONTEXT)
    patch = compose.merge_patch(tenant.stored.raw, fresh)
    json.dumps(patch, allow_nan=False)
    compose.is_material(tenant.stored.status, fresh)
    for heard in changes.between(tenant, tenant.stored.status, fresh):
        decision_log.write(heard)
        messages.told(heard)
    base = identify(tenant.namespace, tenant.name, tenant.uid)
    incidents(tenant.stored.status, base, place_of(tenant), now)
    for family in FAMILIES:
        assert len(list(_lines(family, [tenant], now))) <= family.most
    return fresh


def check(tenant: TenantRecord, fresh: Object, now: float) -> None:
    """That nothing is out of bounds, and no time lies where it cannot."""
    assert decoding.status(fresh) == fresh, "what is written is within the CRD's bounds"
    for name in ("lastScanTime", "activeSince"):
        assert (from_rfc3339(fresh.get(name)) or 0) <= now
    assert (from_rfc3339(fresh.get("cooldownUntil")) or 0) <= now + 6 * 3600
    assert (from_rfc3339(fresh.get("emergencyCooldownUntil")) or 0) <= now + 1800
    for slot in (fresh.get("timers") or {}).values():
        assert (from_rfc3339(slot) or 0) <= now
    when = calendar.next_time(tenant, now, Context(now - 60, PACE))
    assert when is not None
    assert when <= now + DAY, "nobody is forgotten for long"


@settings(max_examples=examples(150), deadline=None)
@given(forged_statuses(), looks)
@example(
    {"activeSince": "0001-01-01T00:00:00+23:59", "run": {"id": "x", "reason": "Daily"}}, look()
)
@example(
    {"cooldownUntil": "9999-12-31T23:59:59Z", "emergencyCooldownUntil": "9999-12-31T23:59:59Z"},
    look(190),
)
@example({"trash": {"runs": 1, "oldestTime": "9999-12-31T23:59:59Z"}}, look())
@example({"lastScanTime": "0001-01-01T00:00:00+23:59", "lastHandledRequest": "zz"}, look())
@example({"identity": {"suspectSince": "0001-01-01T00:00:00+23:59", "credsToken": "x"}}, look())
@example(
    {"growthPerDay": 1e-9, "lastScanTime": "2026-11-22T03:00:00Z", "files": {"counted": 5}}, look()
)
@example(
    {"history": [{"time": "0001-01-01T00:00:00+23:59", "outcome": "Completed", "after": 3}] * 2},
    look(),
)
@example({"history": 7, "lastCleanup": [], "conditions": "x", "timers": None, "volume": 3}, look())
def test_no_status_stops_the_operator_or_gets_out_of_bounds(forged: Object, found: Any) -> None:
    tenant = TenantCache(CONFIG).observe(body(status=forged), NOW)
    check(tenant, go_through(tenant, NOW), NOW)
    record_result.scanned(tenant, found, NOW, used=True)
    tenant.cut(NOW)
    check(tenant, go_through(tenant, NOW), NOW)


@settings(max_examples=examples(100), deadline=None)
@given(forged_statuses(), forged_statuses())
def test_a_status_that_is_forged_while_the_operator_runs_stops_nothing(
    first: Object, second: Object
) -> None:
    fleet = TenantCache(CONFIG)
    tenant = fleet.observe(body(status=first), NOW)
    record_result.scanned(tenant, look(190), NOW, used=True)
    tenant.take_stored(first | compose.compose(tenant, NOW, CONTEXT))
    fleet.observe(body(status=second, version="2"), NOW + 60)
    check(tenant, go_through(tenant, NOW + 60), NOW + 60)


@given(forged_statuses())
def test_what_is_read_of_a_status_is_within_the_bounds_and_reading_again_changes_nothing(
    forged: Object,
) -> None:
    found = decoding.status(forged)
    assert decoding.status(found) == found
    for name in FULL_STATUS:
        assert decoding.status_field(forged, name) == found.get(name)


def test_a_status_of_ours_is_read_whole() -> None:
    assert decoding.status(FULL_STATUS) == FULL_STATUS


@given(st.recursive(FORGED, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_json_at_all_makes_the_decoder_stumble(value: object) -> None:
    assert isinstance(decoding.status(value), dict)
    assert len(decoding.said(value)) <= decoding.SAID_MAX
    assert decoding.said(value).isprintable()
    assert isinstance(decoding.objects(value), list)
    assert decoding.part(value, "a", "b") in ({}, decoding.part(decoding.part(value, "a"), "b"))


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(st.sampled_from([EMERGENCY_ANNOTATION, NOTIFY_ANNOTATION, "other"]), FORGED)
    | FORGED,
    FORGED,
)
@example({EMERGENCY_ANNOTATION: "[" * 100_000}, None)
def test_no_annotation_and_no_label_stops_anything(annotations: Any, labels: Any) -> None:
    found = body()
    found["metadata"] |= {"annotations": annotations, "labels": labels}
    tenant = TenantCache(CONFIG).observe(found, NOW)
    assert tenant.resource.request is None or 0 < len(tenant.resource.request) <= TOKEN_LENGTH
    check(tenant, go_through(tenant, NOW), NOW)


@pytest.mark.parametrize("when", [-1e30, -1.0, 0.0, NOW, LAST, LAST + 1.0, 1e300])
def test_every_time_can_be_written_and_read(when: float) -> None:
    read = from_rfc3339(to_rfc3339(when))
    assert read is not None
    assert 0 <= read <= LAST


@given(st.text(max_size=45) | st.datetimes().map(lambda when: f"{when.isoformat()}+23:59"))
def test_no_text_is_a_time_out_of_bounds(text: str) -> None:
    read = from_rfc3339(text)
    assert read is None or 0 <= read <= LAST
