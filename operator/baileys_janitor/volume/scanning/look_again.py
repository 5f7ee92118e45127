"""Checking files again that were removed or put back beside a process that may still run.

The library keeps the files that it read or wrote in memory for five minutes, and its next message writes them over
the result of a repair, an undo or a restore. Six minutes later its cache has expired, and the files then are final.
"""

from __future__ import annotations

from baileys_janitor.policy.contact.records import (
    MAX_RECORD_BYTES,
    is_old_record,
    lasting_keys,
)
from baileys_janitor.policy.files.file_kinds import SENDER_KEY, SENDER_KEY_MEMORY, classify
from baileys_janitor.volume.errors import problem_of
from baileys_janitor.volume.files.run_plan import read_plan
from baileys_janitor.volume.files.safe_open import read_small
from baileys_janitor.volume.files.state_files import lookup, owners_of
from baileys_janitor.volume.files.state_names import trash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from baileys_janitor.volume.files.run_plan import Planned

#: The library's cache expires 300 s after the last write.
LOOK_AGAIN_SECONDS = 360.0


class Seen:
    """The state of some files of an open directory, so that a later check finds those written since.

    Take it right after an undo or a restore, of the names that were put back.
    """

    def __init__(self, directory: int, names: Iterable[str]) -> None:
        """Read the state of the names now; raise VolumeProblem."""
        self._files = {name: _state(directory, name) for name in names}
        self._keys = {name: _keys(directory, name) for name in self._files}

    def written_since(self, directory: int) -> list[str]:
        """Return the names that have another file now, or were written to; raise VolumeProblem.

        A removed file does not count as written.
        """
        now = {name: _state(directory, name) for name in self._files}
        return [name for name, state in now.items() if state not in (None, self._files[name])]

    def replaced(self, directory: int) -> list[str]:
        """Return the names that hold another session or sender key than before.

        A process that continues with a restored record writes it, too, so a write alone is not enough. Raises
        VolumeProblem.
        """
        return [name for name in self.written_since(directory) if self._is_another(directory, name)]

    def _is_another(self, directory: int, name: str) -> bool:
        before, now = self._keys[name], _keys(directory, name)
        return before is not None and now is not None and before.isdisjoint(now)


class CameBack:
    """The files that exist again under names that a run moved: `old` records, and `anew` built ones."""

    __slots__ = ("anew", "old")

    def __init__(self) -> None:
        self.old = 0
        self.anew = 0


def came_back(directory: int, run: str, owns: Callable[[str], bool]) -> CameBack:
    """Compare the trash of a run with the files that have the same names now.

    `owns` returns whether a user part is the tenant's own. A group's memory comes with the next message, old or
    new, so it is not counted. Reads only; raises VolumeProblem.
    """
    found = CameBack()
    plan = read_plan(directory, run, owners_of(directory))
    for each in plan.files if plan is not None else ():
        kind, ident = classify(each.name)
        if kind == SENDER_KEY_MEMORY or not _is_again(directory, run, each):
            continue
        own = kind == SENDER_KEY and owns(ident.rpartition("--")[0].rpartition("--")[2])
        old, new = (
            read_small(directory, name, MAX_RECORD_BYTES)
            for name in (trash_name(run, each.name), each.name)
        )
        if is_old_record(each.name, old, new, own=own):
            found.old += 1
        else:
            found.anew += 1
    return found


def _is_again(directory: int, run: str, each: Planned) -> bool:
    """Return whether a file is in the trash and another one has its name."""
    trashed = _state(directory, trash_name(run, each.name))
    here = _state(directory, each.name)
    return trashed is not None and here is not None and trashed[0] != here[0]


def _keys(directory: int, name: str) -> frozenset[str] | None:
    return lasting_keys(name, read_small(directory, name, MAX_RECORD_BYTES))


def _state(directory: int, name: str) -> tuple[int, int, int] | None:
    try:
        found = lookup(directory, name)
    except OSError as error:
        raise problem_of(error) from error
    return None if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)
