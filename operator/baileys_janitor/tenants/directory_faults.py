"""Why a session directory cannot be scanned or cleaned, by the code of a result, in words for a cluster. Pure."""

from __future__ import annotations

from baileys_janitor.tenants.fault import CODE, RETRY, Fault
from baileys_janitor.volume.errors import SENTENCES

UNREADABLE = Fault(
    "ResultUnreadable",
    "The Job left no readable result: use the same version of the operator and of the Job's image. "
    f"{RETRY}",
)

DIRECTORY = {
    "ClockSkew": "The clocks of the operator and of the volume's node differ by more than ten minutes, so nothing "
    f"is removed: set the clock that is wrong (time synchronisation, NTP, keeps it right). {RETRY}",
    "DirectoryMissing": "The directory spec.volume.path does not exist on the volume: correct it, or wait until "
    "the tenant has been paired.",
    "NotADirectory": "spec.volume.path is not a directory on the volume: correct it.",
    "SymlinkRefused": "spec.volume.path leads through a symbolic link, which the janitor never follows: name the "
    "directory itself.",
    "PermissionDenied": "The Job may not read or change the session directory: set spec.job.runAsUser to the owner of "
    "the files, or give the files to a user that is not root.",
    "ReadOnly": "The volume is mounted read-only or its filesystem has failed: check the volume.",
    "CredentialsUnreadable": "The Job may not read creds.json: set spec.job.runAsUser to the owner of the files, or "
    "give the files to a user that is not root.",
    "PathRefused": 'spec.volume.path is not a path inside the volume: leave out a leading "/" and "..".',
    "StaleHandle": f"The volume was detached while it was read (stale handle). {RETRY}",
    "InputOutputError": "The volume answers with input/output errors: check the disk or its server.",
    "LockRefused": ".cleanup.lock in the session directory is not a regular file: remove it by hand.",
    "JanitorRefused": "A name that begins with .janitor~ in the session directory is not the janitor's own file: it "
    "belongs to another user, or is a link, a FIFO or a directory. Give these files to the owner of creds.json, or "
    "remove them: that costs the undo of earlier cleanups and nothing else.",
    "PutBackUnsupported": "The volume's file system can neither link files nor rename without replacing, so a removal "
    "could not be taken back safely: nothing is removed. Use another storage class for this claim.",
    "TooManyOwnFiles": "More than 200,000 names in the session directory begin with .janitor~, so nothing is cleaned: "
    "find the process that writes them, and remove them.",
    "DiskFull": "The volume is full, so that not even the journal can be written: make room on it.",
    "StateVanished": "Something removed the janitor's own files during the run, so the run stopped: a bot that "
    "clears its session does this. The next run starts again.",
    "BadTask": "The Job's image does not understand the operator's task: use the same version of the operator "
    "and of the Job's image.",
    "Busy": "Another run holds the directory's lock. The janitor tries again by itself.",
}


COPIES = {
    "CredentialsChanging": "creds.json changed between reads, so no copy of it was kept. The janitor tries again by "
    "itself.",
    "CredentialsIncomplete": SENTENCES["CredentialsIncomplete"],
    "CredentialsOlder": SENTENCES["CredentialsOlder"],
    "CredentialsCorrupt": "creds.json could not be read, so no copy of it was kept. The janitor tries again by itself.",
    "DiskFull": "The volume has too little room for a copy of creds.json: make room on it. A full disk truncates "
    "creds.json.",
    "PermissionDenied": "The Job may not write to the session directory: set spec.job.runAsUser to the owner of the "
    "files, or give the directory to a user that is not root.",
    "StateVanished": "Something removed the janitor's own files meanwhile, as a bot that clears its session does. The "
    "janitor tries again by itself.",
}
"""Sentences for codes of a copy of creds.json that could not be kept, where they differ from the usual ones."""


def sentence_of(code: str) -> str:
    """Return the sentence for a code of a requested run."""
    return DIRECTORY.get(code) or SENTENCES.get(code) or f"It could not be done ({code})."


def of_copy(code: str) -> Fault:
    """Return why no copy of creds.json could be kept, from a result's code."""
    said = COPIES.get(code)
    return of_directory(code) if said is None else Fault(code, said)


def of_directory(code: str) -> Fault:
    """Return the fault for a result's error code (`baileys_janitor.volume`)."""
    if not CODE.fullmatch(code):
        return UNREADABLE
    why = DIRECTORY.get(code, f"The session directory could not be read ({code}). {RETRY}")
    return Fault(code, why)
