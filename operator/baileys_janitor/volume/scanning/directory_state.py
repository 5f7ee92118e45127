"""The state of a directory that findings need besides its listing: three names are looked up, nothing is opened."""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.findings import Creds, State
from baileys_janitor.policy.rotation import is_kept
from baileys_janitor.volume.errors import problem_of
from baileys_janitor.volume.files.rotation_record import read_rotation_head
from baileys_janitor.volume.files.state_files import is_ours, lookup, owners_of
from baileys_janitor.volume.files.state_names import JOURNAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.files.read import Listing
    from baileys_janitor.volume.files.state_names import OwnNames


def state_of(directory: int, listing: Listing, now: float) -> State:
    """Return the state at `now` (Unix seconds) of an open directory that was listed. Raises VolumeProblem."""
    own = listing.own
    try:
        itself = os.fstat(directory)
        creds = lookup(directory, CREDS_NAME)
        journal = lookup(directory, JOURNAL) if own.has_journal else None
        refused = journal is not None and not is_ours(journal, owners_of(directory))
    except OSError as error:
        raise problem_of(error) from error
    return State(
        itself.st_uid,
        itself.st_mode,
        None if creds is None else _creds(creds),
        listing.owners,
        copies=len(own.copies),
        cleaned=own.has_journal or own.has_activity,
        refused=refused,
        rollback_seconds=_rollback_seconds(directory, own, now),
    )


def _rollback_seconds(directory: int, own: OwnNames, now: float) -> float | None:
    """Return how long a rotation can still be rolled back; None without one that is kept. Raises VolumeProblem."""
    if not own.rotated:
        return None
    owners = owners_of(directory)
    heads = (read_rotation_head(directory, run, owners) for run in own.rotated & own.trash.keys())
    kept = [each.until for each in heads if each and is_kept(each.time, each.until, now)]
    return max(kept) - now if kept else None


def _creds(found: os.stat_result) -> Creds:
    return Creds(
        found.st_uid, found.st_mode, stat.S_ISLNK(found.st_mode), stat.S_ISREG(found.st_mode)
    )
