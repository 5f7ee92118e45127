"""The fleet: what events tell of tenants, and the queue of who is due next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.status import compose
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.fault import Fault
from tests.controller.pure.world import CONFIG, CONTEXT, HOUR, NOW, body, claimed, look

KEY = ("shop", "acme")


def test_an_older_or_equal_version_is_ignored() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(version="7"), NOW)
    for version in ("6", "7"):
        assert fleet.observe(body({"suspend": True}, version=version, generation=2), NOW) is known
        assert known.effective is not None
        assert not known.effective.suspend
    fleet.observe(body({"suspend": True}, version="10", generation=2), NOW)
    assert known.effective is not None
    assert known.effective.suspend


def test_versions_that_are_no_numbers_count_as_newer_unless_they_are_the_same() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(version="abc"), NOW)
    fleet.observe(body(version="abc", token="ignored"), NOW)
    assert known.resource.request is None
    fleet.observe(body(version="abd", token="seen"), NOW)
    assert known.resource.request == "seen"


def test_a_namesake_with_a_new_uid_is_a_new_tenant() -> None:
    fleet = TenantCache(CONFIG)
    old = fleet.observe(body(version="7"), NOW)
    old.scan.look = look()
    new = fleet.observe(body(version="3", uid="u-2", token="manifest"), NOW)

    assert new is not old
    assert new.look is None
    assert new.timers.handled_request == "manifest"
    assert fleet.of("shop", "acme", "u-1") is None
    assert fleet.forget(KEY, "u-1") is None
    assert fleet.forget(KEY, "u-2") is new
    assert fleet.forget(KEY, "u-2") is None


def test_an_invalid_spec_is_a_fault_and_a_valid_one_ends_it() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body({"thresholds": {"warning": 400}}), NOW)
    assert known.effective is not None
    assert known.effective.scans_only
    assert known.invalid is not None
    assert known.invalid.reason == "InvalidSpec"
    assert "spec.thresholds" in known.invalid.message

    fleet.observe(body(version="2", generation=2), NOW)
    assert known.effective is not None
    assert known.effective.cleans
    assert known.invalid is None
    assert known.jobs.rescan


def test_a_broken_edit_keeps_the_last_valid_settings_over_a_restart() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body({"mode": "DryRun", "cooldown": "30d"}), NOW)
    known.cleanup.cool(NOW, 29 * 86_400.0)
    broken = {"mode": "Enforce", "cooldown": "never"}
    fleet.observe(body(broken, version="2", generation=2), NOW)
    stored = compose.compose(known, NOW, CONTEXT)
    again = TenantCache(CONFIG).observe(body(broken, stored, version="3", generation=2), NOW)

    for one in (known, again):
        assert one.effective is not None
        assert (one.effective.mode, one.effective.cooldown) == ("DryRun", 30 * 86_400)
        assert one.cleanup.cooldown_until == NOW + 29 * 86_400
        assert one.invalid is not None
        assert "last valid settings of this tenant are used, in mode DryRun" in one.invalid.message
    assert compose.compose(again, NOW, CONTEXT)["lastValid"] == stored["lastValid"]


def test_after_an_upgrade_a_spec_that_was_broken_before_is_scanned_and_shortens_nothing() -> None:
    status = {"observedGeneration": 1, "cooldownUntil": "2027-01-01T00:00:00Z"}
    known = TenantCache(CONFIG).observe(body({"thresholds": {"warning": 400}}, status), NOW)

    assert known.effective is not None
    assert known.effective.scans_only
    until = known.cleanup.cooldown_until
    assert until is not None
    assert until > NOW + known.effective.cooldown
    assert "lastValid" not in compose.compose(known, NOW, CONTEXT)


def test_what_is_kept_of_a_spec_is_no_reason_to_write_by_itself() -> None:
    known = TenantCache(CONFIG).observe(body(), NOW)
    record_result.scanned(known, look(), NOW, used=True)
    fresh = compose.compose(known, NOW, CONTEXT)
    old = {key: value for key, value in fresh.items() if key != "lastValid"}

    assert fresh["lastValid"]
    assert not compose.is_material(old, fresh, NOW)
    assert compose.merge_patch(fresh, fresh) == {}


def test_an_edit_asks_for_a_scan_at_once_and_ends_the_back_off() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(), NOW)
    known.fail(Fault("ClaimMissing", "Missing."), NOW)
    fleet.observe(body({"mode": "DryRun"}, version="2", generation=2), NOW)

    assert known.jobs.rescan
    assert known.backoff.retry_at == 0.0


def test_whoever_edits_a_spec_every_second_does_not_reset_the_back_off() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(), NOW)
    tried, failed = [], Fault("JobFailed", "Failed.")
    for second in range(7200):
        modes = ("DryRun", "Observe")
        edited = {"mode": modes[second % 2]}
        fleet.observe(
            body(edited, version=str(second + 2), generation=second + 2, token=f"t{second}"),
            NOW + second,
        )
        if NOW + second >= known.backoff.retry_at:
            tried.append(second)
            known.fail(failed, NOW + second)
    # 7,200 if each were tried; a back-off that nobody disturbs allows ten.
    assert len(tried) <= 20
    known.recover()
    known.fail(failed, NOW + 9000)
    fleet.observe(body(version="9999", generation=9999), NOW + 9001)
    assert known.backoff.retry_at == 0.0, "after a success the next edit counts at once"


def test_an_edit_that_is_made_in_vain_leaves_the_fault_in_view() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(), NOW)
    for version, mode in ((2, "DryRun"), (3, "Observe")):
        known.fail(Fault("JobFailed", "Failed."), NOW)
        fleet.observe(body({"mode": mode}, version=str(version), generation=version), NOW + 1)
    assert known.fault is not None
    assert known.backoff.retry_at > NOW + 1


def test_a_change_of_status_or_label_asks_for_nothing() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(), NOW)
    before = known.effective
    fleet.observe(body(version="2"), NOW)

    assert not known.jobs.rescan
    assert known.effective is before


@pytest.mark.parametrize("volume", [{"claimName": "other"}, {"claimName": "data", "path": "b"}])
def test_what_was_learned_of_another_directory_is_forgotten(volume: dict[str, str]) -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(), NOW)
    record_result.scanned(known, look(160), NOW, used=True)
    known.scan.trash = (1, NOW)
    fleet.observe(body({"volume": volume}, version="2", generation=2), NOW)

    assert known.look is None
    assert (known.scan.running, known.scan.active_since, known.scan.growth) == (None, None, None)
    assert known.scan.fingerprint == ""
    assert known.scan.trash is None
    assert known.jobs.rescan


def test_resuming_after_a_long_suspension_counts_no_missed_scans() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body({"suspend": True}), NOW)
    record_result.scanned(known, look(160), NOW, used=True)
    later = NOW + 100 * HOUR
    fleet.observe(body(version="2", generation=2), later)

    assert compose.compose(known, later, CONTEXT)["level"] == "Warning"


def test_what_another_operator_did_is_taken_over_and_ones_own_echo_changes_nothing() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(), NOW)
    record_result.scanned(known, look(160), NOW, used=True)
    claimed(known)
    known.take_stored(compose.compose(known, NOW, CONTEXT))
    known.cleanup.cooldown_until = NOW + 777
    fleet.observe(body(status=known.stored.status, version="2"), NOW)
    assert known.cleanup.cooldown_until == NOW + 777

    theirs = dict(known.stored.status) | {"lastCleanup": {"outcome": "Completed", "removed": 3}}
    del theirs["run"]
    fleet.observe(body(status=theirs, version="3"), NOW)
    assert known.run is None
    assert known.cleanup.last == {"outcome": "Completed", "removed": 3}


@pytest.mark.parametrize("run", [{}, {"id": "r1"}, {"reason": "Daily"}, "nonsense", 7])
def test_a_claim_that_somebody_garbled_is_no_claim(run: object) -> None:
    known = TenantCache(CONFIG).observe(body(status={"observedGeneration": 1, "run": run}), NOW)

    assert known.run is None


def test_a_token_is_cut_to_what_the_status_can_hold_and_compared_so() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(token="x" * 300), NOW)

    assert known.resource.request == known.timers.handled_request == "x" * 256


# The queue


def test_the_longest_overdue_comes_first_and_each_only_once() -> None:
    fleet = TenantCache(CONFIG)
    some = [fleet.observe(body(name=f"t{n}", uid=f"u{n}"), NOW) for n in range(3)]
    for known, when in zip(some, (30.0, 10.0, 20.0), strict=True):
        fleet.schedule(known, NOW + when)

    assert fleet.next_due() == NOW + 10
    assert [t.name for t in fleet.due(NOW + 20)] == ["t1", "t2"]
    assert list(fleet.due(NOW + 20)) == []
    assert [t.name for t in fleet.due(NOW + 30)] == ["t0"]
    assert fleet.next_due() is None


def test_a_forgotten_tenant_and_its_namesake_are_not_due() -> None:
    fleet = TenantCache(CONFIG)
    old = fleet.observe(body(), NOW)
    fleet.schedule(old, NOW + 5)
    fleet.forget(KEY, "u-1")
    new = fleet.observe(body(uid="u-2"), NOW)
    assert list(fleet.due(NOW + 10)) == []

    fleet.schedule(new, None)
    assert fleet.next_due() is None


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.integers(0, 50), st.booleans()), max_size=300
    )
)
def test_the_last_call_counts_and_the_queue_does_not_grow(
    calls: list[tuple[int, int | None, bool]],
) -> None:
    fleet = TenantCache(CONFIG)
    some = [fleet.observe(body(name=f"t{n}", uid=f"u{n}"), NOW) for n in range(4)]
    wanted: dict[str, int] = {}
    for who, when, look_now in calls:
        fleet.schedule(some[who], when)
        wanted.pop(some[who].name, None)
        if when is not None:
            wanted[some[who].name] = when
        if look_now:
            assert fleet.next_due() == min(wanted.values(), default=None)
        assert len(fleet._queue) <= 64 + 4 * 4 + 1
    due = [t.name for t in fleet.due(25)]
    assert sorted(due) == sorted(name for name, when in wanted.items() if when <= 25)
    assert [wanted[name] for name in due] == sorted(wanted[name] for name in due)


def test_a_new_token_ends_the_back_off_and_an_event_without_one_does_not() -> None:
    fleet = TenantCache(CONFIG)
    known = fleet.observe(body(token="a"), NOW)
    known.backoff.retry_at = NOW + 1000
    fleet.observe(body(token="a", version="2"), NOW)
    assert known.backoff.retry_at == NOW + 1000
    fleet.observe(body(token="b", version="3"), NOW)
    assert known.backoff.retry_at == 0.0


def test_a_namespaces_tenants_are_those_that_are_known_there() -> None:
    fleet = TenantCache(CONFIG)
    for namespace, name in (("a", "x"), ("a", "y"), ("b", "x")):
        told = body(uid=f"{namespace}-{name}")
        told["metadata"] |= {"namespace": namespace, "name": name}
        fleet.observe(told, NOW)
    fleet.forget(("a", "x"), "a-x")
    fleet.forget(("b", "x"), "another")

    assert {tenant.text for tenant in fleet.in_namespace("a")} == {"a/y"}
    assert {tenant.text for tenant in fleet.in_namespace("b")} == {"b/x"}
    assert list(fleet.in_namespace("c")) == []
