"""Looking again at files that were taken away or put back beside a process that may still run.

The library keeps what it read or wrote in memory for five minutes, and its next message writes that back over
whatever a repair, an undo or a restore has done. Six minutes later it has forgotten, and what is there then stays.
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

#: The library's cache holds for 300 s after the last write.
LOOK_AGAIN_SECONDS = 360.0


class Seen:
    """How files of an open directory were at one moment, so that a later look tells which were written since.

    Take it right after an undo or a restore, of the names that were put back.
    """

    def __init__(self, directory: int, names: Iterable[str]) -> None:
        """Look at the names now; raise VolumeProblem."""
        self._files = {name: _state(directory, name) for name in names}
        self._keys = {name: _keys(directory, name) for name in self._files}

    def written_since(self, directory: int) -> list[str]:
        """Return the names that bear another file now, or were written to; raise VolumeProblem.

        A name that is gone was not written.
        """
        now = {name: _state(directory, name) for name in self._files}
        return [name for name, state in now.items() if state not in (None, self._files[name])]

    def replaced(self, directory: int) -> list[str]:
        """Return those of them that hold another session or sender key than the one that was there.

        A process that goes on with a record that was put back writes it, too. Raises VolumeProblem.
        """
        return [name for name in self.written_since(directory) if self._is_another(directory, name)]

    def _is_another(self, directory: int, name: str) -> bool:
        before, now = self._keys[name], _keys(directory, name)
        return before is not None and now is not None and before.isdisjoint(now)


class CameBack:
    """What stands again under the names that a run moved: `old` records, and ones that were built `anew`."""

    __slots__ = ("anew", "old")

    def __init__(self) -> None:
        self.old = 0
        self.anew = 0


def came_back(directory: int, run: str, owns: Callable[[str], bool]) -> CameBack:
    """Compare the trash of a run with what bears the files' names now.

    `owns` says of a user part whether it is the tenant's own. A group's memory comes with the next message, old or
    new, so it says nothing. Reads only; raises VolumeProblem.
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
    """Return whether a file lies in the trash and another one bears its name."""
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
