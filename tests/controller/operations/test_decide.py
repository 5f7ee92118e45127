"""What an operation needs: its turn, what it waits for, what is refused; whatever somebody has written there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.operations.spec import ACTIONS
from baileys_janitor.controller.operations import progress
from baileys_janitor.controller.operations.cache import Ended, OperationCache, surplus
from baileys_janitor.controller.operations.decide import (
    MISSING_SECONDS,
    PENDING_SECONDS,
    UNSEEN_SECONDS,
    Means,
    decide,
)
from baileys_janitor.controller.operations.record import OperationRecord, read
from baileys_janitor.controller.operations.stages.verdict import Do
from tests.controller.pure.world import NOW, claimed, tenant

Object = dict[str, Any]
MEANS = Means(ACTIONS)
RUN = "20261128-030000-abcdef"


def body(name: str = "now", status: object = None, created: str = "", **spec: Any) -> Object:
    meta = {"namespace": "shop", "name": name, "uid": f"uid-{name}", "resourceVersion": "5"}
    wanted = {"tenant": "acme", "action": "Clean"} | spec
    return {
        "metadata": meta | ({"creationTimestamp": created} if created else {}),
        "spec": wanted,
        "status": status,
    }


def operation(**given: Any) -> OperationRecord:
    return read(body(**given), NOW)


def begun(record: OperationRecord, uid: str = "uid-acme") -> Object:
    return progress.begun({}, 1, uid, RUN, "Clean", "It is being done.", NOW)


def test_what_nothing_keeps_begins() -> None:
    assert decide(operation(), tenant(), [], MEANS, NOW).do is Do.BEGIN


def test_the_second_one_waits_and_says_for_whom() -> None:
    verdict = decide(operation(name="second"), tenant(), [operation(name="first")], MEANS, NOW)
    assert (verdict.do, verdict.reason) == (Do.WAIT, "OperationUnderWay")
    assert "first" in verdict.message


def test_a_cleanup_under_way_comes_first() -> None:
    busy = claimed(tenant(), "Daily")
    assert decide(operation(), busy, [], MEANS, NOW).reason == "TenantBusy"


def test_an_unknown_tenant_is_waited_for_and_then_missed() -> None:
    asked = operation()
    assert decide(asked, None, [], MEANS, NOW).reason == ""
    said = decide(asked, None, [], MEANS, NOW + UNSEEN_SECONDS)
    assert (said.do, said.reason) == (Do.WAIT, "TenantNotFound")
    assert decide(asked, None, [], MEANS, NOW + MISSING_SECONDS).do is Do.FAIL


def test_what_could_not_begin_within_a_day_is_not_done_any_more() -> None:
    verdict = decide(operation(), tenant(), [], MEANS, NOW + PENDING_SECONDS)
    assert (verdict.do, verdict.reason) == (Do.FAIL, "Expired")


def test_a_namesake_of_the_tenant_is_another_one() -> None:
    working = operation()
    working.status = begun(working, "uid-of-an-earlier-one")
    assert decide(working, tenant(), [], MEANS, NOW).reason == "TenantReplaced"


def test_a_claimed_one_goes_on_whatever_is_allowed_now() -> None:
    known = tenant()
    working = operation()
    working.status = begun(working, known.uid)
    assert decide(working, known, [], Means(()), NOW).do is Do.RESUME


@pytest.mark.parametrize("run", ["", "-", "../../etc", "A" * 40, "a b", "$(x)"])
def test_a_claim_that_somebody_has_changed_is_no_claim(run: str) -> None:
    known = tenant()
    working = operation()
    working.status = begun(working, known.uid) | {"run": run}
    assert decide(working, known, [], MEANS, NOW).reason == "StatusLost"


def test_the_one_that_has_begun_comes_before_older_ones() -> None:
    cache = OperationCache()
    old = cache.observe(body(name="old", created="2026-11-28T03:00:00Z"), NOW)
    new = cache.observe(body(name="new", created="2026-11-28T04:00:00Z"), NOW)
    assert old is not None
    assert new is not None
    assert [each.name for each in cache.of_tenant(old.tenant_key)] == ["old", "new"]
    new.status = begun(new)
    assert [each.name for each in cache.of_tenant(old.tenant_key)] == ["new", "old"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("phase", "run", "job", "uid", "steps", "name", "conditions", "type", "status")
            )
            | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(status=JUNK, spec=JUNK, meta=JUNK)
def test_nothing_that_somebody_writes_makes_the_operator_stumble(
    status: object, spec: object, meta: object
) -> None:
    found: Object = body()
    found["status"], found["spec"] = status, spec
    found["metadata"] |= {"labels": meta, "ownerReferences": meta, "creationTimestamp": meta}
    cache = OperationCache()
    seen = cache.observe(found, NOW)
    if seen is None:
        assert cache.ended_of(read(found, NOW).tenant_key)
        return
    verdict = decide(seen, tenant(), [], MEANS, NOW)
    stored = progress.failed(seen.current, 1, verdict.reason or "Other", verdict.message, NOW)
    assert stored["phase"] == "Failed"


@given(
    ends=st.lists(st.floats(NOW - 90 * 86_400, NOW), max_size=40),
    keep=st.integers(1, 30),
    days=st.integers(1, 60),
)
def test_the_newest_are_kept_and_nothing_is_kept_for_too_long(
    ends: list[float], keep: int, days: int
) -> None:
    all_ = [Ended(when, f"op-{number}", str(number)) for number, when in enumerate(ends)]
    gone = set(surplus(all_, keep, days * 86_400.0, NOW))
    kept = [each for each in all_ if each not in gone]
    assert len(kept) <= keep
    assert all(each.time > NOW - days * 86_400 for each in kept)
    young = [each for each in all_ if each.time > NOW - days * 86_400]
    assert len(kept) == min(keep, len(young))
    assert all(one.time >= other.time for one in kept for other in gone if other in young)
