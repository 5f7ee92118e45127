"""What ends the wait for a pairing, and what is said of it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.controller.operations import progress
from baileys_janitor.controller.operations.cache import OperationCache
from baileys_janitor.controller.operations.decide import Means, decide
from baileys_janitor.controller.operations.record import OperationRecord, read
from baileys_janitor.controller.operations.stages import pairing
from baileys_janitor.controller.operations.stages.rotations import Rotations
from baileys_janitor.controller.operations.stages.verdict import Do
from baileys_janitor.status import compose
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import CONTEXT, NOW, look, tenant

Object = dict[str, Any]
MEANS = Means(("Rotate", "Rollback", "Clean"))
RUN, OLD, NEW = "20261128-030000-abcdef", "0a1b2c3d4e5f6071", "1a1b2c3d4e5f6071"


def operation(name: str = "anew", action: str = "Rotate", **spec: Any) -> OperationRecord:
    meta = {"namespace": "shop", "name": name, "uid": f"uid-{name}", "resourceVersion": "5"}
    wanted = {"tenant": "acme", "action": action} | spec
    return read({"metadata": meta, "spec": wanted, "status": None}, NOW)


def awaiting(name: str = "anew", since: float = NOW, run: str = RUN) -> OperationRecord:
    found = operation(name)
    status = progress.with_fingerprint({}, OLD)
    status = progress.begun(status, 1, "u-1", run, "Rotate", "", since)
    found.status = progress.awaiting(status, 1, "Completed", "3 files moved.", since)
    return found


def scanned(state: str, fingerprint: str = "", begun: float = NOW + 60) -> TenantRecord:
    found = tenant()
    seen = look(identity_state=state, fingerprint=fingerprint)
    found.scan.take(seen, begun, None, None)
    found.scan.begin(begun)
    return found


@pytest.mark.parametrize("state", ["Absent", "Unpaired", "Corrupt"])
def test_what_is_no_pairing_ends_nothing(state: str) -> None:
    verdict = decide(awaiting(), scanned(state), [], MEANS, NOW + 60)
    assert (verdict.do, verdict.reason) == (Do.WAIT, "")


def test_the_first_scan_that_finds_a_new_pairing_ends_it() -> None:
    asked = awaiting()
    verdict = decide(asked, scanned("Paired", NEW), [], MEANS, NOW + 60)
    assert (verdict.do, verdict.reason) == (Do.COMPLETE, "Paired")
    assert NEW in verdict.message
    earlier = scanned("Paired", NEW, begun=NOW - 1)
    assert decide(asked, earlier, [], MEANS, NOW + 60).do is Do.WAIT, "it was begun before"


def test_the_old_pairing_is_none_and_that_is_said() -> None:
    verdict = decide(awaiting(), scanned("Paired", OLD), [], MEANS, NOW + 60)
    assert (verdict.do, verdict.reason) == (Do.WAIT, "OldPairing")
    said = progress.hindered(awaiting().status, 1, verdict.reason, verdict.message, NOW)
    assert said["phase"] == "AwaitingPairing"


def test_a_later_rotation_ends_the_wait_of_the_one_before() -> None:
    first, second = awaiting("first"), awaiting("second", NOW + 10)
    both = [first, second]
    known = scanned("Absent")
    assert decide(first, known, [], MEANS, NOW + 60, None, both).reason == "Superseded"
    assert decide(second, known, [], MEANS, NOW + 60, None, both).do is Do.WAIT


def test_a_rollback_is_about_the_rotation_that_waits_unless_it_names_one() -> None:
    waiting, back = awaiting(), operation("back", "Rollback")
    verdict = decide(back, tenant(), [], MEANS, NOW, None, [waiting, back])
    assert (verdict.do, verdict.run) == (Do.BEGIN, RUN)
    named = operation("back", "Rollback", rollback={"run": "20260101-030000-abcdef"})
    verdict = decide(named, tenant(), [], MEANS, NOW, None, [waiting, named])
    assert verdict.run == "20260101-030000-abcdef"
    assert decide(back, tenant(), [], MEANS, NOW, None, [back]).run is None


def test_that_a_rotation_was_rolled_back_is_stored_before_the_answer_of_the_rollback() -> None:
    cache = OperationCache()
    waiting, back = awaiting(), operation("back", "Rollback")
    for each in (waiting, back):
        cache.active[each.key] = each
        cache._by_tenant.setdefault(each.tenant_key, {})[each.name] = each
    rotations = Rotations(cache)
    assert not rotations.keeps(back, [waiting, back])
    rotations.undo(back)
    assert rotations.keeps(back, [waiting, back])
    verdict = rotations.verdict(waiting)
    assert verdict is not None
    assert verdict.do is Do.COMPLETE
    waiting.status = progress.rolled_back(waiting.status, 1, NOW)
    assert not rotations.keeps(back, [waiting, back])
    assert waiting.ended
    assert StatusReader(OperationStatus).read(waiting.status)["phase"] == "RolledBack"


def test_a_rollback_of_another_run_leaves_the_wait_alone() -> None:
    back = operation("back", "Rollback")
    back.status = progress.begun({}, 1, "u-1", "20260101-030000-abcdef", "Rollback", "", NOW)
    assert not pairing.is_rolled_back_by(awaiting(), back)


def test_the_tenant_says_that_a_pairing_is_due_and_goes_on_saying_it_while_that_is_unknown() -> (
    None
):
    known = tenant()
    due = pairing.due(awaiting(), NOW)
    assert "anew" in due
    assert "Rollback" in due
    assert "Rollback" not in pairing.due(awaiting(), NOW + 8 * 86_400), "it is too late for that"

    def said(word: str | None) -> Object | None:
        status = compose.compose(known, NOW, replace(CONTEXT, pairing=word))
        known.stored.status["conditions"] = status["conditions"]
        found = [one for one in status["conditions"] if one["type"] == "PairingNeeded"]
        return found[0] if found else None

    assert said("") is None, "it was never due"
    assert (said(due) or {})["status"] == "True"
    assert (said(None) or {})["status"] == "True"
    assert (said("") or {})["status"] == "False"
