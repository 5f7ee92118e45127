"""Moving aside the memory files whose own sender key was lost, before a session is put back beside them.

This is a run of its own, recorded as a repair, so that it does not touch the restore's record. An undo of the
restore does not put them back: a memory file without its key only does harm.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.archives.restore_codes import LONE_MEMORIES
from baileys_janitor.policy.cleanup.plan import Removal
from baileys_janitor.policy.contact.codes import OWN_KEY_REPAIR
from baileys_janitor.volume.contacts.repair import REASON
from baileys_janitor.volume.report.results import NOTHING_TO_DO
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.callbacks import tell_nobody
from baileys_janitor.volume.runs.removal_run import OVER, RemovalRun, record, repeated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.archives.restore_session import SessionPlan
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

_SUFFIX = "-repair"
_MAX_RUN_CHARACTERS = 32


def set_memories_aside(
    access: ExclusiveAccess, run: str, plan: SessionPlan, stop: Callable[[], str | None]
) -> None:
    """Move the memory files of a plan into the trash of a run beside `run`. Raises OSError and VolumeProblem.

    The plan reports them only if they have moved.
    """
    if not plan.memories:
        return
    beside = f"{run[: _MAX_RUN_CHARACTERS - len(_SUFFIX)]}{_SUFFIX}"
    result = CleanResult(beside, NOTHING_TO_DO, time=int(access.now), applied=True)
    if repeated(access, beside) is None:
        removals = [Removal(each, OWN_KEY_REPAIR, unit) for unit, each in enumerate(plan.memories)]
        moving = RemovalRun(access, beside, REASON, stop, tell_nobody)
        moving.carry_out(removals, _no_reason, plan.fingerprint, result)
        if result.code not in OVER:
            os.fsync(access.session)
            record(access, result)
    if not result.removed:
        plan.told.remove(LONE_MEMORIES)


def _no_reason(_: Entry) -> str | None:
    """Give no reason to keep a file: a write since the listing is detected by the run itself."""
    return None
