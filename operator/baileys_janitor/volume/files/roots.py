"""Finding the session directories beneath a root, whatever the gateway's layout.

A directory is a session directory if it holds creds.json, or, without one, at least `HANDFUL` files with names of
the library. Three levels beneath the root are searched. A session directory may hold others (a bot that keeps
its helpers' sessions inside its own), so it is searched too, unless its link count shows that it holds no directory.

Symbolic links are never followed. Directories of programs (node_modules, .git), snapshots of file servers and
directories named like backups are not searched: a copy must not be cleaned along with its original. Each of these
is counted as skipped, with the reason, and can be named as a root of its own. Everything is bounded: any process
that can write beneath the root can make any number of directories.
"""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER, classify
from baileys_janitor.volume.errors import problem_of
from baileys_janitor.volume.files.globs import Glob
from baileys_janitor.volume.files.safe_open import BENEATH, DIRECTORY
from baileys_janitor.volume.files.state_names import OLD_DIRECTORY, PREFIX, run_of_rotation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The appearances of a directory.
SESSION = "Session"
KEYS_WITHOUT_CREDENTIALS = "KeysWithoutCredentials"
ROTATED_OUT = "RotatedOut"  # without creds.json, but with the record of a rotation
AWAITS_PAIRING = "AwaitsPairing"  # named company_*, or left empty but for the janitor's files
LINK = "Link"  # a link named company_*: it is reported, never opened

#: Reasons why a directory was not searched.
SYMBOLIC_LINK = "SymbolicLink"
UNREADABLE = "Unreadable"
TOO_DEEP = "TooDeep"
OF_A_PROGRAM = "OfAProgram"
BACKUP = "Backup"
TWICE = "Twice"  # the same directory under a second name: a bind mount
TOO_MANY = "TooMany"

COMPANY_PREFIX = "company_"
DEPTH = 3
#: This many files with the library's names make a session directory without creds.json.
HANDFUL = 5
MAX_DIRECTORIES = 50_000  # searched
MAX_FOUND = 10_000
MAX_NAMES = 2_000_000  # read, in all
MAX_NAMES_IN_ONE = 200_000
_EXAMPLES = 3

_PROGRAMS = frozenset(
    (
        "node_modules", "__pycache__", "venv", ".venv", ".git", ".hg", ".svn", ".npm", ".pnpm-store", ".yarn",
        ".cache", ".pm2", ".docker", ".snapshot", ".snapshots", ".zfs", "#snapshot", "@eaDir", "#recycle",
        ".Trash", "lost+found", OLD_DIRECTORY,
    )
)  # fmt: skip
_BACKUP = re.compile(
    r"[._]?(?:backups?|bak|old|orig|archives?|archived|snapshots?|trash|copy)(?:[-_. ].*|[0-9]*)",
    re.IGNORECASE | re.DOTALL,
)
_BACKUP_OF = re.compile(r".+[-_. ](?:backup|bak|old|orig|copy)[0-9]*", re.IGNORECASE | re.DOTALL)


class FoundSession(NamedTuple):
    """A session directory: its path beneath the root ("." for the root itself) and its appearance."""

    path: str
    looks: str


class Skipped(NamedTuple):
    """Directories that were not searched for one reason: their number, and the paths of the first."""

    reason: str
    number: int
    paths: tuple[str, ...]


class Roots(NamedTuple):
    """The result of searching a root.

    `sessions` are in natural order, the root itself first. `twice` are the first few pairs of paths that lead to
    one directory: the first path of each pair is in `sessions`, or a parent of one that is.
    """

    sessions: list[FoundSession]
    skipped: list[Skipped]
    twice: tuple[tuple[str, str], ...] = ()


def find_sessions(
    root: str, pattern: str | None = None, tick: Callable[[], None] | None = None
) -> Roots:
    """Return the session directories beneath a root, and the skipped directories.

    `pattern` matches the path beneath the root (see `globs`); the root itself is matched by its own name. `tick` is
    called for each directory and may raise to end the search. Raises VolumeProblem when the root cannot be read.
    """
    search = _Search(Glob(pattern) if pattern is not None else None, tick)
    try:
        directory = os.open(root, DIRECTORY)
        try:
            search.look_at_root(directory, os.path.basename(os.path.abspath(root)))
        finally:
            os.close(directory)
    except OSError as error:
        raise problem_of(error) from error
    return search.result()


def natural(path: str) -> list[list[tuple[int, str]]]:
    """Return a sort key that puts `company_9` before `company_10`, directory by directory."""
    return [
        [(len(part), part) if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
        for name in path.split("/")
    ]


def looks_like_a_backup(name: str) -> bool:
    """Return whether a directory is named like a copy: `backups`, `old-2026`, `auth.bak`, `company_1_old`."""
    if name.startswith(COMPANY_PREFIX):
        name = name[len(COMPANY_PREFIX) :]
    elif _BACKUP.fullmatch(name):
        return True
    return _BACKUP_OF.fullmatch(name) is not None


class _Names:
    """The findings from the names in one directory; no more names are read than needed."""

    __slots__ = ("directories", "library", "links", "own", "read", "rotated", "too_many")

    def __init__(self) -> None:
        self.library = 0
        self.own = False
        self.rotated = False
        self.directories: list[str] = []
        self.links: list[str] = []
        self.read = 0
        self.too_many = False


class _Search:
    """One search. Paths are relative to the root; levels count from it."""

    def __init__(self, glob: Glob | None, tick: Callable[[], None] | None) -> None:
        self._glob = glob
        self._tick = tick
        self._found: list[FoundSession] = []
        self._seen: dict[tuple[int, int], str] = {}
        self._skipped: dict[str, list[str]] = {}
        self._numbers: dict[str, int] = {}
        self._twice: list[tuple[str, str]] = []
        self._names_read = 0

    def result(self) -> Roots:
        skipped = [
            Skipped(reason, self._numbers[reason], tuple(paths))
            for reason, paths in self._skipped.items()
        ]
        found = sorted(self._found, key=lambda each: (each.path != ".", natural(each.path)))
        twice = [pair for pair in self._twice if any(_is_at(each.path, pair[0]) for each in found)]
        return Roots(found, skipped, tuple(twice))

    def look_at_root(self, directory: int, name: str) -> None:
        """Search an open root. Here one file of the library is enough, if no session directory lies beneath."""
        self._look_into(directory, ".", name, 0)

    def _look_into(self, directory: int, path: str, name: str, level: int) -> int:
        """Search an open directory; return the number of session directories, itself and those beneath it."""
        if self._tick is not None:
            self._tick()
        status = os.fstat(directory)
        before = self._seen.setdefault((status.st_dev, status.st_ino), path)
        if before != path:
            self._skip(TWICE, path)
            if len(self._twice) < _EXAMPLES:
                self._twice.append((before, path))
            return 1  # its sessions have been found under the other name
        has_creds = _has_creds(directory)
        # Most file systems count a directory's subdirectories in its links. 1 means unknown.
        childless = status.st_nlink == 2 and level > 0
        if has_creds and childless:
            return self._add(path, name, SESSION)
        names = self._read_names(directory, path, known=has_creds, childless=childless)
        beneath = self._look_beneath(directory, path, names, level)
        looks = SESSION if has_creds else _looks(names, name, level, beneath)
        return beneath if looks is None else beneath + self._add(path, name, looks)

    def _look_beneath(self, directory: int, path: str, names: _Names, level: int) -> int:
        for link in sorted(names.links):
            self._take_link(_join(path, link), link)
        found = 0
        for name in sorted(names.directories):
            if self._is_left_out(_join(path, name), name, level + 1):
                continue
            found += self._enter(directory, _join(path, name), name, level + 1)
        return found

    def _enter(self, above: int, path: str, name: str, level: int) -> int:
        try:
            directory = os.open(name, BENEATH, dir_fd=above)
        except (FileNotFoundError, NotADirectoryError):  # removed or replaced just now
            return 0
        except OSError:
            return self._refused(path, name)
        try:
            return self._look_into(directory, path, name, level)
        except OSError:
            return self._refused(path, name)
        finally:
            os.close(directory)

    def _refused(self, path: str, name: str) -> int:
        if name.startswith(COMPANY_PREFIX):  # a tenant: reported by name when it is opened
            return self._add(path, name, AWAITS_PAIRING)
        self._skip(UNREADABLE, path)
        return 0

    def _is_left_out(self, path: str, name: str, level: int) -> bool:
        """Return whether a directory is not searched; count it unless the pattern excludes it anyway."""
        if self._glob is not None and not self._glob.may_lead(path):
            return True
        reason = None
        if name in _PROGRAMS or name.startswith((PREFIX, ".Trash-")):
            reason = OF_A_PROGRAM
        elif looks_like_a_backup(name):
            reason = BACKUP
        elif level > DEPTH:
            reason = TOO_DEEP
        elif self._is_full():
            reason = TOO_MANY
        if reason is not None:
            self._skip(reason, path)
        return reason is not None

    def _is_full(self) -> bool:
        return (
            len(self._seen) >= MAX_DIRECTORIES
            or len(self._found) >= MAX_FOUND
            or self._names_read >= MAX_NAMES
        )

    def _take_link(self, path: str, name: str) -> None:
        if self._glob is not None and not self._glob.may_lead(path):
            return
        if name.startswith(COMPANY_PREFIX) and not self._is_full():
            self._add(path, name, LINK)
        else:
            self._skip(SYMBOLIC_LINK, path)

    def _add(self, path: str, name: str, looks: str) -> int:
        if self._glob is None or self._glob.matches(name if path == "." else path):
            self._found.append(FoundSession(path, looks))
        return 1

    def _skip(self, reason: str, path: str) -> None:
        self._numbers[reason] = self._numbers.get(reason, 0) + 1
        examples = self._skipped.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(path)

    def _read_names(self, directory: int, path: str, *, known: bool, childless: bool) -> _Names:
        """Read a directory's names; of a known session, read on only to find its directories."""
        names = _Names()
        with os.scandir(directory) as entries:
            for entry in self._bounded(entries, names):
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    names.directories.append(name)
                elif name[0] == "." and name.startswith(PREFIX):
                    names.own = True
                    names.rotated = names.rotated or run_of_rotation(name) is not None
                elif entry.is_symlink():
                    if not name.endswith(".json"):
                        names.links.append(name)
                elif not known and names.library < HANDFUL and classify(name)[0] != OTHER:
                    names.library += 1
                    if childless and names.library == HANDFUL:
                        break
        if names.too_many:
            self._skip(TOO_MANY, path)
        return names

    def _bounded(
        self, entries: Iterator[os.DirEntry[str]], names: _Names
    ) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            names.read += 1
            self._names_read += 1
            if names.read > MAX_NAMES_IN_ONE or self._names_read > MAX_NAMES:
                names.too_many = True
                return
            yield entry


def _looks(names: _Names, name: str, level: int, beneath: int) -> str | None:
    """Return the appearance of a directory without creds.json, None when it is no session directory."""
    if names.rotated:
        return ROTATED_OUT
    meant = (level == 0 and not beneath) or name.startswith(COMPANY_PREFIX)
    if names.library >= (1 if meant else HANDFUL):
        return KEYS_WITHOUT_CREDENTIALS
    waits = names.own or name.startswith(COMPANY_PREFIX)
    return AWAITS_PAIRING if waits and not beneath else None


def _has_creds(directory: int) -> bool:
    """Return whether creds.json exists and is no directory: a link of that name counts, and is not followed."""
    try:
        return not stat.S_ISDIR(os.lstat(CREDS_NAME, dir_fd=directory).st_mode)
    except FileNotFoundError:
        return False


def _is_at(path: str, place: str) -> bool:
    return path == place or place == "." or path.startswith(place + "/")


def _join(path: str, name: str) -> str:
    return name if path == "." else f"{path}/{name}"
