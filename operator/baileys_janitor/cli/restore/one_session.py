"""Restores one session from an archive: a dry run first, then the restore on request, which can be undone."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from baileys_janitor.backup.errors import (
    FINGERPRINT_DIFFERS,
    IDENTITY_UNKNOWN,
    BackupProblem,
)
from baileys_janitor.backup.fetch import Fetched, Wanted, fetch
from baileys_janitor.backup.known import Known, read_known
from baileys_janitor.backup.latest import Fingerprint, fingerprint_of
from baileys_janitor.backup.names import ONE_SERVER
from baileys_janitor.cli.backup.settings import problem_of
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.archives.restore_codes import (
    ANOTHER_IDENTITY,
    ANOTHER_PAIRING,
    EXPLANATIONS,
)
from baileys_janitor.policy.files.file_kinds import OTHER
from baileys_janitor.volume.copies.credential_copies import read_copies
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    DIRECTORY_MISSING,
    DISK_FULL,
    PUT_BACK_UNSUPPORTED,
    READ_ONLY,
    SENTENCES,
)
from baileys_janitor.volume.files.newest_copy import copies_in
from baileys_janitor.volume.files.read import read_creds, read_listing
from baileys_janitor.volume.files.state_names import LOCK_NAME, PREFIX
from baileys_janitor.volume.operations import new_run_id
from baileys_janitor.volume.restoring.restore_session import SessionRestoring
from baileys_janitor.volume.runs.callbacks import go_on
from baileys_janitor.volume.scanning.quiet import is_quiet

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.names import ArchiveName
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.backup.documents import RestoreSessionDocument
    from baileys_janitor.cli.terminal.signals import Interrupt

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SENTENCES: Final = {
    CREDENTIALS_CHANGING: (
        "creds.json changed between reads, so a process is writing it: nothing was restored. Scan the directory"
        " again."
    ),
    READ_ONLY: "The volume is mounted read-only, so nothing was restored: a restore needs a writable mount.",
    DISK_FULL: "The disk has too little room for what the archive holds, so nothing was restored: make room on it.",
    PUT_BACK_UNSUPPORTED: (
        "This file system can neither link files nor rename without replacing, so nothing can be put back safely:"
        " nothing was restored. Restore where the disk itself is mounted."
    ),
}


class Request(NamedTuple):
    """The user's request; `name` is None for the latest archive."""

    destination: Destination
    identities: Identities | None
    name: ArchiveName | None
    mode: str
    acknowledged: Sequence[str]


class Restore:
    """A restore of one session. Every method raises Problem.

    `chosen` is the fingerprint that the user gave for genuine archives, or None.
    """

    def __init__(
        self, target: Target, tenant: str, request: Request, chosen: Fingerprint | None
    ) -> None:
        self.target = target
        self.tenant = tenant
        self.request = request
        self.chosen = chosen
        self.fetched: Fetched | None = None
        self.newest_write: int | None = None
        self.is_empty = True
        self._known = Known()
        self._own: Fingerprint | None = None
        self._seconds = 0.0

    def look(self) -> RestoreSessionDocument:
        """Get the archive and return the dry run of a restore; the directory may be missing."""
        started = time.monotonic()
        with _opened_or_empty(self.target) as directory:
            self._known = read_known(directory)
            self._own = _own_fingerprint(directory)
            self.fetched = self._fetch()
            self.is_empty = all(
                each.kind == OTHER for each in read_listing(directory).entries or []
            )
            outlook = self._restoring(directory, "").look()
        self._seconds = time.monotonic() - started
        plan = outlook.plan
        self.newest_write = outlook.newest_write
        refused = plan.refused is not None
        return {
            **self._described(),
            "identity": outlook.state,
            "outcome": "Refused" if refused else "DryRun",
            "restored": sum(plan.restored_by_kind.values()),
            "restoredByKind": plan.restored_by_kind,
            "keptBack": plan.kept_back,
            "nextPreKeyId": plan.next_pre_key_id or None,
            "told": list(plan.told),
            "code": plan.refused,
            "message": None if plan.refused is None else self._refusal(plan.refused),
        }

    def is_quiet(
        self, pause: Callable[[float], None], interrupt: Interrupt, seconds: float
    ) -> bool:
        """Return whether no process writes to the directory for some seconds; False if it cannot be read."""
        try:
            with opened(self.target) as directory:
                return is_quiet(directory, pause, interrupt.code, seconds)
        except Problem:
            return False

    def apply(
        self, document: RestoreSessionDocument, interrupt: Interrupt
    ) -> RestoreSessionDocument:
        """Restore the session; return the document with the outcome. Creates a missing directory."""
        started = time.monotonic()
        run = new_run_id(time.time(), "restore")
        made = _make(self.target)
        try:
            with opened(self.target) as directory:
                result = self._restoring(directory, run, interrupt).apply()
        finally:
            for path in reversed(made):
                _remove_if_empty(path)
        done = result.outcome == "Completed"
        return {
            **document,
            "outcome": result.outcome,
            "applied": done,
            "run": run if done else None,
            "restored": sum(result.restored_by_kind.values()),
            "restoredByKind": result.restored_by_kind,
            "keptBack": result.kept_back or document["keptBack"],
            "told": list(result.told),
            "duration": round(self._seconds + time.monotonic() - started, 3),
            "code": result.code,
            "message": None if result.code is None else sentence_of(result.code),
        }

    def forget(self) -> None:
        """Release the archive from memory."""
        self.fetched = None

    def _fetch(self) -> Fetched:
        """Get the archive with the fingerprint that the user gave, else with that of the directory's credentials.

        If neither is known, the plan decides by the directory's record, or refuses.
        """
        request = self.request
        wanted = Wanted(
            *(ONE_SERVER, self.tenant, self._known, request.name, self.chosen or self._own),
            anybody=True,
        )
        try:
            return fetch(request.destination.repository, wanted, request.identities, time.time())
        except BackupProblem as problem:
            if (
                problem.code == FINGERPRINT_DIFFERS
                and self.chosen is None
                and self._own is not None
            ):
                found = str(problem.details["found"])
                same = found.startswith(self._own.identity)
                code = ANOTHER_PAIRING if same else ANOTHER_IDENTITY
                text = f"{self.target.shown}: {sentence_of(code)}"
                raise Problem(text, code=code) from None
            raise problem_of(self.target.shown, problem) from None

    def _refusal(self, code: str) -> str:
        assert self.fetched is not None
        if code not in (IDENTITY_UNKNOWN, FINGERPRINT_DIFFERS):
            return sentence_of(code)
        found = fingerprint_of(self.fetched.unpacked.session.credentials)
        return BackupProblem(code, found=str(found)).sentence

    def _restoring(
        self, directory: int, run: str, interrupt: Interrupt | None = None
    ) -> SessionRestoring:
        assert self.fetched is not None
        unpacked = self.fetched.unpacked
        session = unpacked.session
        # A verified archive has a verified identity, too.
        known = [(session.time, session.identity.fingerprint)] if self.fetched.vouched else []
        return SessionRestoring(
            directory,
            run,
            session,
            unpacked.content.__getitem__,
            now=time.time(),
            mode=self.request.mode,
            known=known,
            expected="" if self.chosen is None else self.chosen.identity,
            acknowledged=self.request.acknowledged,
            stop=go_on if interrupt is None else interrupt.code,
        )

    def _described(self) -> RestoreSessionDocument:
        assert self.fetched is not None
        session = self.fetched.unpacked.session
        return {
            "path": self.target.shown,
            "company": self.target.company,
            "tenant": self.tenant,
            "repository": self.request.destination.name,
            "identity": None,
            "mode": self.request.mode,
            "outcome": "DryRun",
            "applied": False,
            "run": None,
            "archive": str(self.fetched.name),
            "time": rfc3339(session.time),
            "fingerprint": str(fingerprint_of(session.credentials)),
            "vouched": self.fetched.vouched,
            "restored": 0,
            "restoredByKind": {},
            "keptBack": {},
            "nextPreKeyId": None,
            "told": [],
            "duration": round(self._seconds, 3),
            "code": None,
            "message": None,
        }


def sentence_of(code: str) -> str:
    """Return one sentence about a code of the plan, the volume or the rules."""
    for sentences in (_SENTENCES, EXPLANATIONS, SENTENCES):
        if code in sentences:
            return sentences[code]
    return reasons.explain(code)


def _own_fingerprint(directory: int) -> Fingerprint | None:
    """Return the fingerprint of a directory's credentials, or of their newest complete copy; None without both."""
    data, _ = read_creds(directory)
    credentials = None if data is None else read_credentials(data)
    if credentials is None:
        kept = read_copies(directory, copies_in(read_listing(directory).own))
        whole = [each.credentials for each in kept if each.credentials is not None]
        credentials = whole[0] if whole else None
    return None if credentials is None else fingerprint_of(credentials)


@contextmanager
def _opened_or_empty(target: Target) -> Iterator[int]:
    """Open a session directory; if it is missing, open an empty temporary one for the plan."""
    if _exists(target):
        with opened(target) as directory:
            yield directory
        return
    with tempfile.TemporaryDirectory(prefix="baileys-janitor-") as path:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield directory
        finally:
            os.close(directory)


def _exists(target: Target) -> bool:
    return os.path.lexists(target.full_path)


def _make(target: Target) -> list[str]:
    """Create a missing directory and its parents, closed to others; return those that were created.

    When run by root, each gets the owner of its parent, since the session's process must be able to write there. That
    owner could then replace a new directory with a link, so each is created through its parent's open descriptor.
    """
    missing: list[str] = []
    path = os.path.abspath(target.full_path)  # noqa: PTH100 - links stay unresolved
    while not os.path.lexists(path):
        path, name = os.path.split(path)
        missing.append(name)
    made: list[str] = []
    directory = -1
    try:
        directory = os.open(path, _DIRECTORY)
        above = os.fstat(directory)
        for name in reversed(missing):
            os.mkdir(name, 0o700, dir_fd=directory)
            path = os.path.join(path, name)  # noqa: PTH118
            made.append(path)
            beneath = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = beneath
            if os.geteuid() == 0:
                os.fchown(directory, above.st_uid, above.st_gid)
    except OSError as error:
        for each in reversed(made):
            _remove_if_empty(each)
        raise Problem(
            f"{target.shown} cannot be made: {error.strerror}.", code=DIRECTORY_MISSING
        ) from None
    finally:
        if directory >= 0:
            os.close(directory)
    return made


def _remove_if_empty(path: str) -> None:
    try:
        os.rmdir(path)  # noqa: PTH106
    except OSError:
        return


def is_a_directory(path: str) -> bool:
    """Return whether a path is a directory and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def is_empty(path: str) -> bool:
    """Return whether a path is a directory that is empty except for the janitor's files."""
    if not is_a_directory(path):
        return False
    try:
        with os.scandir(path) as found:
            return all(each.name.startswith(PREFIX) or each.name == LOCK_NAME for each in found)
    except OSError:
        return False
