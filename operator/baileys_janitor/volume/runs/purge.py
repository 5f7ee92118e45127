"""Emptying the trash: runs older than the undo window, or more of them when the disk is full.

A file that was written to after its removal is not lost: its unit goes back, if the names are
free and the run's identity is the tenant's. If that cannot be decided or done at the moment, the unit
and its plan stay for the next purge. Files of a rotation are kept until the time in its record, whatever the
undo window is and however full the disk. Foreign names under the prefix are never touched.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.files.identity import CORRUPT, PAIRED, TOO_LARGE, read_identity
from baileys_janitor.policy.rotation import is_kept
from baileys_janitor.volume.errors import (
    BUSY,
    PERMISSION_DENIED,
    PUT_BACK_UNSUPPORTED,
    VolumeProblem,
    code_of,
)
from baileys_janitor.volume.files.read import read_creds, read_listing
from baileys_janitor.volume.files.rotation_record import RotationHead, read_rotation_head
from baileys_janitor.volume.files.run_plan import is_expired, read_head, read_head_of, read_plan
from baileys_janitor.volume.files.safe_open import ScanNames
from baileys_janitor.volume.files.state_files import lookup, remove
from baileys_janitor.volume.files.state_names import (
    PREFIX,
    is_temporary,
    plan_name,
    record_name,
    rotation_name,
    run_of_plan,
    run_of_record,
    run_of_rotation,
    split_trash_name,
    trash_name,
)
from baileys_janitor.volume.report.run_results import Purged
from baileys_janitor.volume.runs.journal import PURGED, Journal
from baileys_janitor.volume.runs.lock import is_held
from baileys_janitor.volume.runs.put_back import RESTORED, Trash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from baileys_janitor.volume.files.file_system import FileSystem
    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.files.state_files import Owners
    from baileys_janitor.volume.files.state_names import OwnNames

    Units = dict[str, list[Planned]]

_PLANS_REMEMBERED = 4  # in a purge that works as a stream
_FIRST_FILES = 8  # their times date a run without a plan
_UNREADABLE = "?"  # never a fingerprint
_WAITS = "Waits"
_RECORDS = (plan_name, record_name, rotation_name)


class Purging:
    """Purges in one open session directory. The lock is held, and earlier runs are settled.

    `now` is Unix seconds, `undo_window` seconds. `prove` returns the file system's abilities. `tick` is
    called for each name and may raise. Methods raise OSError and VolumeProblem.
    """

    def __init__(
        self,
        session: int,
        owners: Owners,
        journal: Journal,
        now: float,
        undo_window: float,
        prove: Callable[[], FileSystem],
        tick: Callable[[], None],
    ) -> None:
        self.session = session
        self.owners = owners
        self.journal = journal
        self.now = now
        self.undo_window = undo_window
        self.prove = prove
        self.tick = tick
        self._who: str | None = None

    def purge(self, own: OwnNames, *, everything: bool = False) -> Purged:
        """Purge the runs that are past their undo window, oldest first, or all of them."""
        purged = Purged()
        gone = []
        for time, run in self._runs(own):
            rotation = self._rotation(run) if run in own.rotated else None
            if rotation is not None:
                over = not is_kept(rotation.time, rotation.until, self.now)
                if over and self._purge_run(run, own, purged, True, True):
                    gone.append(run)
                continue
            over = self.is_over(time)
            if (everything or over) and self._purge_run(run, own, purged, everything, over):
                gone.append(run)
        self._forget(own, gone)
        return purged

    def keep_at_most(self, own: OwnNames, files: int) -> Purged:
        """Purge the oldest runs until at most `files` files are in the trash, besides those of rotations."""
        purged = Purged()
        kept = {run for run in own.rotated if self.keeps(run)}
        left = own.trashed - sum(len(own.trash.get(run, ())) for run in kept)
        if left <= files:
            return purged
        gone: list[str] = []
        for time, run in self._runs(own):
            if left <= files:
                break
            if run in kept:
                continue
            left -= len(own.trash.get(run, ()))
            if self._purge_run(run, own, purged, True, self.is_over(time)):
                gone.append(run)
        self._forget(own, gone)
        return purged

    def purge_ended(self, own: OwnNames) -> Purged:
        """Purge the runs that have ended according to the journal. Writes nothing."""
        purged = Purged()
        for run in [*own.trash, *(own.restored - own.trash.keys())]:
            known = self.journal.runs.get(run)
            if known is None or known.unfinished or known.undoing or self.keeps(run):
                continue
            readable, time = self.time_of(run)
            if readable and self._purge_run(run, own, purged, True, self.is_over(time or 0.0)):
                own.forget(run)
        return purged

    def is_over(self, time: float) -> bool:
        """Return whether the undo window of a removal at this time is over."""
        return is_expired(time, self.now, self.undo_window)

    def keeps(self, run: str) -> bool:
        """Return whether a run is a rotation that is kept for a rollback."""
        head = self._rotation(run)
        return head is not None and is_kept(head.time, head.until, self.now)

    def time_of(self, run: str) -> tuple[bool, float | None]:
        """Return whether a run can be judged, and when its plan was written (Unix seconds).

        The time is None when it has no plan of ours. A run cannot be judged if this process may not read its plan;
        it is left for a process that may.
        """
        try:
            head = read_head(self.session, run, self.owners) or read_head_of(
                self.session, record_name(run), self.owners
            )
        except VolumeProblem as problem:
            if problem.code == PERMISSION_DENIED:
                return False, None
            raise
        return True, None if head is None else float(head[0])

    def units(self, run: str) -> Units | None:
        """Return the unit of each name in a run's plan, None when there is no plan of ours."""
        plan = read_plan(self.session, run, self.owners)
        if plan is None:
            return None
        return {each.name: unit for unit in plan.by_unit() for each in unit}

    def drop(
        self, run: str, name: str, units: Units | None, purged: Purged, everything: bool
    ) -> bool:
        """Purge one file of a run, or put its unit back when that was written to after its removal.

        Return whether the name is done. A file of a run without a plan is purged
        by its own change time, unless `everything` is purged.
        """
        removed = trash_name(run, name)
        found = lookup(self.session, removed)
        if found is None:
            return True
        unit = units.get(name) if units is not None else None
        if unit is not None and self._was_written(run, unit, name, found):
            outcomes = self._return(run, unit)
            purged.returned += sum(each == RESTORED for each in outcomes.values())
            if outcomes.get(name) in (RESTORED, _WAITS):
                return outcomes[name] == RESTORED
        if units is None and not everything and not self.is_over(found.st_ctime):
            return False
        try:
            gone = remove(self.session, removed)
        except OSError as error:
            if code_of(error) != PERMISSION_DENIED:
                raise
            return False
        if gone:
            purged.files += 1
            purged.bytes += found.st_size if found.st_nlink == 1 else 0
        return True

    def _purge_run(
        self, run: str, own: OwnNames, purged: Purged, everything: bool, over: bool
    ) -> bool:
        """Purge one run; return whether none of its files waits for the next purge."""
        before = purged.files
        units = self.units(run)
        waiting = 0
        for name in own.trash.get(run, ()):
            self.tick()
            waiting += not self.drop(run, name, units, purged, everything)
        if not over:
            purged.early += purged.files - before
        if waiting:
            return False
        removed = [remove(self.session, name(run)) for name in _RECORDS]
        if any(removed) or purged.files > before:
            purged.runs += 1
        return True

    def _was_written(self, run: str, unit: list[Planned], name: str, found: os.stat_result) -> bool:
        """Return whether a file of a unit was written to after its removal; `found` is the status of `name`."""
        for each in unit:
            if each.name != name:
                if self._trash(run).was_written(each):
                    return True
            elif each.same_inode(found) and not each.same_writing(found):
                return True
        return False

    def _return(self, run: str, unit: list[Planned]) -> dict[str, str]:
        """Put back a unit that was written to after its removal; return the outcome for each file."""
        known = self.journal.runs.get(run)
        if known is None or not known.fingerprint:
            return {}
        if self._who is None:
            self._who = _fingerprint(self.session)
        if self._who == _UNREADABLE:  # creds.json may be in the middle of a write
            return dict.fromkeys((each.name for each in unit), _WAITS)
        if known.fingerprint != self._who:
            return {}
        try:
            return self._trash(run).return_unit(unit)
        except (OSError, VolumeProblem):
            return dict.fromkeys((each.name for each in unit), _WAITS)

    def _rotation(self, run: str) -> RotationHead | None:
        """Return the head of a rotation's record. A run with an unreadable record waits."""
        try:
            return read_rotation_head(self.session, run, self.owners)
        except VolumeProblem as problem:
            if problem.code == PERMISSION_DENIED:
                return RotationHead(int(self.now), int(self.now) + 1, 0, 0)
            raise

    def _trash(self, run: str) -> Trash:
        return Trash(self.session, run, self.owners, self.prove)

    def _runs(self, own: OwnNames) -> list[tuple[float, str]]:
        """Return the runs in the trash with the times that their age is counted from, oldest first."""
        found = []
        for run in own.runs():
            self.tick()
            known, time = self.time_of(run)
            if known:
                found.append((self._changed(run, own) if time is None else time, run))
        found.sort()
        return found

    def _changed(self, run: str, own: OwnNames) -> float:
        """Return when a run without a plan moved into the trash, from the change times of its first files."""
        names = [trash_name(run, name) for name in own.trash.get(run, [])[:_FIRST_FILES]]
        names = names or [name(run) for name in _RECORDS]
        statuses = [lookup(self.session, name) for name in names]
        return max((found.st_ctime for found in statuses if found is not None), default=0.0)

    def _forget(self, own: OwnNames, runs: list[str]) -> None:
        """Note purged runs in the journal and the listing."""
        for run in runs:
            own.forget(run)
        known = [run for run in runs if run in self.journal.runs]
        if known and self.journal.still_there():
            self.journal.mark_all(PURGED, known, int(self.now))


def purge_stream(purging: Purging, purged: Purged, *, everything: bool = False) -> None:
    """Purge a directory with too many own names, one name after another, in bounded memory.

    Counts in `purged` as it goes. A plan is removed once none of its files is in the trash.
    """
    runs: dict[str, tuple[bool, float | None, Units | None]] = {}
    for name in _names(purging):
        removed = split_trash_name(name)
        if removed is not None:
            _purge_name(purging, removed, runs, everything, purged)
        elif is_temporary(name):
            remove(purging.session, name)
    for name in _names(purging):
        run = run_of_plan(name) or run_of_record(name) or run_of_rotation(name)
        if run is not None and _plan_is_over(purging, run, name, everything):
            purged.runs += remove(purging.session, name)


def _names(purging: Purging) -> Iterator[str]:
    with ScanNames(purging.session) as found:
        for item in found:
            purging.tick()
            if item.name.startswith(PREFIX):
                yield item.name


def _purge_name(
    purging: Purging,
    removed: tuple[str, str],
    runs: dict[str, tuple[bool, float | None, Units | None]],
    everything: bool,
    purged: Purged,
) -> None:
    run, name = removed
    if run not in runs:
        if len(runs) >= _PLANS_REMEMBERED:
            runs.pop(next(iter(runs)))
        known, time = purging.time_of(run)
        known = known and not purging.keeps(run)
        due = known and (everything or time is None or purging.is_over(time))
        runs[run] = due, time, purging.units(run) if due and time is not None else None
    due, time, units = runs[run]
    if not due:
        return
    before = purged.files
    purging.drop(run, name, units, purged, everything)
    if time is not None and not purging.is_over(time):
        purged.early += purged.files - before


def _plan_is_over(purging: Purging, run: str, plan: str, everything: bool) -> bool:
    known, time = purging.time_of(run)
    if not known or purging.keeps(run):
        return False
    if time is None:
        found = lookup(purging.session, plan)
        time = 0.0 if found is None else found.st_ctime
    if not everything and not purging.is_over(time):
        return False
    names: Iterable[str] = purging.units(run) or ()
    return all(lookup(purging.session, trash_name(run, name)) is None for name in names)


def make_room(
    session: int, owners: Owners, now: float, undo_window: float, stop: Callable[[], str | None]
) -> Purged:
    """Purge ended runs from the trash, because the disk is too full even for the lock.

    Raises OSError and VolumeProblem: Busy when another process holds the lock.
    """

    def tick() -> None:
        code = stop()
        if code is not None:
            raise VolumeProblem(code)

    if is_held(session):
        raise VolumeProblem(BUSY)
    own = read_listing(session, tick).own
    journal = Journal(session, owners)
    return Purging(session, owners, journal, now, undo_window, _unproved, tick).purge_ended(own)


def _unproved() -> FileSystem:
    """Refuse to try the file system, since the disk is full: files that were written to wait."""
    raise VolumeProblem(PUT_BACK_UNSUPPORTED)


def _fingerprint(session: int) -> str:
    identity = read_identity(read_creds(session)[0])
    if identity.state in {CORRUPT, TOO_LARGE}:
        return _UNREADABLE
    return identity.fingerprint if identity.state == PAIRED else ""
