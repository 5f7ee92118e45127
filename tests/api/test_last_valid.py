"""Which settings are in force while a spec is invalid."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.last_valid import LAST_VALID_BYTES_MAX, InForce, in_force
from baileys_janitor.api.config.merge import InvalidTenant, effective
from baileys_janitor.api.spec_groups import MODES

Object = dict[str, Any]

CONFIG = OperatorConfig()
HERE: Object = {"volume": {"claimName": "data", "path": "one"}}
BROKEN: Object = {"thresholds": {"warning": 900}}
OWN: Object = {
    "companyId": "7",
    "cooldown": "9h",
    "undoWindow": "20d",
    "thresholds": {"danger": 400},
}


def after(valid: Object, broken: Object, config: OperatorConfig = CONFIG) -> InForce:
    """What is in force after a valid spec and a broken edit of it, by way of what the status keeps."""
    before = in_force(config, valid, "acme", None)
    assert before.problem is None
    return in_force(config, broken, "acme", before.last_valid)


def used(found: InForce) -> Any:
    assert found.effective is not None
    return found.effective


def test_a_valid_spec_is_kept_as_it_is_and_only_the_tenants_own_fields() -> None:
    found = in_force(CONFIG, HERE | OWN, "acme", "whatever was kept before")

    assert (found.problem, found.meanwhile) == (None, "")
    assert found.effective == effective(CONFIG, HERE | OWN, "acme")
    assert json.loads(found.last_valid or "") == HERE | OWN


def test_a_broken_edit_leaves_the_last_valid_settings_in_force() -> None:
    found = after(HERE | OWN, HERE | OWN | BROKEN | {"cooldown": "1h"})

    assert used(found) == effective(CONFIG, HERE | OWN | {"mode": "Enforce"}, "acme")
    assert found.problem is not None
    assert found.problem.field == "spec.thresholds.warning"
    assert found.meanwhile == "Until it is valid, the last valid settings of this tenant are used."
    assert in_force(CONFIG, HERE | BROKEN, "acme", found.last_valid) != found
    assert json.loads(found.last_valid or "") == HERE | OWN


@pytest.mark.parametrize(
    ("before", "written", "mode"),
    [
        (None, "DryRun", "DryRun"),
        ("DryRun", None, "DryRun"),
        ("DryRun", "Enforce", "DryRun"),
        ("Enforce", "Observe", "Observe"),
    ],
)
def test_of_two_modes_the_stricter_one_counts(
    before: str | None, written: str | None, mode: str
) -> None:
    first, second = ({} if m is None else {"mode": m} for m in (before, written))
    found = after(HERE | first, HERE | BROKEN | second)

    assert used(found).mode == mode
    assert found.meanwhile.endswith(f"in mode {mode}.")


def test_suspend_counts_at_once_and_stays_when_it_was_valid() -> None:
    for before, written in ((False, True), (True, False), (True, "yes")):
        found = after(HERE | {"suspend": before}, HERE | BROKEN | {"suspend": written})
        assert used(found).suspend
        assert found.meanwhile.startswith("No Job runs")


@pytest.mark.parametrize(
    "unreadable",
    [
        {"mode": "enforce"},
        {"suspend": "no"},
        {"companyId": "a b"},
        {"volume": {"claimName": "data", "path": "../one"}},
        {"volume": None},
    ],
)
def test_an_unreadable_field_of_these_four_leaves_scans_alone(unreadable: Object) -> None:
    found = after(HERE | OWN, HERE | OWN | unreadable)

    assert used(found).scans_only
    assert used(found).mode == "Observe"
    assert (used(found).claim_name, used(found).path) == ("data", "one")
    assert used(found).policy.thresholds.danger == 400
    assert "counted by the last valid settings of this tenant, and no cleanup" in found.meanwhile


def test_without_a_last_valid_spec_the_fleets_settings_serve_for_scans() -> None:
    fleet = OperatorConfig.model_validate({"defaults": {"thresholds": {"danger": 333}}})
    found = in_force(fleet, HERE | BROKEN | {"companyId": "7"}, "acme", None)

    assert used(found).scans_only
    assert used(found).company_id == "7"
    assert used(found).policy.thresholds.danger == 333
    assert used(found).undo_window == 30 * 86_400, "a longer window of the tenant's is not known"
    assert "counted by the fleet's settings, and no cleanup runs" in found.meanwhile
    assert found.last_valid is None


@pytest.mark.parametrize("volume", [{"claimName": "other", "path": "one"}, {"claimName": "data"}])
def test_another_claim_or_path_drops_the_last_valid_settings(volume: Object) -> None:
    found = after(HERE | OWN, HERE | BROKEN | {"volume": volume})

    assert used(found).scans_only
    assert used(found).claim_name == volume["claimName"]
    assert used(found).policy.thresholds.danger == 185
    assert found.last_valid is None
    suspended = after(HERE | OWN | {"suspend": True}, HERE | BROKEN | {"volume": volume})
    again = in_force(CONFIG, HERE | BROKEN | {"volume": volume}, "acme", suspended.last_valid)
    assert used(again).suspend


def test_the_same_path_in_other_words_is_the_same_directory() -> None:
    found = after(HERE | OWN, HERE | BROKEN | {"volume": {"claimName": "data", "path": "./one/"}})

    assert not used(found).scans_only


def test_without_any_place_nothing_is_in_force() -> None:
    found = in_force(CONFIG, {"mode": "Observe"}, "acme", None)

    assert found.effective is None
    assert found.problem is not None
    assert found.problem.message == "spec.volume is required: add it."


FORGED = [
    *("", "null", "[]", "{", "1e999", "[" * 4000, '{"a":' * 600, '"' + "x" * 5000 + '"'),
    json.dumps(HERE | {"thresholds": {"warning": 900}}),
    json.dumps(HERE | {"mode": "Always"}),
    json.dumps(HERE | {"retention": {"sessionMaxAge": "0s"}}),
    json.dumps(HERE | {"volume": {"claimName": "data", "path": "../.."}}),
    json.dumps({"volume": {}}),
]


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_what_does_not_validate_any_more_is_not_used(text: str) -> None:
    found = in_force(CONFIG, HERE | BROKEN, "acme", text)

    assert used(found).scans_only
    assert (used(found).claim_name, used(found).path) == ("data", "one")


def test_a_last_valid_spec_that_the_fleets_new_configuration_contradicts_leaves_scans() -> None:
    before = in_force(
        CONFIG, HERE | {"thresholds": {"warning": 165}, "suspend": True}, "acme", None
    )
    fleet = OperatorConfig.model_validate({"defaults": {"thresholds": {"critical": 160}}})
    found = in_force(
        fleet, HERE | {"thresholds": {"warning": 165}, "suspend": False}, "acme", before.last_valid
    )

    assert found.problem is not None
    assert used(found).scans_only
    assert used(found).suspend


def test_the_largest_specs_fit() -> None:
    wide = {"claimName": "d" * 253, "path": "\U0001f4be" * 63 + "/" + "\U0001f4be" * 63}
    most: Object = {
        "volume": wide,
        "companyId": "c" * 63,
        "thresholds": dict.fromkeys(("warning", "critical", "emergency", "danger"), 1_000_000),
        "job": {"supplementalGroups": [2_147_483_647] * 32},
    }
    most["thresholds"]["trigger"] = 1_000_000
    found = in_force(CONFIG, most, "acme", None)

    assert found.problem is None
    assert found.last_valid is not None
    assert len(found.last_valid.encode()) <= LAST_VALID_BYTES_MAX
    assert used(in_force(CONFIG, most | {"cooldown": "x"}, "acme", found.last_valid)) is not None
    wordy = most | {"volume": {"claimName": "d", "path": "/".join(['"\U0001f4be' * 50] * 5)}}
    whole = {
        group: dict.fromkeys(("sessionMaxAge", "senderKeyMaxAge"), "9" * 6 + "s")
        for group in ("retention",)
    }
    found = in_force(CONFIG, wordy | whole, "acme", None)
    assert found.last_valid is not None
    assert len(found.last_valid.encode()) <= LAST_VALID_BYTES_MAX


_OWN = st.fixed_dictionaries(
    {"volume": st.sampled_from([HERE["volume"], {"claimName": "data"}, {"claimName": "other"}])},
    optional={
        "mode": st.sampled_from(MODES),
        "suspend": st.booleans(),
        "companyId": st.sampled_from(["1", "acme"]),
        "cooldown": st.sampled_from(["0s", "6h", "30d"]),
        "thresholds": st.sampled_from([{}, {"danger": 900}, {"warning": 1}]),
        "retention": st.sampled_from([{}, {"sessionMaxAge": "30d"}, {"preKeys": 30}]),
    },
)
_JUNK = st.sampled_from(
    [None, 0, 1, True, "", "enforce", "yes", [], {}, {"claimName": ""}, "..", 1.5]
)
_EDIT = st.dictionaries(
    st.sampled_from(["volume", "mode", "suspend", "companyId", "thresholds", "cooldown"]),
    _JUNK | st.sampled_from(MODES) | st.booleans() | st.just({"claimName": "moved"}),
    max_size=4,
)
_BREAKS = st.sampled_from(
    [BROKEN, {"cooldown": "soon"}, {"mode": "enforce"}, {"suspend": "no"}, {"companyId": "-"}]
)
_FLEETS = st.sampled_from(
    [
        CONFIG,
        OperatorConfig.model_validate({"defaults": {"mode": "DryRun"}}),
        OperatorConfig.model_validate({"modeCeiling": "DryRun", "defaults": {"mode": "Observe"}}),
    ]
)


@given(_OWN, st.lists(st.tuples(_EDIT, _BREAKS), min_size=1, max_size=3), _FLEETS)
def test_no_broken_edit_is_laxer_than_what_was_written_or_valid_and_scans_go_on(
    valid: Object, edits: list[tuple[Object, Object]], fleet: OperatorConfig
) -> None:
    before = in_force(fleet, valid, "acme", None)
    assert before.problem is None
    kept = before.last_valid
    for edit, breaks in edits:
        spec = {k: v for k, v in (valid | edit | breaks).items() if v is not None}
        found = in_force(fleet, spec, "acme", kept)
        if found.problem is None:
            return
        if found.effective is None:
            # Moved by one broken edit, and then nowhere by the next: there is no directory to scan.
            assert kept is None or "volume" not in json.loads(kept)
            return
        kept = found.last_valid
        now, was = used(found), used(before)
        assert MODES.index(now.mode) <= MODES.index(was.mode)
        assert now.suspend or not was.suspend
        assert now.suspend or spec.get("suspend") is not True
        if spec.get("mode") in MODES:
            assert MODES.index(now.mode) <= MODES.index(spec["mode"])
        wanted = spec.get("volume")
        if isinstance(wanted, dict) and wanted.get("claimName"):
            assert now.claim_name == wanted["claimName"]
        assert now.times.scan_interval > 0
        if any(not _is_valid(spec, field) for field in ("mode", "suspend", "companyId", "volume")):
            assert not now.cleans
        assert found.problem.field in found.problem.message


def _is_valid(spec: Object, field: str) -> bool:
    try:
        effective(
            CONFIG,
            {"volume": {"claimName": "x"}} | {k: spec[k] for k in (field,) if k in spec},
            "acme",
        )
    except InvalidTenant:
        return False
    return field in spec or field != "volume"
