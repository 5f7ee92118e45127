"""Reasons why an operation on a volume failed: one code and one sentence with the remedy each.

The codes go into results, status and alerts. The sentences never hold a file's name.
"""

from __future__ import annotations

import errno

from baileys_janitor.volume.report.results import CAPPED, FAILED, REFUSED

DIRECTORY_MISSING = "DirectoryMissing"
NOT_A_DIRECTORY = "NotADirectory"
SYMLINK_REFUSED = "SymlinkRefused"
PATH_REFUSED = "PathRefused"
PERMISSION_DENIED = "PermissionDenied"
CREDENTIALS_UNREADABLE = "CredentialsUnreadable"
CREDENTIALS_CHANGING = "CredentialsChanging"
CREDENTIALS_INCOMPLETE = "CredentialsIncomplete"
CREDENTIALS_OLDER = "CredentialsOlder"
CREDENTIALS_SAVED = "CredentialsSaved"
CREDENTIALS_NO_FILE = "CredentialsNoFile"
SESSION_WRITTEN = "SessionWritten"
STILL_WRITING = "StillWriting"
WRITTEN_OVER = "WrittenOver"
IS_ROTATION = "IsRotation"
ROLL_BACK_FIRST = "RollBackFirst"
READ_ONLY = "ReadOnly"
DISK_FULL = "DiskFull"
STALE_HANDLE = "StaleHandle"
INPUT_OUTPUT_ERROR = "InputOutputError"
BUSY = "Busy"
LOCK_REFUSED = "LockRefused"
LOCK_LOST = "LockLost"
JANITOR_REFUSED = "JanitorRefused"
STATE_VANISHED = "StateVanished"
PUT_BACK_UNSUPPORTED = "PutBackUnsupported"
TOO_MANY_OWN_FILES = "TooManyOwnFiles"
INTERRUPTED = "Interrupted"
DEADLINE_REACHED = "DeadlineReached"
KILLED = "Killed"
RUN_UNKNOWN = "RunUnknown"
RUN_PURGED = "RunPurged"
IDENTITY_CHANGED = "IdentityChanged"
SESSION_TOO_LARGE = "SessionTooLarge"
SYSTEM_ERROR = "SystemError"

SENTENCES: dict[str, str] = {
    DIRECTORY_MISSING: "The session directory does not exist: check the volume's path.",
    NOT_A_DIRECTORY: "The path names something that is not a directory: check the volume's path.",
    SYMLINK_REFUSED: "The path leads through a symbolic link, which is never followed: name the "
    "directory itself.",
    PATH_REFUSED: 'The path is not a relative path inside the volume: leave out a leading "/" and "..".',
    PERMISSION_DENIED: "The file system denies access: run with the user id that owns the session "
    "files.",
    CREDENTIALS_UNREADABLE: "creds.json cannot be read: run with the user id that owns the session "
    "files.",
    CREDENTIALS_CHANGING: "creds.json changed between reads, so this run did nothing; the next one "
    "tries again. Check that only one process writes it.",
    CREDENTIALS_INCOMPLETE: "creds.json lacks keys that a session cannot start without, so no copy of it was "
    "kept: check the process that writes it.",
    CREDENTIALS_OLDER: "creds.json is from before the newest kept copy, so something has put an old file back: no "
    "copy of it was kept. Turn off the tool that restores it.",
    CREDENTIALS_SAVED: "A process saved creds.json during the restore, so it runs. Its file stays, and nothing was "
    "restored. Scan the directory again.",
    CREDENTIALS_NO_FILE: "creds.json is not a regular file (a link or a directory): restore at the link's target, or "
    "remove it by hand.",
    SESSION_WRITTEN: "A process has written to the session's files since the restore began, so it uses them: they stay "
    "as they are. Stop it before a restore and before an undo of one.",
    STILL_WRITING: "A process writes to the session's files, so it uses them: nothing was moved, or all moved files "
    "are back. Stop it first.",
    WRITTEN_OVER: "A process has written over creds.json right afterwards, so it was not stopped. Stop it, put the "
    "kept copy back (baileys-janitor restore PATH --mode Credentials), and start it again.",
    IS_ROTATION: "This run is a rotation, and its undo puts another pairing in place: stop the process that uses the "
    "session, and ask for a rollback (baileys-janitor rollback PATH).",
    ROLL_BACK_FIRST: "The session was rotated out, and its keys lie in the trash, so creds.json alone would come back "
    "without them. Stop the process, and bring all of it back (baileys-janitor rollback PATH).",
    READ_ONLY: "The volume is mounted read-only, so nothing on it can be changed: mount it writable.",
    DISK_FULL: "The disk has too little free space, so the run stopped: make room on the volume.",
    STALE_HANDLE: "The volume was taken away during the run (stale handle): try again once it is back.",
    INPUT_OUTPUT_ERROR: "The volume answers with input/output errors: check the disk or its server.",
    BUSY: "Another run holds .cleanup.lock: wait for it; a lock not touched for ten minutes is "
    "taken over.",
    LOCK_REFUSED: ".cleanup.lock is not a regular file: remove it by hand.",
    LOCK_LOST: "Another process took over the lock during the run, so the run stopped.",
    JANITOR_REFUSED: "A name that begins with .janitor~ is not the janitor's own file: it belongs to another "
    "user, or is a link, a FIFO or a directory. Give these files to the owner of creds.json, or remove them: "
    "that costs the undo of earlier runs and nothing else.",
    STATE_VANISHED: "Something removed the janitor's own files during the run (a bot that clears its session "
    "does this), so the run stopped.",
    PUT_BACK_UNSUPPORTED: "This file system can neither link files nor rename without replacing (mounts of "
    "rclone cannot), so a removal could not be taken back safely: nothing was removed. Clean where the disk "
    "itself is mounted.",
    TOO_MANY_OWN_FILES: "More than 200,000 names begin with .janitor~, so nothing is cleaned; files past the "
    "undo window were removed. Check the process that writes there.",
    INTERRUPTED: "The run was asked to end before it was complete; the next one continues.",
    DEADLINE_REACHED: "The run reached its deadline before it was complete; the next one continues.",
    KILLED: "The run was killed; a later run found and recorded its work.",
    RUN_UNKNOWN: "No such run is known on this volume: check the run id.",
    RUN_PURGED: "The run's files are gone for good: its undo window is over, the disk was full, or the trash "
    "held 5,000 files.",
    IDENTITY_CHANGED: "The tenant has been paired again since this run: its files belong to another "
    "identity and stay in the trash.",
    SESSION_TOO_LARGE: "The session's files need more than 64 MiB of memory, or are more than 200,000, so "
    "no backup was made: check the process that writes there, and clean the directory.",
    SYSTEM_ERROR: "The operating system reported an unexpected error on the volume.",
}

_BY_ERRNO = {
    errno.ENOENT: DIRECTORY_MISSING,
    errno.EEXIST: JANITOR_REFUSED,  # only names under our prefix are made
    errno.ENOTDIR: NOT_A_DIRECTORY,
    errno.ELOOP: SYMLINK_REFUSED,
    errno.EACCES: PERMISSION_DENIED,
    errno.EPERM: PERMISSION_DENIED,
    errno.EROFS: READ_ONLY,
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.ESTALE: STALE_HANDLE,
    errno.EIO: INPUT_OUTPUT_ERROR,
    errno.ENODEV: INPUT_OUTPUT_ERROR,
    errno.ENXIO: INPUT_OUTPUT_ERROR,
    errno.ETIMEDOUT: INPUT_OUTPUT_ERROR,
}

#: Codes for work that was declined on purpose rather than tried and failed.
DECLINED = frozenset(
    (
        BUSY,
        CREDENTIALS_CHANGING,
        CREDENTIALS_INCOMPLETE,
        CREDENTIALS_OLDER,
        CREDENTIALS_SAVED,
        CREDENTIALS_NO_FILE,
        SESSION_WRITTEN,
        STILL_WRITING,
        IS_ROTATION,
        ROLL_BACK_FIRST,
        DISK_FULL,
        READ_ONLY,
        LOCK_REFUSED,
        JANITOR_REFUSED,
        IDENTITY_CHANGED,
        PUT_BACK_UNSUPPORTED,
        TOO_MANY_OWN_FILES,
        SESSION_TOO_LARGE,
    )
)
#: Codes of a run that was asked to end early.
ENDED = frozenset((INTERRUPTED, DEADLINE_REACHED))


class VolumeProblem(Exception):  # noqa: N818  # as often a refusal as an error
    """An operation that could not be done; `code` is one of the codes above, the text its sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(SENTENCES.get(code, code))
        self.code = code


def code_of(error: OSError) -> str:
    """Return the code for an operating system's error. Its text is not used: it holds file names."""
    return _BY_ERRNO.get(error.errno or 0, SYSTEM_ERROR)


def outcome_of(code: str) -> str:
    """Return the outcome of a run that ended with this code: Refused, Capped or Failed."""
    return REFUSED if code in DECLINED else CAPPED if code in ENDED else FAILED


def problem_of(error: OSError) -> VolumeProblem:
    """Return the problem to report for an operating system's error."""
    return VolumeProblem(code_of(error))
