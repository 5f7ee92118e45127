"""From the paths a person types to the session directories they mean.

A PATH is one session directory, or a root that holds `company_*` directories, each a session
directory of its own. Nothing is opened here beyond listing names; symbolic links are never followed
below the path, and the path itself must not be one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from baileys_janitor.cli.masking import printable, shown_path
from baileys_janitor.cli.problems import Problem, usage
from baileys_janitor.policy.file_kinds import classify

COMPANY_PREFIX: Final = "company_"
_COMPANIES_NAMED_AT_MOST: Final = 10


class Target(NamedTuple):
    """One session directory: opened as `path` beneath `root`, shown to people as `shown`."""

    root: str
    path: str
    shown: str
    company: str | None

    @property
    def full_path(self) -> str:
        return self.root if self.path == "." else os.path.join(self.root, self.path)  # noqa: PTH118


class Found(NamedTuple):
    """What the paths led to: directories to look at, and the paths that led nowhere."""

    targets: list[Target]
    problems: list[tuple[str, Problem]]


def find_targets(paths: Sequence[str], companies: Sequence[str] = ()) -> Found:
    """Return every session directory behind `paths`, each once, in the order given and then by company.

    `companies` keeps only the companies named. A path that cannot be used becomes a problem and
    the others go on; a company that is nowhere is a problem too.
    """
    targets: list[Target] = []
    problems: list[tuple[str, Problem]] = []
    for path in paths:
        try:
            targets.extend(_behind(path))
        except Problem as problem:
            problems.append((shown_path(path), problem))
    targets = _each_once(targets)
    if companies:
        targets = _selected(targets, companies)
    return Found(targets, problems)


def _behind(path: str) -> list[Target]:
    shown = shown_path(path)
    _require_directory(path, shown)
    try:
        names = _Names.read(path)
    except PermissionError as error:
        raise _not_readable(shown) from error
    except OSError as error:
        raise Problem(f"{shown} cannot be listed: {error.strerror}.", code="Unreadable") from error
    found = [
        Target(path, name, printable(os.path.join(path, name)), _company_of(name))  # noqa: PTH118
        for name in sorted(names.companies, key=_natural)
    ]
    if names.has_session_files or (not found and _company_of(_last_part(path)) is not None):
        found.insert(0, Target(path, ".", shown, _company_of(_last_part(path))))
    if not found:
        raise Problem(
            f"{shown} holds neither session files (creds.json, session-*.json, ...) nor company_* "
            "directories; give the directory that useMultiFileAuthState writes to, or the one above.",
            code="NoSession",
        )
    return found


def _require_directory(path: str, shown: str) -> None:
    bare = path.rstrip("/") or "/"
    try:
        mode = os.lstat(bare).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Problem(
            f"{shown} does not exist; check the path.", code="DirectoryMissing"
        ) from error
    except PermissionError as error:
        raise _not_readable(shown) from error
    except (OSError, ValueError) as error:
        raise Problem(f"{shown} is not a usable path.", code="DirectoryMissing") from error
    if stat.S_ISLNK(mode):
        raise Problem(
            f"{shown} is a symbolic link, which is never followed; "
            "give the directory it leads to (realpath prints it).",
            code="SymlinkRefused",
        )
    if not stat.S_ISDIR(mode):
        raise Problem(
            f"{shown} is a file, not a directory; give the session directory that holds it.",
            code="NotADirectory",
        )


def _not_readable(shown: str) -> Problem:
    return Problem(
        f"{shown} may not be read by this user; run as the user that owns the session files.",
        code="PermissionDenied",
    )


class _Names(NamedTuple):
    has_session_files: bool
    companies: list[str]

    @classmethod
    def read(cls, path: str) -> _Names:
        session_files = False
        companies: list[str] = []
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(COMPANY_PREFIX):
                    # A link or a file of that name is kept here and refused, by name, when opened.
                    if entry.is_symlink() or entry.is_dir(follow_symlinks=False):
                        companies.append(entry.name)
                elif not session_files:
                    session_files = classify(entry.name)[0] != "other"
        return cls(session_files, companies)


def _last_part(path: str) -> str:
    return os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119 - links stay unresolved


def _company_of(name: str) -> str | None:
    if name.startswith(COMPANY_PREFIX) and len(name) > len(COMPANY_PREFIX):
        return printable(name.removeprefix(COMPANY_PREFIX))
    return None


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts company_9 before company_10."""
    return [(len(part), part) if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _each_once(targets: Iterable[Target]) -> list[Target]:
    seen: set[tuple[int, int]] = set()

    def unseen() -> Iterator[Target]:
        for target in targets:
            try:
                status = os.lstat(target.full_path)
            except OSError:
                yield target  # opening it will show what is wrong
                continue
            identity = (status.st_dev, status.st_ino)
            if identity not in seen:
                seen.add(identity)
                yield target

    return list(unseen())


def _selected(targets: list[Target], companies: Sequence[str]) -> list[Target]:
    wanted = {company.removeprefix(COMPANY_PREFIX) for company in companies}
    present = [target.company for target in targets if target.company is not None]
    missing = sorted(wanted.difference(present))
    if missing:
        named = ", ".join(present[:_COMPANIES_NAMED_AT_MOST]) or "none"
        more = ", ..." if len(present) > _COMPANIES_NAMED_AT_MOST else ""
        raise usage(
            f"--company {printable(missing[0])}: no such company here; present: {named}{more}."
        )
    return [target for target in targets if target.company in wanted]
