"""The tenant's identity: creds.json, and the own LID if only the mapping files hold it.

The library truncates creds.json and writes it anew, so one read may find it empty or cut with nothing
wrong (2 to 36 of 100 reads beside a busy writer). A scan reads once: its caller compares successive scans.
A cleanup cannot wait for the next scan, so it reads until two reads agree.
"""

from __future__ import annotations

import time

from baileys_janitor.policy.files.identity import (
    CORRUPT,
    MAX_MAPPING_BYTES,
    read_identity,
    with_lid_of,
)
from baileys_janitor.volume.errors import CREDENTIALS_CHANGING, VolumeProblem
from baileys_janitor.volume.files.read import read_creds
from baileys_janitor.volume.files.safe_open import read_small

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.files.identity import Identity

#: Seconds before each further read. After all of them a creds.json counts as unreadable: 1.5 s.
PAUSES_SECONDS = (0.0, 0.01, 0.02, 0.02, 0.05, 0.1, 0.2, 0.3, 0.3, 0.5)


class Reading:
    """One read of creds.json: the identity in it, and the token of this writing of the file."""

    __slots__ = ("identity", "token")

    def __init__(self, directory: int) -> None:
        data, self.token = read_creds(directory)
        self.identity = with_mapped_lid(directory, read_identity(data))

    def agrees_with(self, other: Reading) -> bool:
        """Return whether both reads found the same account.

        Counters may differ: each login moves them. Two cut files agree only if they are the same
        writing of the file.
        """
        mine, theirs = self.identity, other.identity
        if mine.state != theirs.state:
            return False
        if mine.state == CORRUPT:
            return self.token == other.token
        return (
            mine.fingerprint == theirs.fingerprint
            and mine.own_users == theirs.own_users
            and mine.lid_unreadable == theirs.lid_unreadable
        )


def readable_identity(directory: int, pause: Callable[[float], None] = time.sleep) -> Identity:
    """Return the identity of the first read; if that is unreadable, the settled one.

    For a scan that removes nothing. Raises VolumeProblem as `settled_identity` does.
    """
    first = Reading(directory)
    if first.identity.state != CORRUPT:
        return first.identity
    return settled_identity(directory, pause, first)


def settled_identity(
    directory: int, pause: Callable[[float], None] = time.sleep, first: Reading | None = None
) -> Identity:
    """Return the identity that two reads agree on; `pause` waits for some seconds.

    `first` is an earlier read and counts as the first one. A read of a cut file
    is ignored, so it does not separate two good ones. An unreadable creds.json is returned as such only
    when no read was any better and the file was not written during the last pause. Raises VolumeProblem:
    CredentialsChanging when no two reads agree.
    """
    readable: Reading | None = None
    before = last = first or Reading(directory)
    for seconds in PAUSES_SECONDS:
        if last.identity.state != CORRUPT:
            if readable is not None and last.agrees_with(readable):
                return last.identity
            readable = last
        pause(seconds)
        before, last = last, Reading(directory)
    if last.agrees_with(readable or before):
        return last.identity
    raise VolumeProblem(CREDENTIALS_CHANGING)


def with_mapped_lid(directory: int, identity: Identity) -> Identity:
    """Return the identity with the own LID from the directory's mapping files, if `me.lid` is missing."""
    return with_lid_of(identity, lambda name: read_small(directory, name, MAX_MAPPING_BYTES))
