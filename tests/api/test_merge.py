"""How a tenant's spec, the fleet's configuration and the built-in defaults come together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.effective import Effective
from baileys_janitor.api.config.merge import InvalidTenant, effective
from baileys_janitor.api.spec_groups import LIMITS
from baileys_janitor.api.values.durations import duration_text, seconds_of
from baileys_janitor.policy.settings import DEFAULTS, Settings

HERE = {"volume": {"claimName": "data"}}


def configured(**fields: Any) -> OperatorConfig:
    return OperatorConfig.model_validate(fields, extra="forbid")


def of(spec: dict[str, Any], config: OperatorConfig | None = None) -> Effective:
    return effective(config or OperatorConfig(), HERE | spec, "acme")


def outcome(spec: dict[str, Any]) -> Effective | InvalidTenant:
    try:
        return of(spec)
    except InvalidTenant as refusal:
        return refusal


def test_a_bare_tenant_gets_the_documented_numbers() -> None:
    found = of({})

    assert found.policy == DEFAULTS
    assert found.mode == "Enforce"
    assert found.times.scan_interval == 60
    assert found.times.trigger_interval == 1800
    assert found.times.adaptive is True
    assert (found.times.daily_cleanup, found.times.time_zone) == ("0 3 * * *", "UTC")
    assert (found.cooldown, found.emergency_cooldown, found.undo_window) == (21600, 1800, 86400)
    assert (found.company_id, found.claim_name, found.path) == ("acme", "data", ".")
    assert found.suspend is False


def test_a_tenant_that_sets_one_threshold_inherits_the_other_four() -> None:
    fleet = configured(defaults={"thresholds": {"danger": 400, "count": "Total"}})

    limits = of({"thresholds": {"warning": 100}}, fleet).policy.thresholds

    found = (limits.warning, limits.critical, limits.trigger, limits.emergency, limits.danger)
    assert found == (100, 170, 175, 180, 400)
    assert limits.count == "Total"


def test_an_empty_group_inherits_like_an_absent_one() -> None:
    fleet = configured(defaults={"retention": {"sessionMaxAge": "20d"}, "cooldown": "1h"})

    assert of({"retention": {}, "schedule": {}}, fleet).shared is of({}, fleet).shared


@pytest.mark.parametrize(
    ("asked", "ceiling", "mode"),
    [
        ("Enforce", "Enforce", "Enforce"),
        ("Enforce", "DryRun", "DryRun"),
        ("Enforce", "Observe", "Observe"),
        ("DryRun", "Enforce", "DryRun"),
        ("DryRun", "Observe", "Observe"),
        ("Observe", "Enforce", "Observe"),
        ("Observe", "DryRun", "Observe"),
    ],
)
def test_the_ceiling_caps_a_tenants_mode_and_never_raises_it(
    asked: str, ceiling: str, mode: str
) -> None:
    assert of({"mode": asked}, configured(modeCeiling=ceiling)).mode == mode


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (".", "."),
        ("./", "."),
        ("company_1/", "company_1"),
        ("./a//b/.", "a/b"),
        ("a..b", "a..b"),
    ],
)
def test_a_path_has_one_shortest_form(written: str, path: str) -> None:
    assert of({"volume": {"claimName": "data", "path": written}}).path == path


def test_tenants_with_equal_settings_share_one_object() -> None:
    config = OperatorConfig()

    one = effective(config, HERE | {"companyId": "1", "cooldown": "6h"}, "one")
    two = effective(config, HERE | {"companyId": "2", "suspend": True}, "two")

    assert one.shared is two.shared
    assert one.settings_hash == two.settings_hash
    assert one != two


def test_the_hash_moves_with_any_setting_and_with_the_ceiling() -> None:
    hashes = {
        of({}).settings_hash,
        of({"cooldown": "5h"}).settings_hash,
        of({"job": {"runAsUser": 5}}).settings_hash,
        of({}, configured(modeCeiling="DryRun")).settings_hash,
    }

    assert len(hashes) == 4


def test_settings_cannot_be_changed_for_one_of_those_who_share_them() -> None:
    with pytest.raises(AttributeError):
        of({}).shared.cooldown = 1  # type: ignore[misc]


def test_never_turns_the_daily_cleanup_off_even_when_the_fleet_has_one() -> None:
    assert of({"schedule": {"dailyCleanup": "Never"}}).times.daily_cleanup is None


@pytest.mark.parametrize("said", [{"preKeys": 50}, {"preKeys": 60}])
def test_who_sets_how_many_pre_keys_stay_has_the_others_removed(said: dict[str, int]) -> None:
    fleet = OperatorConfig.model_validate({"defaults": {"retention": said}})
    by_tenant = of({"retention": said}).policy
    by_fleet = effective(fleet, {"volume": {"claimName": "c"}}, "acme").policy

    assert of({}).policy.retention.pre_keys is None
    assert by_tenant.retention.pre_keys == by_fleet.retention.pre_keys == said["preKeys"]
    assert of({"retention": said}).settings_hash != of({}).settings_hash


def test_resources_merge_amount_by_amount() -> None:
    found = of({"job": {"runAsUser": 1000, "resources": {"limits": {"memory": "256Mi"}}}})

    assert found.job.run_as_user == 1000
    assert found.job.resources["limits"] == {"memory": "256Mi"}
    assert found.job.resources["requests"] == {"cpu": "10m", "memory": "32Mi"}


def test_what_a_newer_operator_stored_is_ignored() -> None:
    assert of({"futureField": 1, "retention": {"statusMaxAge": "1d"}}) == of({})


def test_a_conflict_names_where_each_value_comes_from() -> None:
    fleet = configured(defaults={"thresholds": {"critical": 160}, "retention": {"preKeys": 20}})
    conflicts = {
        ("warning", 165): "spec.thresholds.warning (165) is above spec.thresholds.critical "
        "(160, from the operator's configuration)",
        ("danger", 179): "spec.thresholds.emergency (180, the built-in default) is above "
        "spec.thresholds.danger (179)",
    }

    for (field, value), told in conflicts.items():
        with pytest.raises(InvalidTenant) as refusal:
            of({"thresholds": {field: value}}, fleet)
        assert told in refusal.value.message
        assert refusal.value.field == f"spec.thresholds.{field}"


def test_a_conflict_within_the_configuration_alone_says_so() -> None:
    fleet = configured(defaults={"retention": {"sessionMaxAge": "5d"}})

    with pytest.raises(InvalidTenant, match="'7d', the built-in default") as refusal:
        of({}, fleet)

    assert "('5d', from the operator's configuration)" in refusal.value.message


@pytest.mark.parametrize("spec", [None, {}, {"volume": None}, {"volume": {}}, [], "text"])
def test_what_is_no_spec_is_refused(spec: Any) -> None:
    with pytest.raises(InvalidTenant) as refusal:
        effective(OperatorConfig(), spec, "acme")

    assert refusal.value.field.startswith("spec")


_limits = st.dictionaries(st.sampled_from(LIMITS), st.integers(1, 400))
_ages = st.integers(3600, 86_400 * 30).map(duration_text)
_retention = st.fixed_dictionaries(
    {},
    optional={
        "sessionMaxAge": _ages,
        "senderKeyMaxAge": _ages,
        "preKeys": st.integers(1, 100),
    },
)
_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=12),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below),
    max_leaves=5,
)
_cron = st.lists(
    st.text("0123456789*/-,L#WMON", min_size=1, max_size=5), min_size=4, max_size=6
).map(" ".join)
_schedule = st.fixed_dictionaries(
    {},
    optional={
        "scanInterval": st.integers(10, 86_400).map(duration_text),
        "adaptive": st.booleans(),
        "dailyCleanup": _cron | st.just("Never"),
        "timeZone": st.sampled_from(["UTC", "America/Sao_Paulo", "America", "utc", "x/y"])
        | st.text(max_size=10),
    },
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "thresholds": _limits,
            "retention": _retention,
            "emergencyRetention": _retention,
            "schedule": _schedule,
            "mode": st.sampled_from(["Enforce", "DryRun", "Observe"]),
        },
    )
)
def test_any_well_formed_spec_gives_sound_settings_or_invalid_tenant(spec: dict[str, Any]) -> None:
    found = outcome(spec)
    if isinstance(found, InvalidTenant):
        assert found.field in found.message
        return
    limits = found.policy.thresholds
    ordered = [getattr(limits, name) for name in LIMITS]
    assert ordered == sorted(ordered)
    short, normal = found.policy.emergency_retention, found.policy.retention
    assert short.session_max_age <= normal.session_max_age
    assert short.sender_key_max_age <= normal.sender_key_max_age
    applied = found.policy.applied_retention().pre_keys
    urgent = found.policy.applied_emergency_retention().pre_keys
    assert applied is None or (urgent is not None and urgent <= applied)
    assert normal.pre_keys == spec.get("retention", {}).get("preKeys")
    assert Settings.from_data(found.policy.to_data()) == found.policy
    wanted = spec.get("retention", {}).get("sessionMaxAge")
    assert wanted is None or normal.session_max_age == seconds_of(wanted)


_FIELDS = ("thresholds", "retention", "schedule", "cooldown", "job", "mode", "volume", "companyId")


@given(st.dictionaries(st.sampled_from(_FIELDS), _junk))
def test_no_junk_raises_anything_but_invalid_tenant(spec: dict[str, Any]) -> None:
    found = outcome(spec)

    message = found.message if isinstance(found, InvalidTenant) else "spec is accepted"
    assert message.startswith("spec")
    assert "\n" not in message


@given(st.text(max_size=20) | st.text("./a", max_size=8))
def test_no_path_leads_out_of_the_volume(path: str) -> None:
    found = outcome({"volume": {"claimName": "data", "path": path}})

    kept = "." if isinstance(found, InvalidTenant) else found.path
    assert not {"..", ".janitor", ""} & set(kept.split("/"))
