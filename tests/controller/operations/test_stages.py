"""What comes before and after an act: quiet first, a backup by the tenant's rule, and the workload again in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from baileys_janitor.api.backup.backup_spec import BackupConfig, resolved
from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.controller.operations import progress
from baileys_janitor.controller.operations.decide import Means, decide
from baileys_janitor.controller.operations.record import OperationRecord, read
from baileys_janitor.controller.operations.restores import request_of
from baileys_janitor.controller.operations.stages import around
from baileys_janitor.controller.operations.stages.verdict import Do
from baileys_janitor.controller.quiesce.manager import Progress
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.world import NOW, tenant

Object = dict[str, Any]
MEANS = Means(("Restore",))
SCALE = {"method": "Scale", "workload": {"kind": "Deployment", "name": "bot"}}
QUIET = Progress(quiet=True, held=True)
RUN = "20261128-030000-abcdef"


def backed_up(rule: str | None = None) -> TenantRecord:
    """A tenant with a repository, and what becomes of a backup before an operation."""
    found = tenant()
    group: Object = {
        "encryption": "None",
        "repositories": [{"name": "eu", "url": "s3://baileys/prod", "secretName": "store"}],
    }
    group |= {"beforeOperations": rule} if rule else {}
    effective = found.effective
    assert effective is not None
    shared = replace(effective.shared, backup=resolved(group, group, BackupConfig()))
    found.resource.set_effective(replace(effective, shared=shared))
    found.backup.configure(["eu"], NOW)
    return found


def restore(phase: str = "", steps: tuple[str, ...] = (), **spec: Any) -> OperationRecord:
    wanted = {"tenant": "acme", "action": "Restore", "restore": {"repository": "eu"}} | spec
    meta = {"namespace": "shop", "name": "back", "uid": "uid-back", "resourceVersion": "5"}
    found = read({"metadata": meta, "spec": wanted, "status": None}, NOW)
    if phase:
        found.status = begun(found, phase, steps)
    return found


def begun(found: OperationRecord, phase: str, steps: tuple[str, ...]) -> Object:
    status: Object = {}
    run = RUN if phase in ("Working", "Resuming") else None
    for step in steps:
        status = progress.begun(status, 1, "u-1", run, step, "", NOW, phase, "Quiet")
    return status


def test_what_is_to_be_quiet_begins_with_that() -> None:
    verdict = decide(restore(quiesce=SCALE), backed_up(), [], MEANS, NOW)
    assert (verdict.do, verdict.phase, verdict.step) == (Do.BEGIN, "Quiescing", "Quiesce")


def test_without_it_a_backup_comes_first_and_then_the_act() -> None:
    verdict = decide(restore(), backed_up(), [], MEANS, NOW)
    assert (verdict.do, verdict.phase) == (Do.BEGIN, "BackingUp")
    verdict = decide(restore(), backed_up("Never"), [], MEANS, NOW)
    assert (verdict.do, verdict.phase) == (Do.BEGIN, "Working")


def test_a_dry_run_is_not_backed_up() -> None:
    assert decide(restore(dryRun=True), backed_up(), [], MEANS, NOW).phase == "Working"


def test_nothing_is_backed_up_or_done_before_the_claim_is_quiet() -> None:
    asked = restore("Quiescing", ("Quiesce",), quiesce=SCALE)
    for quiet in (None, Progress(), Progress(message="The pod bot still uses the claim.")):
        assert decide(asked, backed_up(), [], MEANS, NOW, quiet).do is Do.WAIT
    assert decide(asked, backed_up(), [], MEANS, NOW, QUIET).phase == "BackingUp"


@pytest.mark.parametrize("phase", ["Quiescing", "BackingUp", "Working"])
@pytest.mark.parametrize("reason", ["TimedOut", "MaxDurationReached", "Fought", "ResumeAsked"])
def test_a_claim_that_is_not_kept_quiet_ends_the_operation(phase: str, reason: str) -> None:
    asked = restore(phase, ("Quiesce",), quiesce=SCALE)
    lost = Progress(failed=reason, message="Why.", held=True)
    for quiet in (lost, Progress(resuming=reason, held=True)):
        verdict = decide(asked, backed_up(), [], MEANS, NOW, quiet)
        assert (verdict.do, verdict.reason) == (Do.FAIL, reason)
        assert verdict.message
        assert (RUN in verdict.message) == (phase == "Working"), "what was done can be undone"


FAILED = ("SecretMissing", "There is no Secret store.")
RULES = [
    ("Required", None, Do.BEGIN, "Put"),
    ("Required", FAILED, Do.FAIL, ""),
    ("Required", ("CredentialsCorrupt", "Broken."), Do.BEGIN, "CredentialsCorrupt"),
    ("Preferred", FAILED, Do.BEGIN, "SecretMissing"),
    (None, FAILED, Do.BEGIN, "SecretMissing"),
]


@pytest.mark.parametrize(("rule", "failure", "do", "ended"), RULES)
def test_what_becomes_of_a_backup_before_is_settled_by_the_tenant(
    rule: str | None, failure: tuple[str, str] | None, do: Do, ended: str
) -> None:
    asked, known = restore("BackingUp", ("Backup",)), backed_up(rule)
    asked.asked_at = NOW
    assert decide(asked, known, [], MEANS, NOW).do is Do.RESUME, "it is awaited"
    state = known.backup.repositories["eu"]
    if failure is None:
        state.succeed(NOW + 1, 1.0)
        state.ended("Put", None)
    else:
        state.fail(NOW + 1, *failure)
    verdict = decide(asked, known, [], MEANS, NOW + 1)
    assert (verdict.do, verdict.ended) == (do, ended)
    if do is Do.FAIL:
        assert verdict.reason == "BackupFailed"
        assert "beforeOperations: Preferred" in verdict.message
    else:
        assert verdict.phase == "Working"


def test_a_backup_before_is_not_awaited_for_ever() -> None:
    asked = restore("BackingUp", ("Backup",))
    asked.asked_at = NOW
    late = NOW + around.BACKUP_SECONDS
    assert decide(asked, backed_up(), [], MEANS, late).ended == "TimedOut"
    assert decide(asked, backed_up("Required"), [], MEANS, late).do is Do.FAIL


def test_the_archive_that_was_made_before_is_not_the_latest() -> None:
    asked = restore("Working", ("Backup", "Restore"))
    archive = "20261128T093500Z-0a1b2c3d.tar.gz.age"
    for name, outcome, expected in (
        ("eu", "Put", archive),
        ("eu", "Unchanged", ""),
        ("moscow", "Put", ""),
    ):
        listed = [{"name": name, "outcome": outcome, "archive": archive}]
        asked.status = progress.with_repositories(asked.status, listed)
        request = request_of(asked, RUN)
        assert request is not None
        assert request.without == expected


@pytest.mark.parametrize(
    ("deed", "phase"),
    [("Completed", "Completed"), ("NothingToDo", "Completed"), ("Busy", "Failed")],
)
def test_how_it_ended_counts_once_the_workload_runs(deed: str, phase: str) -> None:
    asked = restore("Working", ("Quiesce", "Restore"), quiesce=SCALE)
    asked.status = progress.resuming(asked.current, 1, deed, "What was done.", NOW, {"restored": 3})
    assert asked.phase == "Resuming"
    assert progress.reason_of(asked.current) == "Resuming"
    assert decide(asked, backed_up(), [], MEANS, NOW, Progress(held=True)).do is Do.WAIT
    asked.status["quiesce"] = {"outcome": "Resumed"}
    verdict = decide(asked, backed_up(), [], MEANS, NOW)
    status = progress.resumed(asked.current, 1, verdict.reason, verdict.message, NOW)
    assert status["phase"] == phase
    assert progress.reason_of(status) == deed
    assert status["message"] == "What was done."
    assert [each["outcome"] for each in status["steps"]][-2:] == [deed, "Resumed"]
    assert StatusReader(OperationStatus).read(status)["steps"] == status["steps"]


def test_who_has_started_it_instead_is_told() -> None:
    asked = restore("Resuming", ("Restore", "Resume"), quiesce=SCALE)
    told = {"type": "Quiesced", "status": "False", "reason": "Fought", "message": "keda has."}
    asked.status |= {"quiesce": {"outcome": "Fought"}, "conditions": [told]}
    verdict = decide(asked, None, [], MEANS, NOW)
    assert (verdict.reason, verdict.message) == ("Fought", "keda has.")
