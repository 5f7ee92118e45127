"""What findings need to know of a directory besides its listing: three looks at names, nothing is opened."""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.findings import Creds, State
from baileys_janitor.volume.errors import problem_of
from baileys_janitor.volume.files.state_files import is_ours, lookup, owners_of
from baileys_janitor.volume.files.state_names import JOURNAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.files.read import Listing


def state_of(directory: int, listing: Listing) -> State:
    """Return the state of an open directory that was listed. Raises VolumeProblem."""
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
    )


def _creds(found: os.stat_result) -> Creds:
    return Creds(
        found.st_uid, found.st_mode, stat.S_ISLNK(found.st_mode), stat.S_ISREG(found.st_mode)
    )
