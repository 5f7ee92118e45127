"""Every message as the person reads it who is woken by it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import cleanups, document, render, summary
from baileys_janitor.notify.delivery_state import BETTER, ENDED, LASTING, NEW, PASSED, WORSE
from baileys_janitor.notify.incidents import Place
from tests.notify.messages import READER, change, incidents, resolved, status, storm
from tests.notify.world import HOUR, MINUTE, NOW

Object = dict[str, Any]


_SCHEMA = json.loads((files("baileys_janitor.notify") / "schema" / "message.v1.json").read_text())
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)


def valid(document: Object) -> None:
    """Fail if a message is not as its schema says, or has a key that the schema does not know."""
    _VALIDATOR.validate(document)
    assert set(document) <= set(_SCHEMA["properties"])
    for group in document.get("groups") or ():
        assert set(group) <= set(_SCHEMA["$defs"]["group"]["properties"])
        for tenant in group["tenants"]:
            assert set(tenant) <= set(_SCHEMA["$defs"]["tenant"]["properties"])


def read(document: Object) -> str:
    found: str = document["text"]
    return found


def test_an_emergency_that_lasts_does_not_say_wait() -> None:
    lasting = change(what=LASTING, since=NOW - 5 * HOUR, told_at=NOW - 4 * HOUR)
    told = read(incidents(lasting))
    assert told.startswith("Emergency: still, for 5 h: shop/acme has 190 files, the limit is 180\n")
    assert "To do: It has lasted too long to wait. Find the cause:" in told


def test_a_warning_says_how_long_there_is() -> None:
    told = read(incidents(change(reason="TenantWarning"), acme=status("Warning", 159)))
    assert "It grows by 21 files a day: without a cleanup it is at the limit in 24 h." in told
    assert "To do: Nothing yet." in told


@pytest.mark.parametrize("growth", [1e-300, 5e-324, 0.001])
def test_a_growth_that_leads_nowhere_in_ten_years_is_told_as_a_number_alone(growth: float) -> None:
    slow = status("Warning", 159) | {"growthPerDay": growth}
    told = read(incidents(change(reason="TenantWarning"), acme=slow))
    assert f"It grows by {growth:g} files a day." in told
    assert "at the limit in" not in told


def test_a_critical_tenant_is_told_with_its_next_cleanup_and_how_to_have_one_now() -> None:
    upcoming = status("Critical", 172, nextCleanupTime="2026-11-18T11:30:00Z")
    told = read(incidents(change(reason="TenantCritical"), acme=upcoming))
    assert "By itself: The janitor's next cleanup is due at 11:30 UTC." in told
    assert (
        "  kubectl annotate baileystenant acme -n shop "
        'janitor.baileys.dev/emergency-cleanup="$(date +%s)" --overwrite\n'
    ) in told


@pytest.mark.parametrize(
    ("reason", "itself", "todo"),
    [
        (
            "Suspended",
            "Nothing: the tenant is suspended (spec.suspend).",
            "set spec.suspend to false",
        ),
        ("DryRun", "Nothing is removed: the mode is DryRun.", "set spec.mode (and modeCeiling)"),
        ("Observe", "Nothing is removed: the mode is Observe.", "set spec.mode (and modeCeiling)"),
    ],
)
def test_a_janitor_that_was_told_not_to_act_says_so(reason: str, itself: str, todo: str) -> None:
    held = status()
    held["conditions"].append({"type": "Ready", "status": "True", "reason": reason})
    told = read(incidents(change(), acme=held))
    assert f"By itself: {itself}" in told
    assert todo in told
    assert "Wait for the cleanup" not in told


def test_an_emergency_that_no_cleanup_can_end_does_not_have_you_wait() -> None:
    held = status()
    held["conditions"][0]["message"] = "190 files counted; a cleanup would gain nothing."
    told = read(incidents(change(), acme=held))
    assert "By itself: The janitor starts no emergency cleanup: it would remove nothing." in told
    assert "To do: No cleanup will help now. See what keeps the count up:" in told


def test_an_end_says_how_long_it_lasted_and_how_things_are() -> None:
    assert (
        read(resolved())
        == """\
Resolved: Emergency of shop/acme after 49 min

Where: tenant acme in namespace shop, company c-acme, from 10:06 UTC to 10:55 UTC
Now: Healthy, 110 of 180 files"""
    )


def test_a_tenant_that_was_deleted_is_over_without_a_name() -> None:
    gone = change(what=ENDED, place=None, ended=NOW, told_at=NOW - HOUR)
    told = read(incidents(gone))
    assert told == "Resolved: Emergency of a tenant that was deleted after 12 min\n"


def test_a_thousand_tenants_are_a_page_with_the_worst_first() -> None:
    changes = [change(f"t{n:03}", weight=n / 1000) for n in range(1000)]
    told = read(incidents(*changes))
    lines = told.splitlines()
    assert lines[0] == "Emergency: 1,000 tenants have reached their limit"
    assert lines[2].startswith("  shop/t999 (c-t999): 190 of 180 files, since 10:54 UTC")
    assert "  and 995 more, all in 1 namespace" in lines
    assert len(told) < 1500
    assert len(json.dumps(storm(10_000))) < 60_000


def test_several_kinds_are_told_the_gravest_first_with_a_count_in_the_title() -> None:
    told = incidents(
        change("beta", "TenantWarning"),
        change("zeta", "CleanupFailing"),
        change("acme"),
        change("old", what=ENDED, since=NOW - HOUR, ended=NOW - 11 * MINUTE),
    )
    assert told["title"] == (
        "Emergency: shop/acme has 190 files, the limit is 180; also 1 Critical, 1 Warning, 1 over"
    )
    assert [group["reason"] for group in told["groups"]] == [
        "TenantEmergency",
        "CleanupFailing",
        "TenantWarning",
        "TenantEmergency",
    ]


@pytest.mark.parametrize("name", INCIDENT_KINDS)
def test_every_kind_tells_what_is_done_what_to_do_and_where_help_is(name: str) -> None:
    told = incidents(change(reason=name))
    (group,) = told["groups"]
    assert told["severity"] == group["severity"] == INCIDENT_KINDS[name].severity
    assert group["does"].endswith(".")
    assert group["todo"]
    assert group["command"].startswith("kubectl ")
    assert group["runbook"] == f"https://docs.example/runbooks/{INCIDENT_KINDS[name].runbook}.md"
    assert "{" not in told["text"]


def test_the_same_changes_have_the_same_id_and_others_another_one() -> None:
    ids = {
        incidents(change())["id"],
        incidents(change(), acme=status(counted=200))["id"],
        incidents(change("beta"))["id"],
        incidents(change(what=LASTING, told_at=NOW - 4 * HOUR))["id"],
        incidents(change(what=LASTING, told_at=NOW - 8 * HOUR))["id"],
    }
    assert len(ids) == 4


def test_an_incident_has_one_name_from_its_beginning_to_its_end() -> None:
    begun, worse = incidents(change(reason="TenantWarning")), incidents(change(what=WORSE))
    over = incidents(change(what=ENDED, ended=NOW))
    names = {m["groups"][0]["tenants"][0]["incident"] for m in (begun, worse, over)}
    assert len(names) == 1


def test_what_comes_and_goes_is_told_as_such() -> None:
    told = incidents(change(times=3))
    assert told["title"].endswith("the limit is 180; it comes and goes, 3 times within a day")
    assert told["groups"][0]["tenants"][0]["times"] == 3
    valid(told)


texts = st.text(max_size=60)
anything = st.dictionaries(
    st.sampled_from(
        ["growthPerDay", "lastActivityTime", "nextCleanupTime", "emergencyCooldownUntil"]
    ),
    st.none() | st.floats(-1e6, 1e6) | st.just("2026-11-18T09:00:00Z") | st.just("soon"),
)
numbers = st.none() | st.integers(0, 10**9)
statuses = st.builds(
    lambda files, volume, conditions, more: {
        **{k: v for k, v in more.items() if (k == "growthPerDay") == isinstance(v, float)},
        "level": "Emergency",
        "files": files,
        "volume": volume,
        "conditions": conditions,
    },
    st.fixed_dictionaries({"counted": numbers, "limit": numbers}),
    st.fixed_dictionaries({"freeBytes": numbers}),
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["Ready", "Emergency", "DiskPressure"]),
                "status": st.just("True"),
                "reason": texts,
                "message": texts,
            }
        ),
        max_size=3,
    ),
    anything,
)
changes = st.builds(
    lambda name, kind, what, back, was: change(
        name,
        kind,
        what,
        since=NOW - back,
        ended=NOW if what in {ENDED, PASSED} else None,
        was=INCIDENT_KINDS[was] if what in {WORSE, BETTER} else None,
    ),
    st.sampled_from(["acme", "beta", "c"]),
    st.sampled_from(sorted(INCIDENT_KINDS)),
    st.sampled_from([NEW, WORSE, LASTING, BETTER, ENDED, PASSED]),
    st.floats(0, 10**7),
    st.sampled_from(sorted(INCIDENT_KINDS)),
)


@given(st.lists(changes, min_size=1, max_size=6), statuses | st.none())
def test_whatever_a_status_says_a_message_can_be_written(
    told: list[document.Change], known: Object | None
) -> None:
    whole = document.incidents("all/hook", told, lambda _: known, READER, NOW)
    finished = render.finished(whole, READER)
    assert json.loads(json.dumps(finished)) == finished
    valid(finished)
    assert "None" not in finished["text"]
    assert finished["text"].splitlines()[0] == finished["title"]
    assert sum(group["count"] for group in finished["groups"]) == len(told)


def test_every_type_of_message_is_as_the_schema_says() -> None:
    done = cleanups.Done(Place("shop", "acme", "1"), 16, NOW, "Daily", "Completed", 1, 2, None, 3)
    known = summary.Day(NOW - 1)
    known.add(Place("shop", "acme", "1"), status("Warning", 150), [], [1, 2, 3, 4, 5])
    for message in (
        incidents(change()),
        resolved(),
        storm(200),
        cleanups.message("all/hook", [done], 1000, READER, NOW),
        summary.message("all/hook", known, NOW, READER, NOW),
        document.message("test", "all/hook", "1", "Test", NOW, lines=["a line"]),
    ):
        valid(render.finished(message, READER))


def test_the_schema_names_every_reason() -> None:
    assert set(_SCHEMA["$defs"]["group"]["properties"]["reason"]["enum"]) == set(INCIDENT_KINDS)
