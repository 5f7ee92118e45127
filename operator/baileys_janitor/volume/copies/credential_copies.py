"""Keeping verified copies of creds.json, and reading them again.

The library writes creds.json in place, and a crash or a full disk leaves it empty or cut. A copy is kept only of
bytes that two reads agree on, that parse, that name a paired account and that hold every key needed to start a
session; never of a file older than the newest copy of its pairing. Copies are secrets: mode 0600, the
owner of creds.json, only in the session directory.
"""

from __future__ import annotations

import os
import stat
import time

from baileys_janitor.policy.archives.credential_copies import (
    EVERY_SECONDS,
    KEEP,
    Copy,
    is_due,
    newest,
    surplus,
)
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.cleanup.guards import identity_problem, refusal
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.files.identity import CORRUPT, MAX_CREDS_BYTES, read_identity
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    CREDENTIALS_INCOMPLETE,
    CREDENTIALS_OLDER,
    DISK_FULL,
    STATE_VANISHED,
    TOO_MANY_OWN_FILES,
    VolumeProblem,
    code_of,
)
from baileys_janitor.volume.files.disk_space import FULL_BYTES, free_space
from baileys_janitor.volume.files.newest_copy import copies_in, is_of
from baileys_janitor.volume.files.read import read_creds
from baileys_janitor.volume.files.safe_open import ScanNames
from baileys_janitor.volume.files.state_files import (
    Owners,
    create_state,
    lookup,
    open_state,
    owners_of,
    read_bounded,
    remove,
    write_all,
)
from baileys_janitor.volume.files.state_names import PREFIX, OwnNames, copy_name, new_name
from baileys_janitor.volume.report.run_results import KEPT, NOT_DUE, NOT_KEPT, KeptCopy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from baileys_janitor.policy.archives.pairing import Credentials

#: Seconds before each further read while creds.json is being written: 0.6 s in all.
PAUSES_SECONDS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.2)
#: The newest copies are read, up to this number: nobody keeps more.
READ_MOST = 128
_TEMPORARY = new_name("creds")
# A cut file that was not written for this long is not being written.
_BEING_WRITTEN_SECONDS = 10.0


class StoredCopy:
    """A kept copy as read. `credentials` is None unless it is a whole creds.json of the pairing in its name.

    `written` is the modification time of creds.json when the copy was made, in Unix seconds.
    """

    __slots__ = ("copy", "credentials", "data", "written")

    def __init__(
        self,
        copy: Copy,
        data: bytes = b"",
        written: int = 0,
        credentials: Credentials | None = None,
    ) -> None:
        self.copy = copy
        self.data = data
        self.written = written
        self.credentials = credentials


def keep_if_due(
    session: int,
    *,
    now: float,
    every: float = EVERY_SECONDS,
    keep: int = KEEP,
    own: OwnNames | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> KeptCopy:
    """Keep a copy of creds.json in an open session directory if one is due. Never raises for a file system error.

    One is due when creds.json has changed and the newest copy of its pairing is `every` seconds old, or when its
    pairing has none. `keep` copies of a pairing stay. `own` holds our names from a listing made just now; without
    it the names are read. If none is due, the cost is two reads of names and at most one of the file, and no lock.
    """
    copies: list[Copy] = []
    try:
        own = own or _own_names(session)
        if own.too_many:
            return KeptCopy(NOT_KEPT, TOO_MANY_OWN_FILES)
        copies = copies_in(own)
        if _is_unchanged(session, newest(copies, now)):
            return _described(NOT_DUE, copies, now)
        code, credentials = _look(session, now)
        if code is not None:
            return _described(NOT_KEPT, copies, now, code)
        if credentials is not None and not is_due(copies, credentials.tag, now, every):
            return _described(NOT_DUE, copies, now)
        return _keep(session, now, every, keep, pause)
    except VolumeProblem as problem:
        return _described(NOT_KEPT, copies, now, problem.code)
    except OSError as error:
        return _described(NOT_KEPT, copies, now, code_of(error))


def read_copies(
    session: int, copies: Iterable[Copy], owners: Owners | None = None
) -> list[StoredCopy]:
    """Return the newest copies with their credentials, newest first, without the bytes. Raises VolumeProblem."""
    owners = owners or owners_of(session)
    found = []
    for copy in sorted(copies, reverse=True)[:READ_MOST]:
        stored = read_copy(session, copy, owners)
        stored.data = b""  # many forged ones could fill the memory
        found.append(stored)
    return found


def settled_bytes(session: int, pause: Callable[[float], None] = time.sleep) -> bytes:
    """Return the bytes of a whole creds.json that two reads agree on; `pause` waits for some seconds.

    Raises VolumeProblem: CredentialsCorrupt, CredentialsAbsent, NotPaired, CredentialsTooLarge,
    CredentialsIncomplete; CredentialsChanging when no two reads agree.
    """
    last = before = read_creds(session)
    for seconds in PAUSES_SECONDS:
        pause(seconds)
        again = read_creds(session)
        if before == again and before[0] is not None and read_credentials(before[0]) is not None:
            return before[0]
        last, before = before, again
    if before != last:
        raise VolumeProblem(CREDENTIALS_CHANGING)
    raise VolumeProblem(identity_problem(read_identity(before[0])) or CREDENTIALS_INCOMPLETE)


def _look(session: int, now: float) -> tuple[str | None, Credentials | None]:
    """Return the reason why creds.json cannot be kept, from one read, or its credentials.

    Return neither if the read found it cut while a process may be writing it.
    """
    data, _ = read_creds(session)
    credentials = None if data is None else read_credentials(data)
    identity = read_identity(data)
    code = refusal(identity, 0, now)
    if code is None and credentials is None:
        code = CREDENTIALS_INCOMPLETE
    if identity.state == CORRUPT:
        found = lookup(session, CREDS_NAME)
        if found is not None and abs(now - found.st_mtime) < _BEING_WRITTEN_SECONDS:
            code = None
    return code, credentials


def _keep(
    session: int, now: float, every: float, keep: int, pause: Callable[[float], None]
) -> KeptCopy:
    from baileys_janitor.volume.runs.lock import acquire

    data = settled_bytes(
        session, pause
    )  # before the lock: nothing is written beside a session that is not whole
    owners = owners_of(session)
    lock = acquire(session, owners, "baileys-janitor keep")
    try:
        return _keep_locked(session, data, owners, now, every, keep)
    finally:
        lock.release()


def _keep_locked(
    session: int, data: bytes, owners: Owners, now: float, every: float, keep: int
) -> KeptCopy:
    credentials = read_credentials(data)
    if credentials is None:
        raise VolumeProblem(CREDENTIALS_INCOMPLETE)
    own = _own_names(session)
    for name in own.temporary:  # left by processes that were killed
        remove(session, name)
    copies = copies_in(own)
    if not is_due(copies, credentials.tag, now, every):  # another process has kept one meanwhile
        return _described(NOT_DUE, copies, now)
    last = _newest_of(session, credentials.tag, copies, owners, now)
    if last is not None and last.data == data:  # rewritten without a change
        return _described(NOT_DUE, copies, now)
    if last is not None and last.credentials is not None:
        kept = last.credentials
        if credentials.same_pairing(kept) and credentials.is_older_than(kept):
            return _described(NOT_KEPT, copies, now, CREDENTIALS_OLDER)
    copy = Copy(int(now), credentials.tag)
    while copy in copies:
        copy = Copy(copy.time + 1, copy.tag)
    _write(session, copy, data, owners)
    copies.append(copy)
    gone = _thin_out(session, surplus(copies, credentials.tag, keep, now))
    result = _described(KEPT, [each for each in copies if each not in gone], now)
    result.removed = len(gone)
    return result


def _thin_out(session: int, going: list[Copy]) -> set[Copy]:
    """Remove copies; return those that are gone. One that must not be removed is left."""
    gone = set()
    for each in going:
        try:
            remove(session, copy_name(each.digits))
        except OSError:
            continue
        gone.add(each)
    return gone


def _newest_of(
    session: int, tag: int, copies: list[Copy], owners: Owners, now: float
) -> StoredCopy | None:
    last = newest((each for each in copies if each.tag == tag), now)
    return None if last is None else read_copy(session, last, owners)


def _write(session: int, copy: Copy, data: bytes, owners: Owners) -> None:
    """Write a copy, all or nothing, with the modification time of its creds.json."""
    found = lookup(session, CREDS_NAME)
    free, _ = free_space(session)
    if free is not None and free < FULL_BYTES + len(data):
        raise VolumeProblem(DISK_FULL)
    if found is None or not stat.S_ISREG(found.st_mode):
        raise VolumeProblem(STATE_VANISHED)
    remove(session, _TEMPORARY)
    file = create_state(session, _TEMPORARY, owners)
    name = copy_name(copy.digits)
    try:
        try:
            if os.geteuid() == 0:
                os.fchown(file, found.st_uid, found.st_gid)
            write_all(file, data)
            os.utime(file, ns=(found.st_mtime_ns, found.st_mtime_ns))
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(_TEMPORARY, name, src_dir_fd=session, dst_dir_fd=session)
    except BaseException:
        remove(session, _TEMPORARY)
        raise
    os.fsync(session)
    if lookup(session, CREDS_NAME) is None:  # the bot cleared its session: the secret goes, too
        remove(session, name)
        raise VolumeProblem(STATE_VANISHED)


def read_copy(session: int, copy: Copy, owners: Owners) -> StoredCopy:
    """Return one copy with its bytes."""
    try:
        file = open_state(session, copy_name(copy.digits), owners)
    except VolumeProblem:
        return StoredCopy(copy)
    if file is None:
        return StoredCopy(copy)
    try:
        found = os.fstat(file)
        data = read_bounded(file, MAX_CREDS_BYTES + 1)
    except OSError:
        return StoredCopy(copy)
    finally:
        os.close(file)
    credentials = read_credentials(data) if len(data) <= MAX_CREDS_BYTES else None
    if credentials is not None and credentials.tag != copy.tag:
        credentials = None
    return StoredCopy(copy, data, found.st_mtime_ns // 10**9, credentials)


def _is_unchanged(session: int, last: Copy | None) -> bool:
    """Return whether creds.json is unchanged since the newest copy was made."""
    if last is None:
        return False
    creds = lookup(session, CREDS_NAME)
    return creds is not None and is_of(session, last, creds.st_mtime_ns, creds.st_size)


def _own_names(session: int) -> OwnNames:
    own = OwnNames()
    with ScanNames(session) as found:
        for item in found:
            if item.name.startswith(PREFIX):
                own.add(item.name)
    return own


def _described(outcome: str, copies: list[Copy], now: float, code: str | None = None) -> KeptCopy:
    last = newest(copies, now)
    return KeptCopy(outcome, code, len(copies), None if last is None else last.time)
