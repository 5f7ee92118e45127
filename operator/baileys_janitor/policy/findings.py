"""Problems of a session directory, most severe first, each with a remedy. Pure: facts in, findings out.

A *fault* harms the session or prevents its maintenance: `scan` exits with 1 for it. *Advice* is worth knowing and does
no harm now. Every sentence is written here or in `advice`, and used by the command line, conditions, Events and
messages alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from baileys_janitor.policy import advice, reasons
from baileys_janitor.policy.ages.ages import nanoseconds
from baileys_janitor.policy.files.file_kinds import CREDS, OTHER
from baileys_janitor.policy.files.identity import ABSENT, CORRUPT, TOO_LARGE, UNPAIRED
from baileys_janitor.policy.files.writers import Owned, unwritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from baileys_janitor.policy.advice import Advice
    from baileys_janitor.policy.files.file_entry import Entry

FAULT = "Fault"
ADVICE = "Advice"

CREDENTIALS_CORRUPT = "CredentialsCorrupt"
CREDENTIALS_MISSING = "CredentialsMissing"
CREDENTIALS_LINKED = "CredentialsLinked"
KEYS_WITHOUT_CREDENTIALS = "KeysWithoutCredentials"
CREDENTIALS_TOO_LARGE = "CredentialsTooLarge"
SHARED_DIRECTORY = "SharedDirectory"
SHARED_PAIRING = "SharedPairing"
NOT_WRITABLE = "NotWritable"
EMPTY_FILES = "EmptyFiles"
MEMORY_WITHOUT_KEY = "MemoryWithoutKey"
JANITOR_REFUSED = "JanitorRefused"
TOO_MANY_FILES = "TooManyFiles"
TOO_MANY_OWN_FILES = "TooManyOwnFiles"
AWAITING_PAIRING = "AwaitingPairing"
CREDENTIALS_READABLE = "CredentialsReadable"
OLD_DIRECTORY = "OldDirectory"
FOREIGN_NAMES = "ForeignNames"

#: Every finding, most severe first.
SEVERITIES: dict[str, str] = {
    CREDENTIALS_CORRUPT: FAULT,
    CREDENTIALS_MISSING: FAULT,
    SHARED_DIRECTORY: FAULT,
    SHARED_PAIRING: FAULT,
    advice.DISK_PRESSURE: FAULT,
    NOT_WRITABLE: FAULT,
    CREDENTIALS_TOO_LARGE: FAULT,
    CREDENTIALS_LINKED: FAULT,
    KEYS_WITHOUT_CREDENTIALS: FAULT,
    EMPTY_FILES: FAULT,
    MEMORY_WITHOUT_KEY: FAULT,
    JANITOR_REFUSED: FAULT,
    TOO_MANY_FILES: FAULT,
    TOO_MANY_OWN_FILES: FAULT,
    AWAITING_PAIRING: ADVICE,
    advice.SESSION_INACTIVE: ADVICE,
    advice.THRESHOLD_UNREACHABLE: ADVICE,
    advice.ROTATION_RECOMMENDED: ADVICE,
    CREDENTIALS_READABLE: ADVICE,
    advice.TEMPORARY_FILES: ADVICE,
    reasons.SILENCE_NOT_COUNTED: ADVICE,
    OLD_DIRECTORY: ADVICE,
    FOREIGN_NAMES: ADVICE,
}
_PLACE = {code: number for number, code in enumerate(SEVERITIES)}

#: Findings about creds.json: nothing is removed from such a directory, and it has no level.
OF_CREDENTIALS = frozenset(
    (
        CREDENTIALS_CORRUPT,
        CREDENTIALS_MISSING,
        CREDENTIALS_LINKED,
        KEYS_WITHOUT_CREDENTIALS,
        CREDENTIALS_TOO_LARGE,
    )
)

#: Placeholder for the session directory in a command; the printing code puts the quoted path there.
DIRECTORY = "{directory}"
#: Placeholder for this program in a command.
PROGRAM = "{program}"

# An empty file younger than this may be in the middle of a write.
_SETTLED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """A stable code, a sentence with the problem and the remedy, and the commands for it, each as a tuple of words."""

    code: str
    message: str
    commands: tuple[tuple[str, ...], ...] = ()

    @property
    def severity(self) -> str:
        """FAULT or ADVICE."""
        return SEVERITIES[self.code]


class Creds(NamedTuple):
    """The file status of creds.json: owner, mode, and whether it is a link or a regular file."""

    uid: int
    mode: int
    is_link: bool = False
    is_file: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """The facts about a directory besides its listing.

    `creds` is None without a file of that name. `owners` counts the library's files by owner and mode; `uid` and `mode`
    are the directory's. `copies` are kept copies of creds.json; `cleaned`: the janitor keeps a journal here; `refused`:
    that journal is not its own. `rollback_seconds` is the time for which a session that was rotated out can still be
    rolled back, None where there is none.
    """

    uid: int
    mode: int
    creds: Creds | None
    owners: Mapping[tuple[int, int], int]
    copies: int = 0
    cleaned: bool = False
    refused: bool = False
    rollback_seconds: float | None = None


def place(code: str) -> int:
    """Return the rank of a finding among all, 0 for the most severe."""
    return _PLACE[code]


def in_order(findings: Iterable[Finding | None]) -> list[Finding]:
    """Return the findings without the Nones, most severe first."""
    return sorted(
        [each for each in findings if each is not None], key=lambda each: place(each.code)
    )


def of_advice(given: Advice | None) -> Finding | None:
    """Return advice as a finding."""
    if given is None:
        return None
    commands = ((PROGRAM, "rotate", DIRECTORY),) if given.rotates else ()
    return Finding(given.reason, given.message, commands)


def corrupt(looks: int, seconds: float) -> str:
    """Return the sentence for a creds.json that could not be read in several attempts."""
    return (
        f"creds.json could not be read in {looks} looks over {int(seconds)} s and was not written meanwhile. "
        f"Nothing is removed. {reasons.SAVE_CREDENTIALS}"
    )


def kept_copies(number: int, newest: str | None) -> str:
    """Return the sentence about the kept copies of creds.json; "" without any. `newest`: time of the newest."""
    if not number:
        return ""
    last = "" if newest is None else f" of {newest}" if number == 1 else f", the newest of {newest}"
    copies = "one copy" if number == 1 else f"{number} copies"
    return f" There {'is' if number == 1 else 'are'} {copies} of it{last}."


MISSING = (
    "There is no creds.json beside the session files, so nothing is removed. "
    f"{reasons.SAVE_CREDENTIALS}"
)
"""The sentence for a missing creds.json."""


def of_credentials(
    identity: str, files: int, state: State, looks: tuple[int, float]
) -> Finding | None:
    """Return the problem with creds.json; None where it is whole, or where no account was paired yet.

    `identity` is the state that was read, `files` the number of the library's other files, `looks` the number of
    attempts to read creds.json before it was called unreadable, and their duration in seconds.
    """
    if identity in (ABSENT, UNPAIRED) and state.rollback_seconds is not None:
        return awaiting_pairing(state.rollback_seconds)
    restore = ((PROGRAM, "restore", "--mode", "Credentials", DIRECTORY),) if state.copies else ()
    if identity == CORRUPT:
        return Finding(CREDENTIALS_CORRUPT, corrupt(*looks), restore)
    if identity == TOO_LARGE:
        return Finding(CREDENTIALS_TOO_LARGE, reasons.explain(reasons.CREDENTIALS_TOO_LARGE))
    if identity != ABSENT:
        return None
    if state.creds is not None and not state.creds.is_file:
        what = (
            "a symbolic link, and links are never followed"
            if state.creds.is_link
            else "not a regular file"
        )
        return Finding(
            CREDENTIALS_LINKED,
            f"creds.json is {what}, so the owner of the files is unknown and nothing is removed. To have the directory"
            " cleaned, check that the link's target is whole, stop the process, put the file itself in its place,"
            " and start the process again.",
        )
    if not files:
        return None
    if state.copies or state.cleaned:
        return Finding(CREDENTIALS_MISSING, MISSING, restore)
    number = "one file" if files == 1 else f"{files} files"
    save = reasons.SAVE_CREDENTIALS
    return Finding(
        KEYS_WITHOUT_CREDENTIALS,
        f"Keys without credentials: {number} of a session and no creds.json, so nothing is removed. The credentials"
        " may be kept elsewhere, as Evolution API does: then leave this directory to that gateway. If creds.json was"
        f" here: {save[0].lower()}{save[1:]}",
    )


def awaiting_pairing(seconds: float) -> Finding:
    """Return the finding that a session was rotated out and can be rolled back for so many seconds."""
    hours = max(1, round(seconds / 3600))
    left = f"{hours} hours" if hours < 48 else f"{hours // 24} days"
    left = "an hour" if hours == 1 else left
    return Finding(
        AWAITING_PAIRING,
        "The session was rotated out, and nobody has paired the tenant anew: start the process, and pair it with the QR"
        f" code or pairing code that it shows. For {left} more the old session can come back instead, with the process"
        " stopped.",
        ((PROGRAM, "rollback", DIRECTORY),),
    )


def too_many_files() -> Finding:
    """Return the finding for a directory that is too large to be cleaned and is only counted."""
    return Finding(TOO_MANY_FILES, reasons.explain(reasons.TOO_MANY_FILES))


def shared_directory(others: Sequence[str]) -> Finding | None:
    """Return the finding that other paths lead to the same directory; None without any."""
    if not others:
        return None
    return Finding(
        SHARED_DIRECTORY,
        f"The same directory is also mounted as {_named(others)}. If two processes use it, each overwrites the other's"
        " creds.json and keys. Let one process use it, and mount it once.",
    )


def shared_pairing(paths: Sequence[str]) -> Finding | None:
    """Return the finding that several directories hold one pairing, the same text for each; None for fewer than two."""
    if len(paths) < 2:
        return None
    return Finding(
        SHARED_PAIRING,
        f"One pairing in {len(paths)} directories: {_named(paths)}. If two processes use it, WhatsApp closes one"
        " connection for the other (conflict, 440), and their keys drift apart until messages cannot be read. Keep the"
        " directory that is in use. Move a copy away, or let its name end in .bak, and it is no longer searched.",
    )


def not_writable(state: State) -> Finding | None:
    """Return the finding that the owner of most files cannot write other files or the directory; None if it can."""
    found = unwritable(Owned(state.owners, state.uid, state.mode))
    if found is None:
        return None
    commands: list[tuple[str, ...]] = []
    if found.foreign:
        commands.append(
            ("find", DIRECTORY, "-maxdepth", "1", "-type", "f", "-links", "1", "-not", "-user", str(found.writer),
             "-exec", "chown", "-h", str(found.writer), "{}", "+")
        )  # fmt: skip
    if found.read_only:
        commands.append(
            ("find", DIRECTORY, "-maxdepth", "1", "-type", "f", "-user", str(found.writer), "-not", "-perm", "-200",
             "-exec", "chmod", "u+w", "{}", "+")
        )  # fmt: skip
    if found.directory_owner is not None:
        commands.append(("chown", str(found.writer), DIRECTORY))
    elif found.directory:
        commands.append(("chmod", "u+rwx", DIRECTORY))
    return Finding(NOT_WRITABLE, found.sentence(), tuple(commands))


def credentials_readable(state: State) -> Finding | None:
    """Return the finding that every user of the machine can read creds.json; None if they cannot.

    The library creates its files with 0644, so this finding appears for most directories that nobody has restricted.
    """
    creds = state.creds
    if creds is None or not creds.is_file or not creds.mode & 0o004 or not state.mode & 0o001:
        return None
    whose = "read and write" if creds.mode & 0o002 else "read"
    commands: tuple[tuple[str, ...], ...] = ()
    if state.uid == creds.uid:  # else the process may need the mode for everybody to have access
        commands = (("chmod", "o-rwx", DIRECTORY),)
    return Finding(
        CREDENTIALS_READABLE,
        f"Every user of this machine can {whose} creds.json and the keys beside it (mode {creds.mode & 0o777:04o} in a"
        f" directory with {state.mode & 0o777:04o}): whoever has them is this WhatsApp device. On a machine of your"
        " own that harms nothing; else close the directory to all but its owner and group.",
        commands,
    )


def empty_files(entries: Iterable[Entry], now: float) -> Finding | None:
    """Return the finding for the library's files that are empty and not in the middle of a write; None without any."""
    horizon_ns = nanoseconds(now - _SETTLED_SECONDS)
    kinds: dict[str, int] = {}
    for entry in [each for each in entries if not each.size]:
        if entry.mtime_ns < horizon_ns and entry.kind not in (CREDS, OTHER):
            kinds[entry.kind] = kinds.get(entry.kind, 0) + 1
    number = sum(kinds.values())
    if not number:
        return None
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    start = "One file is empty" if number == 1 else f"{number} files are empty"
    return Finding(
        EMPTY_FILES,
        f"{start} ({listed}): a write was cut off, as kill -9 or a full disk does. Baileys takes an empty file for"
        " none: what was in it is lost already, and most of it is made anew with the next messages. See that the"
        " disk has room and that the process gets the time to end by itself (SIGTERM, not kill -9); the empty files"
        " can then be deleted.",
        (
            ("find", DIRECTORY, "-maxdepth", "1", "-type", "f", "-name", "*.json", "-not", "-name", "creds.json",
             "-size", "0", "-mmin", "+15", "-delete"),
        ),
    )  # fmt: skip


def memory_without_key(groups: int) -> Finding | None:
    """Return the finding for groups in which the tenant's next message would be unreadable; None without any."""
    if not groups:
        return None
    where = "one group" if groups == 1 else f"{groups} groups"
    return Finding(
        MEMORY_WITHOUT_KEY,
        f"In {where} the tenant's sender key is gone or empty while its memory file says that members hold it, so its"
        " next message there would be unreadable for all of them. A cleanup removes such memory files, and Baileys"
        " then sends a new key to everybody.",
        ((PROGRAM, "clean", DIRECTORY),),
    )


def janitor_refused(state: State, sentence: str) -> Finding | None:
    """Return the finding that the janitor's journal belongs to another; `sentence` is a cleanup's own message."""
    return Finding(JANITOR_REFUSED, sentence) if state.refused else None


def old_directory(there: bool, name: str) -> Finding | None:
    """Return the finding that a directory of an unreleased version is left; None without one."""
    if not there:
        return None
    return Finding(
        OLD_DIRECTORY,
        "An unreleased version left a trash directory that is no longer used and can be removed.",
        (("rm", "-r", "--", f"{DIRECTORY}/{name}"),),
    )


def foreign_names(number: int, prefix: str) -> Finding | None:
    """Return the finding that names under the janitor's prefix are not its own; None without any."""
    if not number:
        return None
    one = number == 1
    names, made = ("one name begins", "was") if one else (f"{number} names begin", "were")
    left = "It is" if one else "They are"
    return Finding(
        FOREIGN_NAMES,
        f"Here {names} with {prefix} but {made} not created by the janitor. {left} left alone: rename or delete"
        " what you do not need.",
    )


def _named(paths: Sequence[str]) -> str:
    most = 3
    return ", ".join(paths[:most]) + (f" and {len(paths) - most} more" if len(paths) > most else "")
