"""The runs of a session directory that can still be undone: their files are in the trash, or a restore wrote them.

Reads only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.files.state_files import lookup, owners_of
from baileys_janitor.volume.files.state_names import plan_name, record_name, trash_name
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.runs.restored_files import in_place, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.terminal.json_output import RunDocument
    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.files.state_files import Owners


class KnownRuns(NamedTuple):
    """Runs that can be undone, newest first, and every run id in the journal.

    `since` is the time at which each run's files were moved to the trash: Unix seconds, finer than the journal's.
    `put_here` is the number of files that each restore from an archive created in the directory. `orphans` are files in
    the trash of runs that are not in the journal: their owner is unknown.
    """

    in_trash: list[RunDocument]
    in_journal: frozenset[str]
    since: dict[str, float]
    put_here: dict[str, int]
    orphans: int = 0


def runs_of(target: Target) -> KnownRuns:
    """Return the runs of a directory; raise a Problem when they cannot be read."""
    with opened(target) as directory:
        return _runs(directory)


def latest(known: Iterable[KnownRuns]) -> str | None:
    """Return the newest run of several directories: one invocation of `clean` has one id in all of them."""
    since = [(moment, run) for runs in known for run, moment in runs.since.items()]
    return max(since)[1] if since else None


def _runs(directory: int) -> KnownRuns:
    own = read_listing(directory).own
    if not own.any:
        return KnownRuns([], frozenset(), {}, {})
    owners = owners_of(directory)
    journal = Journal(directory, owners).runs
    documents: list[RunDocument] = []
    since: dict[str, float] = {}
    put_here: dict[str, int] = {}
    for run, known in reversed(journal.items()):
        names = own.trash.get(run, [])
        if own.has(run):
            plan = lookup(directory, plan_name(run)) or lookup(directory, record_name(run))
            since[run] = float(known.time) if plan is None else plan.st_mtime
            size = sum(_size(directory, trash_name(run, name)) for name in names)
            files = len(names)
            if run in own.restored:
                there = _put_here(directory, run, owners)
                files, size = len(there), sum(each.size for each in there)
                put_here[run] = max(0, files - len(names))
            documents.append(_document(run, known.time, known.reason, files, size))
    orphans = sum(len(names) for run, names in own.trash.items() if run not in journal)
    return KnownRuns(documents, frozenset(journal), since, put_here, orphans)


def _put_here(directory: int, run: str, owners: Owners) -> list[Planned]:
    """Return the files that a restore wrote into the directory and that are unchanged since."""
    try:
        record = read_record(directory, run, owners)
    except VolumeProblem:  # another user's
        return []
    return [] if record is None else in_place(directory, record)


def _document(run: str, time: int, reason: str, files: int, size: int) -> RunDocument:
    return {"run": run, "time": rfc3339(time), "reason": reason, "files": files, "bytes": size}


def _size(directory: int, name: str) -> int:
    found = lookup(directory, name)
    return 0 if found is None else found.st_size
