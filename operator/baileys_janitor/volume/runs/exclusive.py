"""Exclusive access: one process holds the lock of a session directory.

Every run that writes begins with it: it purges the trash if the disk is too full to lock, takes the lock, lists
the directory once, recovers killed runs, and purges the trash by age.
The lock is released on every path.
"""

from __future__ import annotations

from baileys_janitor.volume.errors import (
    DISK_FULL,
    TOO_MANY_OWN_FILES,
    VolumeProblem,
    code_of,
    problem_of,
)
from baileys_janitor.volume.files.disk_space import is_full
from baileys_janitor.volume.files.file_system import prove
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import Purged
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.runs.lock import Lock, acquire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self, TypeVar

    from baileys_janitor.volume.files.file_system import FileSystem
    from baileys_janitor.volume.files.read import Listing
    from baileys_janitor.volume.runs.purge import Purging

    T = TypeVar("T")


class ExclusiveAccess:
    """`with ExclusiveAccess(...) as access:` holds the directory. Entering raises VolumeProblem.

    `undo_window` is None for access that must not purge by age (an undo, a repair). `session`
    is the directory's descriptor. `listing` is the directory after recovery and purge. `recovered` is
    the number of killed runs that were finished, `purged` the counts of the purge.
    """

    def __init__(
        self,
        session: int,
        *,
        now: float,
        undo_window: float | None,
        holder: str,
        stop: Callable[[], str | None],
    ) -> None:
        self.session = session
        self.now = now
        self.undo_window = undo_window
        self.holder = holder
        self.stop = stop
        self.recovered = 0
        self.purged = Purged()
        self.owners = owners_of(session)
        self.lock: Lock
        self.journal: Journal
        self.listing: Listing
        self._holds = False
        self._file_system: FileSystem | None = None

    def __enter__(self) -> Self:
        self.lock = self.with_room(self._acquire)
        try:
            self.journal = Journal(self.session, self.owners)
            self.list_again()
            self._holds = True
            self._settle_in()
        except BaseException as problem:
            self.lock.release()
            if isinstance(problem, OSError):
                raise problem_of(problem) from problem
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lock.release()

    def tick(self) -> None:
        """Touch the lock in a long phase; raise VolumeProblem when the run is to end."""
        self.lock.beat()
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)

    def full(self) -> bool:
        """Return whether the disk is full. Raises OSError."""
        return is_full(self.session)

    def file_system(self) -> FileSystem:
        """Return the file system's abilities, tried once. Raises OSError and VolumeProblem."""
        if self._file_system is None:
            self._file_system = prove(self.session, self.owners)
        return self._file_system

    def purging(self) -> Purging:
        """Return the `Purging` of this directory."""
        from baileys_janitor.volume.runs.purge import Purging

        window = float("inf") if self.undo_window is None else self.undo_window
        return Purging(
            self.session,
            self.owners,
            self.journal,
            self.now,
            window,
            self.file_system,
            self.tick,
        )

    def list_again(self) -> None:
        """List the directory again. Raises VolumeProblem."""
        self.listing = read_listing(self.session, self.tick)

    def with_room(self, attempt: Callable[[], T]) -> T:
        """Call `attempt`; if the disk is full, empty the trash and call it once more."""
        try:
            return attempt()
        except (VolumeProblem, OSError) as problem:
            code = problem.code if isinstance(problem, VolumeProblem) else code_of(problem)
            if code != DISK_FULL or self.undo_window is None:
                raise
            freed = self._make_room(self.undo_window)
            self.purged.add(freed)
            if not freed.files:
                raise
        return attempt()

    def _settle_in(self) -> None:
        own = self.listing.own
        if own.too_many:
            if self.undo_window is not None:
                from baileys_janitor.volume.runs.purge import purge_stream

                purge_stream(self.purging(), self.purged, everything=self.full())
            raise VolumeProblem(TOO_MANY_OWN_FILES)
        if not (self.journal.runs or own.runs() or own.temporary):
            return  # no earlier run, so most of the imports below are saved
        from baileys_janitor.volume.runs.recovery import recover

        recovered = self.with_room(lambda: recover(self))
        self.recovered = recovered.runs
        changed = recovered.changed
        if self.undo_window is not None and own.runs():
            purged = self.purging().purge(own, everything=self.full())
            self.purged.add(purged)
            changed = changed or bool(purged.returned)
        if changed:
            self.list_again()

    def _make_room(self, undo_window: float) -> Purged:
        if self._holds:
            return self.purging().purge_ended(self.listing.own)
        from baileys_janitor.volume.runs.purge import make_room

        return make_room(self.session, self.owners, self.now, undo_window, self.stop)

    def _acquire(self) -> Lock:
        return acquire(self.session, self.owners, self.holder)
