"""The names of the janitor's own files in a session directory.

All state lies flat beside the session files, under one reserved prefix. There is no directory of
ours: a bot's own "clear session" loop, which unlinks every name and stops at a directory, works
with the janitor's files as it does without them.

| name | content |
|---|---|
| `.janitor~journal` | the history: runs, results, undos, purges |
| `.janitor~activity` | when the tenant was running, one line |
| `.janitor~key` | the secret key of this directory's hashes of contacts |
| `.janitor~backups` | the archives of this session, and their locations |
| `.janitor~creds~<digits>` | a kept copy of creds.json: 20 digits, see `policy.archives.credential_copies` |
| `.janitor~plan~<run>` | the files that a run is to move, written before its first removal |
| `.janitor~restored~<run>` | the files that a restore from an archive made here, for its undo |
| `.janitor~rotated~<run>` | the files that a rotation moved into the trash, and the end of their retention |
| `.janitor~run~<run>~<name>` | a removed file, under its own name: the trash |
| `.janitor~new~<what>` | a file that is being written |

A name is matched whole. Every other name under the prefix is foreign: counted, never read, put
back or removed. Any process that can write to the volume can also make names of these forms.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.files.file_kinds import PAIRING_KINDS, classify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_NAME = ".cleanup.lock"
PREFIX = ".janitor~"
JOURNAL = PREFIX + "journal"
ACTIVITY = PREFIX + "activity"
KEY = PREFIX + "key"
BACKUPS = PREFIX + "backups"
#: The state directory of unreleased versions. It is reported, never opened.
OLD_DIRECTORY = ".janitor"

RUN_MAX = 32  # characters of a run id
NAME_MAX_BYTES = 255  # of one path component on every common file system

#: With more own names than this, they are no longer kept apart, and nothing is cleaned.
MAX_OWN_NAMES = 200_000

_NEW = PREFIX + "new~"
_PLAN = PREFIX + "plan~"
_RESTORED = PREFIX + "restored~"
_ROTATED = PREFIX + "rotated~"
_RUN = PREFIX + "run~"
_RUN_AT = len(_RUN)
_CREDS = PREFIX + "creds~"
_COPY_DIGITS = 20
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_REST = _FIRST | {"-"}


def valid_run(run: object) -> bool:
    """Return whether `run` is a run id: 1 to 32 of a-z, 0-9 and "-", not beginning with "-"."""
    return (
        isinstance(run, str)
        and 0 < len(run) <= RUN_MAX
        and run[0] in _FIRST
        and _REST.issuperset(run)
    )


def plan_name(run: str) -> str:
    """Return the name of a run's plan."""
    return _PLAN + run


def trash_name(run: str, name: str) -> str:
    """Return the name that a session file has in a run's trash."""
    return f"{_RUN}{run}~{name}"


def run_of_plan(name: str) -> str | None:
    """Return the run of a plan's name; None for any other name."""
    run = name[len(_PLAN) :]
    return run if name.startswith(_PLAN) and valid_run(run) else None


def record_name(run: str) -> str:
    """Return the name of the record of a restore."""
    return _RESTORED + run


def run_of_record(name: str) -> str | None:
    """Return the run of the name of a restore's record; None for any other name."""
    run = name[len(_RESTORED) :]
    return run if name.startswith(_RESTORED) and valid_run(run) else None


def rotation_name(run: str) -> str:
    """Return the name of the record of a rotation."""
    return _ROTATED + run


def run_of_rotation(name: str) -> str | None:
    """Return the run of the name of a rotation's record; None for any other name."""
    run = name[len(_ROTATED) :]
    return run if name.startswith(_ROTATED) and valid_run(run) else None


def is_temporary(name: str) -> bool:
    """Return whether this is the name of a file being written."""
    return name.startswith(_NEW) and valid_run(name[len(_NEW) :])


def new_name(what: str) -> str:
    """Return the name of a file being written; `what` has the form of a run id."""
    return _NEW + what


def copy_name(digits: str) -> str:
    """Return the name of a kept copy of creds.json."""
    return _CREDS + digits


def may_be_in_trash(name: str) -> bool:
    """Return whether a run can have moved a file of that name.

    Rules move only removable kinds, a restore moves creds.json, and a rotation every file of a pairing.
    """
    return classify(name)[0] in PAIRING_KINDS


def fits(name: str) -> bool:
    """Return whether a name is short enough for a file system."""
    return len(os.fsencode(name)) <= NAME_MAX_BYTES


class OwnNames:
    """The janitor's own names in one listing.

    `trash` holds the original names of removed files by run, `plans` the runs that have a plan, `restored` those
    that have a record of a restore, `rotated` the rotations that have a record, `temporary` the names of
    files that were being written, `copies` the digits in the names of kept copies of creds.json. `foreign` counts the
    names under the prefix that have no form of ours, `trashed` the files in the trash. With more than `MAX_OWN_NAMES`
    names in all, `too_many` is true and `trash`, `plans`, `restored`, `rotated`, `temporary` and `copies` are
    incomplete. `old_directory` is true if there is a `.janitor` directory.
    """

    __slots__ = (
        "copies",
        "foreign",
        "has_activity",
        "has_backups",
        "has_journal",
        "has_key",
        "old_directory",
        "plans",
        "restored",
        "rotated",
        "seen",
        "temporary",
        "trash",
        "trashed",
    )

    def __init__(self) -> None:
        self.seen = 0
        self.has_journal = False
        self.has_activity = False
        self.has_key = False
        self.has_backups = False
        self.old_directory = False
        self.plans: set[str] = set()
        self.restored: set[str] = set()
        self.rotated: set[str] = set()
        self.trash: dict[str, list[str]] = {}
        self.trashed = 0
        self.temporary: list[str] = []
        self.copies: list[str] = []
        self.foreign = 0

    @property
    def too_many(self) -> bool:
        """Whether the directory has too many own names to keep them apart."""
        return self.seen > MAX_OWN_NAMES

    @property
    def any(self) -> bool:
        """Whether the janitor has left any file here."""
        return self.seen > self.foreign

    def runs(self) -> list[str]:
        """Return the runs that have left a file, in no particular order."""
        recorded = self.plans | self.restored | self.rotated
        return [*self.trash, *(recorded - self.trash.keys())]

    def has(self, run: str) -> bool:
        """Return whether a run can be undone: it has files in the trash, or the record of a restore."""
        return run in self.trash or run in self.restored

    def forget(self, run: str) -> None:
        """Drop a run without any file left."""
        self.forget_trash(run)
        self.restored.discard(run)
        self.rotated.discard(run)

    def forget_trash(self, run: str) -> None:
        """Drop the trash of a run, and its plan."""
        self.trashed -= len(self.trash.pop(run, ()))
        self.plans.discard(run)

    def add(self, name: str) -> None:
        """Add one name that begins with the prefix."""
        self.seen += 1
        if name.startswith(_RUN):
            self._add_trash(name)
        elif not self._add_state(name):
            self.foreign += 1

    def _add_trash(self, name: str) -> None:
        run, tilde, original = name[_RUN_AT:].partition("~")
        known = self.trash.get(run)
        if not tilde or not may_be_in_trash(original) or (known is None and not valid_run(run)):
            self.foreign += 1
            return
        self.trashed += 1
        if not self.too_many:
            if known is None:
                known = self.trash[run] = []
            known.append(original)

    def _add_state(self, name: str) -> bool:
        if name == JOURNAL:
            self.has_journal = True
        elif name == ACTIVITY:
            self.has_activity = True
        elif name == KEY:
            self.has_key = True
        elif (run := run_of_plan(name)) is not None:
            self._keep(self.plans.add, run)
        elif (run := run_of_record(name)) is not None:
            self._keep(self.restored.add, run)
        elif (run := run_of_rotation(name)) is not None:
            self._keep(self.rotated.add, run)
        elif is_temporary(name):
            self._keep(self.temporary.append, name)
        elif name.startswith(_CREDS) and _is_copy(name[len(_CREDS) :]):
            self._keep(self.copies.append, name[len(_CREDS) :])
        else:
            return False
        return True

    def _keep(self, add: Callable[[str], None], what: str) -> None:
        if not self.too_many:
            add(what)


def split_trash_name(name: str) -> tuple[str, str] | None:
    """Return the run and the original name of a file in the trash; None for any other name.

    The original name is one of a file that a run can have moved.
    """
    if not name.startswith(_RUN):
        return None
    run, tilde, original = name[_RUN_AT:].partition("~")
    if not tilde or not valid_run(run) or not may_be_in_trash(original):
        return None
    return run, original


def _is_copy(digits: str) -> bool:
    return len(digits) == _COPY_DIGITS and digits.isascii() and digits.isdigit()
