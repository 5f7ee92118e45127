"""Emptying the trash: runs older than the undo window, or more of them when there is no room.

A file that was written to after its removal is not lost: it goes back, as long as its name is free and the
run's identity is the tenant's. Names under the prefix that have no form of ours are never touched.
"""

from __future__ import annotations

import os

from ..policy.identity import CORRUPT, PAIRED, TOO_LARGE, read_identity
from .file_system import FileSystem
from .journal import PURGED, Journal
from .lock import is_held
from .problems import BUSY, PERMISSION_DENIED, VolumeProblem, code_of
from .put_back import FOREIGN, IN_TRASH, RESTORED, Trash
from .reading import read_creds, read_listing
from .run_plan import is_expired, read_plan
from .state_files import lookup, remove
from .state_names import PREFIX, OwnNames, plan_name, trash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .run_plan import Planned, RunPlan
    from .state_files import Owners

_PLANS_REMEMBERED = 4  # by a purge that works as a stream
_TICK_EVERY = 256
_UNREADABLE = "?"  # no fingerprint looks so


class Purged:
    """What is gone for good: runs, files, and the bytes that this freed.

    `early` are files whose undo window was not over, `returned` files that went back instead.
    """

    __slots__ = ("bytes", "early", "files", "returned", "runs")

    def __init__(self) -> None:
        self.runs = 0
        self.files = 0
        self.bytes = 0
        self.early = 0
        self.returned = 0

    def add(self, more: Purged) -> None:
        """Count what went besides."""
        self.runs += more.runs
        self.files += more.files
        self.bytes += more.bytes
        self.early += more.early
        self.returned += more.returned


class TrashedRun:
    """A run in the trash with its plan, where there is one, and the time that it counts from."""

    __slots__ = ("files", "plan", "run", "time")

    def __init__(self, run: str, plan: RunPlan | None, time: float) -> None:
        self.run = run
        self.plan = plan
        self.time = time
        self.files: dict[str, Planned] = {}
        if plan is not None:
            self.files = {each.name: each for each in plan.files}


class Purging:
    """Purges in one open session directory. The lock is held, and earlier runs are settled.

    `now` is Unix seconds, `undo_window` seconds. `tick` is called now and then and may raise. Methods raise OSError and
    VolumeProblem.
    """

    def __init__(
        self,
        session: int,
        owners: Owners,
        journal: Journal,
        now: float,
        undo_window: float,
        tick: Callable[[], None],
    ) -> None:
        self.session = session
        self.owners = owners
        self.journal = journal
        self.now = now
        self.undo_window = undo_window
        self.tick = tick
        self._who: str | None = None
        # Links and renames are tried in this order; neither replaces.
        self._file_system = FileSystem(session)

    def purge(self, own: OwnNames, *, everything: bool = False) -> Purged:
        """Purge the runs whose undo window is over, oldest first, or all of them."""
        purged = Purged()
        gone = []
        for each in self._runs(own):
            if everything or self._is_over(each.time):
                self.purge_run(each, own.trash.get(each.run, ()), purged)
                gone.append(each.run)
        self._forget(own, gone)
        return purged

    def keep_at_most(self, own: OwnNames, files: int) -> Purged:
        """Purge the oldest runs until at most `files` files are in the trash."""
        purged = Purged()
        if own.trashed <= files:
            return purged
        gone: list[str] = []
        left = own.trashed
        for each in self._runs(own):
            if left <= files:
                break
            names = own.trash.get(each.run, [])
            left -= len(names)
            self.purge_run(each, names, purged)
            gone.append(each.run)
        self._forget(own, gone)
        return purged

    def purge_ended(self, own: OwnNames) -> Purged:
        """Purge the runs that the journal knows to have ended. Nothing is written."""
        purged = Purged()
        for run, names in own.trash.items():
            known = self.journal.runs.get(run)
            if known is not None and not known.unfinished and not known.undoing:
                self.purge_run(self.known(run), names, purged)
        return purged

    def purge_run(self, each: TrashedRun, names: Iterable[str], purged: Purged) -> None:
        """Purge one run, whatever its age."""
        before = purged.files
        for count, name in enumerate(names):
            if count % _TICK_EVERY == 0:
                self.tick()
            self.drop(each, name, purged)
        remove(self.session, plan_name(each.run))
        purged.runs += 1
        if not self._is_over(each.time):
            purged.early += purged.files - before

    def known(self, run: str) -> TrashedRun:
        """Return a run of the trash with its plan, and with time 0 when there is none of ours."""
        try:
            plan = read_plan(self.session, run, self.owners)
        except VolumeProblem:
            plan = None
        return TrashedRun(run, plan, 0.0 if plan is None else float(plan.time))

    def drop(self, each: TrashedRun, name: str, purged: Purged) -> None:
        """Purge one file of a run, or put it back when it was written to after its removal."""
        removed = trash_name(each.run, name)
        found = lookup(self.session, removed)
        if found is None:
            return
        planned = each.files.get(name)
        if planned is not None and planned.same_inode(found) and not planned.same_writing(found):
            outcome = self._return(each.run, planned)
            if outcome == RESTORED:
                purged.returned += 1
            if outcome in {RESTORED, IN_TRASH}:
                return
        try:
            gone = remove(self.session, removed)
        except OSError as error:
            if code_of(error) != PERMISSION_DENIED:
                raise
            return
        if gone:
            purged.files += 1
            purged.bytes += found.st_size if found.st_nlink == 1 else 0

    def _is_over(self, time: float) -> bool:
        return is_expired(time, self.now, self.undo_window)

    def _return(self, run: str, planned: Planned) -> str:
        """What became of a file that was written to after its removal."""
        known = self.journal.runs.get(run)
        if known is None or not known.fingerprint:
            return FOREIGN
        if self._who is None:
            self._who = _fingerprint(self.session)
        if self._who == _UNREADABLE:
            return IN_TRASH  # creds.json is perhaps being written this moment: the next purge sees
        if known.fingerprint != self._who:
            return FOREIGN
        try:
            return Trash(self.session, run, self.owners, self._file_system).put_back(planned)
        except OSError:
            return IN_TRASH

    def _runs(self, own: OwnNames) -> list[TrashedRun]:
        found = []
        for run in own.runs():
            self.tick()
            each = self.known(run)
            if each.plan is None:
                each.time = self._changed(run, own)
            found.append(each)
        found.sort(key=_age)
        return found

    def _changed(self, run: str, own: OwnNames) -> float:
        """When a run without a plan went into the trash: the change times of its first files."""
        times = []
        for name in own.trash.get(run, [])[:8]:
            found = lookup(self.session, trash_name(run, name))
            if found is not None:
                times.append(found.st_ctime)
        if not times:
            found = lookup(self.session, plan_name(run))
            return found.st_ctime if found is not None else 0.0
        return max(times)

    def _forget(self, own: OwnNames, runs: list[str]) -> None:
        """Note purged runs in the journal and the listing."""
        for run in runs:
            own.trashed -= len(own.trash.pop(run, ()))
            own.plans.discard(run)
        known = [run for run in runs if run in self.journal.runs]
        if known and self.journal.still_there():
            self.journal.mark_all(PURGED, known, int(self.now))


def purge_stream(purging: Purging, *, everything: bool = False) -> Purged:
    """Purge a directory with too many own names, one name after another, in bounded memory."""
    purged = Purged()
    runs: dict[str, TrashedRun] = {}
    with os.scandir(purging.session) as found:
        for count, item in enumerate(found):
            if count % _TICK_EVERY == 0:
                purging.tick()
            if item.name.startswith(PREFIX):
                _purge_name(purging, item.name, runs, everything, purged)
    return purged


def _purge_name(
    purging: Purging, name: str, runs: dict[str, TrashedRun], everything: bool, purged: Purged
) -> None:
    own = OwnNames()
    own.add(name)
    if own.temporary:
        remove(purging.session, name)
        return
    for run in own.runs():
        if run not in runs:
            if len(runs) >= _PLANS_REMEMBERED:
                runs.pop(next(iter(runs)))
            runs[run] = purging.known(run)
        each = runs[run]
        time = each.time if each.plan is not None else _changed_at(purging.session, name)
        if not everything and not is_expired(time, purging.now, purging.undo_window):
            continue
        for original in own.trash.get(run, ()):
            purging.drop(each, original, purged)
        if run in own.plans:
            remove(purging.session, name)


def make_room(
    session: int, owners: Owners, now: float, undo_window: float, stop: Callable[[], str | None]
) -> Purged:
    """Empty the trash of runs that have ended, because the disk is too full even for the lock.

    Raises OSError and VolumeProblem: Busy when somebody holds the lock.
    """

    def tick() -> None:
        code = stop()
        if code is not None:
            raise VolumeProblem(code)

    if is_held(session):
        raise VolumeProblem(BUSY)
    own = read_listing(session, tick).own
    purging = Purging(session, owners, Journal(session, owners), now, undo_window, tick)
    return purging.purge_ended(own)


def _fingerprint(session: int) -> str:
    identity = read_identity(read_creds(session)[0])
    if identity.state in {CORRUPT, TOO_LARGE}:
        return _UNREADABLE
    return identity.fingerprint if identity.state == PAIRED else ""


def _changed_at(session: int, name: str) -> float:
    found = lookup(session, name)
    return found.st_ctime if found is not None else 0.0


def _age(each: TrashedRun) -> tuple[float, str]:
    return each.time, each.run
