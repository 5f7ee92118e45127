"""A tenure: the time in which one process holds a session directory, with its lock, journal and trash.

Every run that writes begins with one: it makes room if the disk is too full to lock, takes the lock, finishes
what killed runs left, and purges what has been in the trash for long enough. It ends on every path.
"""

from __future__ import annotations

import os

from .household import is_full, make_janitor
from .journal import Journal
from .lock import Lock, acquire
from .problems import DISK_FULL, VolumeProblem, code_of, problem_of
from .purging import Purged, make_room, purge_trash
from .recovery import recover
from .trash import open_trash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self, TypeVar

    T = TypeVar("T")


class Tenure:
    """`with Tenure(...) as tenure:` holds the directory. Entering raises VolumeProblem.

    `undo_window` is None for a tenure that must not purge, whatever the trash holds (an undo).
    `session`, `janitor` and `trash` are directory descriptors. `recovered` is the number of killed runs
    that were finished, `purged` what went from the trash for good.
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
        self.janitor = self.trash = -1
        self.lock: Lock
        self.journal: Journal

    def __enter__(self) -> Self:
        self.janitor = make_janitor(self.session)
        try:
            self.lock = self.with_room(self._acquire)
        except BaseException:
            os.close(self.janitor)
            raise
        try:
            self._settle_in()
        except BaseException as problem:
            self._leave()
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
        self._leave()

    def tick(self) -> None:
        """A sign of life in a long phase; raises VolumeProblem when the run is to end."""
        self.lock.beat()
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)

    def full(self) -> bool:
        """Whether the disk has no room left."""
        return is_full(self.session)

    def empty_trash(self) -> None:
        """Purge everything, whatever its age: the disk is full. Raises OSError and VolumeProblem."""
        self._purge(0.0)

    def _settle_in(self) -> None:
        self.journal = Journal(self.janitor)
        trash = self.with_room(self._open_trash)
        assert trash is not None
        self.trash = trash
        self.with_room(self._recover)
        if self.undo_window is not None:
            self._purge(0.0 if self.full() else self.undo_window)

    def _acquire(self) -> Lock:
        return acquire(self.session, self.janitor, self.holder)

    def _open_trash(self) -> int | None:
        return open_trash(self.janitor, make=True)

    def _recover(self) -> None:
        self.recovered += recover(
            self.session, self.janitor, self.trash, self.journal, self.now, self.lock.beat
        )

    def with_room(self, attempt: Callable[[], T]) -> T:
        """Do what takes room on the disk; when there is none, empty the trash and do it once more."""
        try:
            return attempt()
        except (VolumeProblem, OSError) as problem:
            code = problem.code if isinstance(problem, VolumeProblem) else code_of(problem)
            if code != DISK_FULL or self.undo_window is None:
                raise
            freed = make_room(self.session, self.janitor)
            self.purged.add(freed)
            if not freed.runs:
                raise
        return attempt()

    def _purge(self, undo_window: float) -> None:
        self.purged.add(
            purge_trash(self.session, self.trash, self.journal, self.now, undo_window, self.tick)
        )

    def _leave(self) -> None:
        self.lock.release()
        if self.trash >= 0:
            os.close(self.trash)
        os.close(self.janitor)
