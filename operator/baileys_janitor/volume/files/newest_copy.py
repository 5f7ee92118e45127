"""Detecting whether creds.json has changed since its newest kept copy, by one `lstat` of that copy.

A copy has the modification time of its creds.json. A scan detects by that whether a new copy is needed.
"""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.archives.credential_copies import Copy, copy_of, newest
from baileys_janitor.policy.files.file_kinds import CREDS
from baileys_janitor.volume.files.state_names import copy_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.files.read import Listing
    from baileys_janitor.volume.files.state_names import OwnNames


def copies_in(own: OwnNames) -> list[Copy]:
    """Return the kept copies among our names, oldest first."""
    return sorted(copy for digits in own.copies if (copy := copy_of(digits)) is not None)


def newest_in(directory: int, listing: Listing, now: float) -> tuple[int, int | None, bool]:
    """Return the number of copies, the time of the newest, and whether creds.json has changed since.

    `now` and the time are Unix seconds. Never raises for a file system error.
    """
    copies = copies_in(listing.own)
    last = newest(copies, now)
    creds = _creds(listing)
    changed = creds is not None and (
        last is None or not is_of(directory, last, creds.mtime_ns, creds.size)
    )
    return len(copies), None if last is None else last.time, changed


def is_of(directory: int, copy: Copy, mtime_ns: int, size: int) -> bool:
    """Return whether a copy was made of the creds.json with this modification time and size."""
    try:
        kept = os.lstat(copy_name(copy.digits), dir_fd=directory)
    except OSError:
        return False
    return (
        stat.S_ISREG(kept.st_mode)
        and kept.st_nlink == 1
        and (kept.st_mtime_ns, kept.st_size) == (mtime_ns, size)
    )


def _creds(listing: Listing) -> Entry | None:
    entries = listing.entries or ()
    return next((each for each in entries if each.kind == CREDS), None)
