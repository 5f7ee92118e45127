"""The process of a repair: it mounts the claim and one Secret, and needs no network.

Exit codes as in `job.main`. No output and no result holds the Secret's content, nor a file's name.
"""

from __future__ import annotations

import os
import signal
import time

from baileys_janitor.job.main import BAD_TASK, DONE, UNFORESEEN, Stop, leave
from baileys_janitor.job.repair.result import (
    CONTACT_MISSING,
    CONTACT_UNREADABLE,
    RepairFailure,
    RepairResult,
    encode,
)
from baileys_janitor.job.repair.task import CONTACT, GROUP, RepairTask
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.contact.written import LONGEST, Unreadable, request_in
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.contacts.repair import Repairing
from baileys_janitor.volume.errors import VolumeProblem, outcome_of
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.report.results import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.policy.contact.request import Request
    from baileys_janitor.volume.report.run_results import CleanResult

_BYTES_MAX = 4 * LONGEST


def main(argv: Sequence[str]) -> int:
    """Repair by the task in `argv` (one JSON argument); return the process's exit code."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.signalled)
    signal.signal(signal.SIGINT, stop.signalled)
    try:
        if len(argv) != 1:
            raise BadTask("a Job gets its task as one JSON argument")  # noqa: TRY301 - as every bad task
        task = RepairTask.from_json(argv[0])
    except BadTask as problem:
        os.write(2, f"baileys-janitor repair-job: {problem}\n".encode("utf-8", "replace"))
        leave(encode(RepairFailure("BadTask")))
        return BAD_TASK
    stop.at(task.deadline)
    try:
        result = repaired(task, stop)
    except Exception as error:  # noqa: BLE001 - whatever happens, the operator gets a document
        leave(encode(RepairFailure(type(error).__name__[:40])))
        return UNFORESEEN
    leave(encode(result))
    return DONE


def repaired(task: RepairTask, stop: Callable[[], str | None]) -> RepairResult:
    """Repair, and return the result; problems with the Secret or the volume are in it."""
    try:
        request = _request(task.named)
    except Unreadable:
        return _refusal(task, CONTACT_UNREADABLE)
    if request is None:
        return _refusal(task, CONTACT_MISSING)
    try:
        directory = open_session(task.volume, task.path)
    except VolumeProblem as problem:
        return RepairResult(run=task.run, outcome=outcome_of(problem.code), code=problem.code)
    try:
        repairing = Repairing(directory, request, task.run, now=time.time(), stop=stop)
        try:
            done = repairing.dry_run() if task.dry_run else repairing.apply()
        except VolumeProblem as problem:
            return RepairResult(run=task.run, outcome=outcome_of(problem.code), code=problem.code)
        return _result(done, repairing)
    finally:
        os.close(directory)


def _request(directory: str) -> Request | None:
    """Return the request in the Secret's files; None if there are none. Raises Unreadable."""
    contact, group = _line(directory, CONTACT), _line(directory, GROUP)
    return None if contact is None and group is None else request_in(contact, group)


def _line(directory: str, name: str) -> str | None:
    """Return the one line of a file; None if it is missing or empty. Raises Unreadable."""
    try:
        with open(f"{directory}/{name}", "rb") as file:
            data = file.read(_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError:
        data = b"\xff"
    try:
        text = data.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = "\n"
    if "\n" in text or len(data) > _BYTES_MAX:
        raise Unreadable("it must be one line.")
    return text or None


def _result(done: CleanResult, repairing: Repairing) -> RepairResult:
    plan = repairing.plan
    counts = zip(KINDS, done.removed_by_kind or (), strict=False)
    return RepairResult(
        run=done.run,
        outcome=done.outcome,
        code=done.code or "",
        removed={kind: count for kind, count in counts if count},
        kept={reason: count for reason, count in (done.kept or {}).items() if count},
        left=done.left,
        returned=done.returned,
        purged_early=done.purged_early,
        devices=0 if plan is None else plan.devices,
        authors=0 if plan is None else plan.authors,
        notes=() if plan is None else tuple(plan.notes),
        ms=done.duration_ms,
    )


def _refusal(task: RepairTask, code: str) -> RepairResult:
    return RepairResult(run=task.run, outcome=REFUSED, code=code)
