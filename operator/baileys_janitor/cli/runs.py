"""The runs of a session directory that can still be put back: what lies in its trash. Reads only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from baileys_janitor.cli.figures import rfc3339
from baileys_janitor.cli.look import problem_of
from baileys_janitor.volume.household import open_janitor
from baileys_janitor.volume.journal import Journal
from baileys_janitor.volume.opening import open_beneath, open_session
from baileys_janitor.volume.problems import VolumeProblem
from baileys_janitor.volume.problems import problem_of as problem_of_error
from baileys_janitor.volume.trash import age_mark, look, names_in, open_trash, runs_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.cli.documents import RunDocument
    from baileys_janitor.cli.targets import Target


class KnownRuns(NamedTuple):
    """Runs with files in the trash, newest first, and every run id that the journal knows.

    `since` is when each run's files went into the trash: Unix seconds, finer than the journal's.
    """

    in_trash: list[RunDocument]
    in_journal: frozenset[str]
    since: dict[str, float]


def runs_of(target: Target) -> KnownRuns:
    """The runs of a directory; a Problem when it cannot be read."""
    try:
        directory = open_session(target.root, target.path)
        try:
            janitor = open_janitor(directory)
        finally:
            os.close(directory)
        if janitor is None:
            return KnownRuns([], frozenset(), {})
        try:
            return _runs(janitor)
        except OSError as error:
            raise problem_of_error(error) from error
        finally:
            os.close(janitor)
    except VolumeProblem as problem:
        raise problem_of(target, problem) from problem


def latest(known: Iterable[KnownRuns]) -> str | None:
    """The newest run of several directories: one invocation of `clean` has one id in all of them."""
    since = [(moment, run) for runs in known for run, moment in runs.since.items()]
    return max(since)[1] if since else None


def _runs(janitor: int) -> KnownRuns:
    journal = Journal(janitor).runs
    trash = open_trash(janitor)
    if trash is None:
        return KnownRuns([], frozenset(journal), {})
    try:
        documents, since = [], {}
        for run in reversed(runs_in(trash)):
            files, size = _contents(trash, run)
            known = journal.get(run)
            if files and known is not None:
                documents.append(_document(run, known.time, known.reason, files, size))
                since[run] = age_mark(trash, run)
    finally:
        os.close(trash)
    return KnownRuns(documents, frozenset(journal), since)


def _document(run: str, time: int, reason: str, files: int, size: int) -> RunDocument:
    return {"run": run, "time": rfc3339(time), "reason": reason, "files": files, "bytes": size}


def _contents(trash: int, run: str) -> tuple[int, int]:
    directory = open_beneath(trash, run)
    try:
        found = [look(directory, name) for name in names_in(directory)]
    finally:
        os.close(directory)
    sizes = [each.st_size for each in found if each is not None]
    return len(sizes), sum(sizes)
