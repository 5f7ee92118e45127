"""Resolves the paths on the command line to session directories.

A PATH is one session directory, or a root with session directories beneath it, of any layout (`volume.roots`).
Symbolic links are never followed below the path, and the path itself must not be one.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from baileys_janitor.cli.terminal.formatting import counted
from baileys_janitor.cli.terminal.masking import printable, shown_path
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.volume.errors import PERMISSION_DENIED, VolumeProblem
from baileys_janitor.volume.files import roots
from baileys_janitor.volume.files.globs import Glob
from baileys_janitor.volume.files.roots import COMPANY_PREFIX, DEPTH, HANDFUL, Roots

_NAMED_AT_MOST: Final = 10
_WHY_SKIPPED: Final = {
    roots.SYMBOLIC_LINK: ("symbolic link", "never followed"),
    roots.TOO_DEEP: ("directory", f"more than {DEPTH} levels down"),
    roots.OF_A_PROGRAM: ("directory", "of programs or file servers"),
    roots.BACKUP: ("directory", "named as backups"),
    roots.TWICE: ("directory", "reached before under another name"),
    roots.UNREADABLE: ("directory", "not readable"),
    roots.TOO_MANY: ("directory", "beyond the limits of a search"),
}


class Target(NamedTuple):
    """One session directory: opened as `path` beneath `root`, shown to people as `shown`.

    `company` is the tenant's name: the path beneath the root without a leading `company_` in each part; None for a
    directory that was given itself and is not called company_*. `looks` comes from `volume.roots`.
    """

    root: str
    path: str
    shown: str
    company: str | None
    looks: str = roots.SESSION

    @property
    def full_path(self) -> str:
        return self.root if self.path == "." else os.path.join(self.root, self.path)  # noqa: PTH118


class Found(NamedTuple):
    """The result of a search: directories to work on, problems with paths, and skipped directories.

    `twice` names directories that were found under two names; the first is among the targets.
    """

    targets: list[Target]
    problems: list[tuple[str, Problem]]
    skipped: list[roots.Skipped] = []  # noqa: RUF012 - never changed
    twice: list[tuple[str, str]] = []  # noqa: RUF012


def find_targets(
    paths: Sequence[str], companies: Sequence[str] = (), pattern: str | None = None
) -> Found:
    """Return every session directory in `paths`, each once, in the order given and then by name.

    `pattern` keeps only the directories whose path beneath the root it matches, `companies` only the tenants named.
    A path that cannot be used becomes a problem and the search continues; an unknown company is bad usage.
    """
    _check(pattern)
    targets: list[Target] = []
    problems: list[tuple[str, Problem]] = []
    searches: list[tuple[str, Roots]] = []
    for path in paths:
        try:
            search = _search(path, pattern)
        except Problem as problem:
            problems.append((shown_path(path), problem))
            continue
        searches.append((path, search))
        targets.extend(_targets(path, search))
        problems.extend((shown_path(path), problem) for problem in _not_searched(path, search))
    targets, twice = _each_once(targets)
    twice += [
        (_shown(path, first), _shown(path, second))
        for path, search in searches
        for first, second in search.twice
    ]
    if companies:
        targets = _selected(targets, companies)
    return Found(targets, problems, _together(searches), twice)


def skipped_line(skipped: Iterable[roots.Skipped]) -> str | None:
    """Return one line on the directories that were not searched and why; None if there are none."""
    parts = []
    for each in skipped:
        noun, why = _WHY_SKIPPED[each.reason]
        names = ", ".join(printable(path) for path in each.paths)
        more = ", ..." if each.number > len(each.paths) else ""
        parts.append(f"{counted(each.number, noun)} {why} ({names}{more})")
    return f"Not searched: {'; '.join(parts)}." if parts else None


def _check(pattern: str | None) -> None:
    if pattern is None:
        return
    try:
        Glob(pattern)
    except ValueError:
        raise usage(
            f"--pattern {printable(pattern[:50])}: not a pattern for a path beneath PATH; write one such as "
            "'md_*' or 'instances/*'."
        ) from None


def _search(path: str, pattern: str | None) -> Roots:
    shown = shown_path(path)
    _require_directory(path, shown)
    try:
        found = roots.find_sessions(path, pattern)
    except VolumeProblem as problem:
        if problem.code == PERMISSION_DENIED:
            raise _not_readable(shown) from problem
        raise Problem(f"{shown}: {problem}", code=problem.code) from problem
    if not found.sessions and not _not_searched(path, found):
        raise _nothing(shown, pattern, found)
    return found


def _nothing(shown: str, pattern: str | None, found: Roots) -> Problem:
    skipped = skipped_line(found.skipped)
    more = f" {skipped}" if skipped else ""
    if pattern is not None:
        return Problem(
            f"{shown} holds no session directory that --pattern {printable(pattern)} matches. It is compared with the "
            "path beneath PATH, where * stands for anything but a slash and ** for any directories. "
            f"To see what is there, leave it out.{more}",
            code="NoSession",
        )
    return Problem(
        f"{shown} holds no session directory down to {DEPTH} levels: no creds.json, and nowhere {HANDFUL} files with "
        "names that Baileys writes (session-*.json, pre-key-*.json, ...). Give the directory that "
        f"useMultiFileAuthState writes to, or one above it.{more}",
        code="NoSession",
    )


def _not_searched(path: str, found: Roots) -> list[Problem]:
    """Return a problem for each kind of directory that should have been searched and could not be."""
    problems = []
    for each in found.skipped:
        names = ", ".join(_shown(path, name) for name in each.paths)
        more = ", ..." if each.number > len(each.paths) else ""
        if each.reason == roots.UNREADABLE:
            problems.append(
                Problem(
                    f"{counted(each.number, 'directory')} beneath {shown_path(path)} may not be read by this user "
                    f"({names}{more}): run as the user that owns the session files, or leave them out with --pattern.",
                    code="PermissionDenied",
                )
            )
        elif each.reason == roots.TOO_MANY:
            problems.append(
                Problem(
                    f"{shown_path(path)} holds more directories or files than one search takes, so not all was "
                    f"searched ({names}{more}): give roots nearer to the sessions, or --pattern.",
                    code="TooManyDirectories",
                )
            )
    return problems


def _targets(path: str, search: Roots) -> list[Target]:
    names = Counter(_company_of(each.path) for each in search.sessions)
    found = []
    for each in search.sessions:
        if each.path == ".":
            found.append(Target(path, ".", shown_path(path), _own_company(path), each.looks))
            continue
        company = _company_of(each.path)
        # `7` and `company_7` share a tenant name: show each by its whole name.
        name = printable(each.path) if names[company] > 1 else company
        found.append(Target(path, each.path, _shown(path, each.path), name, each.looks))
    return found


def _company_of(path: str) -> str:
    """Return a tenant's name: `tenants/company_7` is `tenants/7`."""
    return printable(
        "/".join(part.removeprefix(COMPANY_PREFIX) or part for part in path.split("/"))
    )


def _own_company(path: str) -> str | None:
    name = _last_part(path)
    if name.startswith(COMPANY_PREFIX) and len(name) > len(COMPANY_PREFIX):
        return printable(name.removeprefix(COMPANY_PREFIX))
    return None


def _shown(path: str, beneath: str) -> str:
    return printable(path if beneath == "." else os.path.join(path, beneath))  # noqa: PTH118


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


def _last_part(path: str) -> str:
    return os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119 - links stay unresolved


def _together(searches: Sequence[tuple[str, Roots]]) -> list[roots.Skipped]:
    """Return the directories that all searches skipped, one entry for each reason, with paths as displayed."""
    numbers: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for path, search in searches:
        for each in search.skipped:
            numbers[each.reason] += each.number
            examples.setdefault(each.reason, []).extend(_shown(path, name) for name in each.paths)
    return [
        roots.Skipped(reason, number, tuple(examples[reason][:3]))
        for reason, number in numbers.items()
    ]


def _each_once(targets: Iterable[Target]) -> tuple[list[Target], list[tuple[str, str]]]:
    """Return the targets without duplicates, and the pairs of paths that are one directory."""
    seen: dict[tuple[int, int], Target] = {}
    once: list[Target] = []
    twice: list[tuple[str, str]] = []
    for target in targets:
        try:
            status = os.lstat(target.full_path)
        except OSError:
            once.append(target)  # opening it will report the fault
            continue
        first = seen.setdefault((status.st_dev, status.st_ino), target)
        if first is target:
            once.append(target)
        elif os.path.realpath(first.full_path) != os.path.realpath(target.full_path):
            twice.append((first.shown, target.shown))
    return once, twice


def _selected(targets: list[Target], companies: Sequence[str]) -> list[Target]:
    present = {name for target in targets for name in _names_of(target)}
    chosen: set[str] = set()
    for company in companies:
        name = printable(company)
        if name not in present:
            name = _company_of(company.rstrip("/"))
        if name not in present:
            raise usage(
                f"--company {printable(company)}: no such company here; present: {_listed(targets)}."
            )
        chosen.add(name)
    return [target for target in targets if chosen.intersection(_names_of(target))]


def _names_of(target: Target) -> tuple[str, ...]:
    """Return the accepted names of a tenant: its name, and its path beneath the root or its directory's own name."""
    own = _last_part(target.root) if target.path == "." else target.path
    return (printable(own),) if target.company is None else (target.company, printable(own))


def _listed(targets: Sequence[Target]) -> str:
    names = [target.company or _names_of(target)[0] for target in targets]
    more = ", ..." if len(names) > _NAMED_AT_MOST else ""
    return (", ".join(names[:_NAMED_AT_MOST]) or "none") + more
