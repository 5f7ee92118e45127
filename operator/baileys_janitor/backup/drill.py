"""A drill: all of a restore except the writing.

It gets an archive, decrypts it, compares every checksum, reads the credentials, and makes the plan of a restore into
an empty directory. A restore takes as long.
"""

from __future__ import annotations

import time as clock
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.fetch import Fetched, FetchedRows, Wanted, fetch
from baileys_janitor.backup.latest import fingerprint_of
from baileys_janitor.policy.archives.restore_codes import EXPLANATIONS, SAFE
from baileys_janitor.policy.archives.restore_session import SessionTarget, make_session_plan
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.files.identity import ABSENT, Identity

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.stores.repository import Repository
    from baileys_janitor.policy.archives.archived import ArchivedSession

PASSED: Final = "Passed"
FAILED: Final = "Failed"


@dataclass(slots=True)
class DrillResult:
    """The result of a drill: Passed, or Failed with a code and a sentence.

    `archive` is the name of the archive, `time` when its session was read (Unix seconds), `size` in bytes.
    `by_kind` counts its files, `restorable` those that a restore into an empty directory would put back and `kept_back`
    the others by reason and kind. `vouched`: its bytes are the recorded ones. `seconds` is the duration.
    """

    outcome: str = FAILED
    code: str | None = None
    message: str | None = None
    archive: str | None = None
    time: int | None = None
    size: int = 0
    fingerprint: str = ""
    vouched: bool = False
    by_kind: dict[str, int] = field(default_factory=dict)
    restorable: dict[str, int] = field(default_factory=dict)
    kept_back: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def files(self) -> int:
        """The number of files in the archive."""
        return sum(self.by_kind.values())


def drill(
    repository: Repository, wanted: Wanted, identities: Identities | None, now: float
) -> DrillResult:
    """Rehearse a restore of the wanted archive at `now` (Unix seconds). Never raises for a problem with it."""
    started = clock.monotonic()
    result = DrillResult()
    try:
        fetched = fetch(repository, wanted, identities, now)
    except BackupProblem as problem:
        result.code, result.message = problem.code, problem.sentence
    else:
        judge(result, fetched, fetched.unpacked.session, now)
    result.seconds = clock.monotonic() - started
    return result


def judge(
    result: DrillResult,
    fetched: Fetched | FetchedRows,
    session: ArchivedSession,
    now: float,
) -> None:
    """Enter the archive and the result of a restore into an empty directory; Passed if it may be restored."""
    counts = Counter(each.kind for each in session.files)
    result.archive, result.size, result.vouched = str(fetched.name), fetched.size, fetched.vouched
    result.time = session.time
    result.fingerprint = str(fingerprint_of(session.credentials))
    result.by_kind = {kind: counts[kind] for kind in KINDS if counts[kind]}
    empty = SessionTarget(Identity(ABSENT), None, [])
    plan = make_session_plan(empty, session, now, SAFE, session.identity.fingerprint)
    if plan.refused is not None:
        result.code = plan.refused
        result.message = EXPLANATIONS.get(plan.refused, plan.refused)
        return
    result.restorable, result.kept_back = plan.restored_by_kind, plan.kept_back
    result.outcome = PASSED
