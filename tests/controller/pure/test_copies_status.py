"""What the status, the changes and the conditions say of kept copies of creds.json."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.job.result import KEPT, NOT_DUE, NOT_KEPT, KeptCopy
from baileys_janitor.status import compose
from baileys_janitor.status.changes import CopyNotKept, between
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import CONTEXT, DAY, HOUR, NOW, conditions, look, tenant

Object = dict[str, Any]
LATER = NOW + HOUR


def scanned(known: TenantRecord, now: float = NOW, **more: Any) -> TenantRecord:
    record_result.scanned(known, look(**more), now, used=True)
    return known


def status(known: TenantRecord, now: float = NOW) -> Object:
    return compose.compose(known, now, CONTEXT)


def said(known: TenantRecord, now: float = NOW) -> Object:
    found: Object = status(known, now).get("credentialsCopies", {})
    return found


def test_the_status_has_what_a_scan_counted() -> None:
    known = scanned(tenant(), copies=3, copied=int(NOW - HOUR), uncopied=True)
    assert said(known) == {"count": 3, "newestTime": to_rfc3339(NOW - HOUR)}


def test_a_status_from_before_copies_were_counted_is_taken_over_and_counted_anew() -> None:
    old = status(scanned(tenant()))
    assert "credentialsCopies" not in old
    known = tenant(status=old)
    assert known.copies.count is None
    assert "credentialsCopies" not in status(known)
    assert said(scanned(known, copies=0, uncopied=True)) == {"count": 0}
    assert not compose.is_material(old, status(known)), "it waits for the next regular write"


def test_a_result_with_the_counts_alone_leaves_what_is_known() -> None:
    known = scanned(tenant(), copies=3, copied=int(NOW - HOUR))
    assert said(scanned(known, LATER), LATER)["count"] == 3


def test_a_problem_is_told_once_survives_a_restart_and_is_forgotten_with_a_copy() -> None:
    known = scanned(tenant(), copies=1, copied=int(NOW - 9 * DAY), uncopied=True)
    before = status(known)
    record_result.kept(known, KeptCopy(NOT_KEPT, "CredentialsOlder"), None, NOW)
    after = status(known)
    assert after["credentialsCopies"]["reason"] == "CredentialsOlder"
    assert after["credentialsCopies"]["attemptTime"] == to_rfc3339(NOW)
    assert compose.is_material(before, after)
    [change] = [one for one in between(known, before, after) if isinstance(one, CopyNotKept)]
    assert change.message == after["credentialsCopies"]["message"]

    again = tenant(status=after)
    scanned(again, LATER, copies=1, copied=int(NOW - 9 * DAY), uncopied=True)
    assert said(again, LATER) == after["credentialsCopies"]
    assert not list(between(again, after, status(again, LATER)))
    record_result.kept(again, KeptCopy(KEPT, None, 2, int(LATER)), None, LATER)
    assert said(again, LATER) == {"count": 2, "newestTime": to_rfc3339(LATER)}


@pytest.mark.parametrize("code", ["Busy", "CredentialsChanging", "DeadlineReached"])
def test_what_passes_by_itself_is_in_the_status_and_no_event(code: str) -> None:
    known = scanned(tenant(), copies=0, uncopied=True)
    before = status(known)
    record_result.kept(known, KeptCopy(NOT_KEPT, code), None, NOW)
    assert said(known)["reason"] == code
    assert not [
        one for one in between(known, before, status(known)) if isinstance(one, CopyNotKept)
    ]


def test_that_a_copy_was_kept_waits_for_the_next_regular_write() -> None:
    known = scanned(tenant(), copies=1, copied=int(NOW - DAY), uncopied=True)
    before = status(known)
    record_result.kept(known, KeptCopy(KEPT, None, 2, int(NOW)), None, NOW)
    assert not compose.is_material(before, status(known))


def test_a_look_that_was_for_nothing_is_remembered_over_a_restart() -> None:
    known = scanned(tenant(), copies=1, copied=int(NOW - DAY), uncopied=True)
    record_result.kept(known, KeptCopy(NOT_DUE, None, 1, int(NOW - DAY)), None, NOW)
    assert tenant(status=status(known)).copies.tried_at == NOW


@pytest.mark.parametrize(
    ("copies", "sentence"),
    [
        (0, ""),
        (1, f" There is one copy of it of {to_rfc3339(NOW - DAY)}."),
        (4, f" There are 4 copies of it, the newest of {to_rfc3339(NOW - DAY)}."),
    ],
)
def test_who_has_lost_creds_json_is_told_how_many_copies_there_are(
    copies: int, sentence: str
) -> None:
    known = tenant()
    lost: Object = {"copies": copies, "copied": int(NOW - DAY) if copies else None}
    for minute in range(4):
        now = NOW + 60 * minute
        scanned(known, now, identity_state="Corrupt", creds_token="t9", **lost)
    corrupt = conditions(status(known, now))["CredentialsCorrupt"]
    assert corrupt["status"] == "True"
    assert corrupt["message"].endswith(f"pairing again comes last.{sentence}")

    missing = scanned(tenant(), identity_state="Absent", **lost)
    message = conditions(status(missing))["CredentialsMissing"]["message"]
    assert message.endswith(f"pairing again comes last.{sentence}")


def test_another_directory_has_other_copies() -> None:
    known = scanned(tenant(), copies=3, copied=int(NOW - HOUR), uncopied=True)
    known.move()
    assert (known.copies.count, known.copies.newest, known.copies.changed_since) == (None,) * 3


def test_times_move_with_the_clock_and_lie_never_ahead() -> None:
    known = scanned(tenant(), copies=1, copied=int(NOW + DAY), uncopied=True)
    assert known.copies.newest == NOW
    record_result.kept(known, KeptCopy(NOT_KEPT, "Busy"), None, NOW)
    known.shift(-HOUR)
    assert (known.copies.changed_since, known.copies.tried_at) == (NOW - HOUR, NOW - HOUR)
    known.cut(NOW - 2 * HOUR)
    assert known.copies.tried_at == known.copies.newest == NOW - 2 * HOUR
