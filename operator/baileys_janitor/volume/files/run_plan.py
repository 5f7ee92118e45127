"""The plan of a run: the files to move, complete and on the disk before the first file moves.

It describes each file for later processes (the same run, the next one after a kill, an undo, a purge).
So a file that was removed as decided can be distinguished from one that was written to after all, and
from another process's file of the same name.

    janitor-plan 2 <time> <files> <bytes> NUL (<unit> <inode> <mtime_ns> <size> <name> NUL)... end <checksum>
"""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.clocks import is_ahead
from baileys_janitor.policy.files.file_kinds import REMOVABLE_KINDS, classify
from baileys_janitor.policy.settings import MAX_FILES_A_RUN
from baileys_janitor.volume.errors import (
    JANITOR_REFUSED,
    STATE_VANISHED,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.state_files import lookup, open_state, read_state, write_new
from baileys_janitor.volume.files.state_names import fits, plan_name, trash_name
from baileys_janitor.volume.report.codec_fields import checksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.volume.files.state_files import Owners

#: The limit on files in the trash of one directory.
MAX_FILES = MAX_FILES_A_RUN
MAX_BYTES = 2 * 1024 * 1024
_HEAD = b"janitor-plan 2 "
_END = b"end "
_LONGEST_NUMBER = 20
_LONGEST_HEAD = 96  # bytes


class Planned:
    """One file of a plan: its name and unit, and its status.

    Files of one unit move and come back together. `inode` is 0 if the file system gives a file
    another number when it is renamed. The device is not part of it: a volume can come back under
    another number.
    """

    __slots__ = ("inode", "mtime_ns", "name", "size", "unit")

    def __init__(self, name: str, unit: int, inode: int, mtime_ns: int, size: int) -> None:
        self.name = name
        self.unit = unit
        self.inode = inode
        self.mtime_ns = mtime_ns
        self.size = size

    def same_inode(self, found: os.stat_result) -> bool:
        """Return whether a status has the same inode, whether the file was written to or not."""
        return self.inode != 0 and found.st_ino == self.inode

    def same_writing(self, found: os.stat_result) -> bool:
        """Return whether modification time and size are as planned."""
        return found.st_mtime_ns == self.mtime_ns and found.st_size == self.size

    def is_still(self, found: os.stat_result) -> bool:
        """Return whether a file is the planned one, and was not written to since."""
        return (
            stat.S_ISREG(found.st_mode)
            and (self.inode == 0 or found.st_ino == self.inode)
            and self.same_writing(found)
        )


class RunPlan:
    """A run's plan as read from the volume. `time` is Unix seconds of the node that wrote it."""

    __slots__ = ("files", "time")

    def __init__(self, time: int, files: list[Planned]) -> None:
        self.time = time
        self.files = files

    def by_unit(self) -> list[list[Planned]]:
        """Return the units, in order."""
        return by_unit(self.files)


def by_unit(files: Sequence[Planned]) -> list[list[Planned]]:
    """Return planned files by unit, in order."""
    units: dict[int, list[Planned]] = {}
    for each in files:
        units.setdefault(each.unit, []).append(each)
    return list(units.values())


def is_expired(time: float, now: float, undo_window: float) -> bool:
    """Return whether files that were removed at `time` are to be purged at `now` (Unix seconds).

    A time of more than an hour in the future cannot come from a correct clock: it counts as expired.
    """
    return undo_window <= 0 or now - time >= undo_window or is_ahead(time, now)


def write_plan(session: int, run: str, files: Sequence[Planned], now: int, owners: Owners) -> int:
    """Claim a run id by creating its plan, synced to the disk; return the plan's inode.

    The directory is not synced. Raises OSError: FileExistsError when the id is taken; and
    VolumeProblem(StateVanished) when another process removes the plan.
    """
    name = plan_name(run)
    write_new(session, name, plan_bytes(files, now), owners)
    found = lookup(session, name)
    if found is None:
        raise VolumeProblem(STATE_VANISHED)
    return found.st_ino


def plan_bytes(files: Sequence[Planned], now: int) -> bytes:
    """Return the content of a plan's file."""
    records = [
        b"%d %d %d %d %s"
        % (each.unit, each.inode, each.mtime_ns, each.size, os.fsencode(each.name))
        for each in files
    ]
    head = _HEAD + b"%d %d %d" % (now, len(files), sum(each.size for each in files))
    text = b"\0".join([head, *records, _END])
    return text + _check(text)


def read_plan(
    session: int, run: str, owners: Owners, kinds: frozenset[str] = REMOVABLE_KINDS
) -> RunPlan | None:
    """Read a run's plan; None when there is none of ours, or when it is not whole and well formed.

    A plan that names a file of other kinds than `kinds` is not well formed. Raises VolumeProblem if it
    cannot be read.
    """
    try:
        data = read_state(session, plan_name(run), owners, MAX_BYTES)
    except VolumeProblem as problem:
        if problem.code == JANITOR_REFUSED:
            return None
        raise
    if data is None:
        return None
    return parse_plan(run, data, kinds)


def parse_plan(run: str, data: bytes, kinds: frozenset[str] = REMOVABLE_KINDS) -> RunPlan | None:
    """Return the plan from the bytes of its file, None if they are invalid. Never raises."""

    def may_be_planned(name: str) -> bool:
        return classify(name)[0] in kinds and fits(trash_name(run, name))

    return parse_files(data, MAX_FILES, may_be_planned)


def parse_files(data: bytes, most: int, is_name: Callable[[str], bool]) -> RunPlan | None:
    """Return at most `most` files from the output of `plan_bytes`; None for any other bytes.

    Every name must be one path component that `is_name` accepts. Never raises.
    """
    if data.count(b"\0") > most + 1:
        return None
    head, *records = data.split(b"\0")
    if not records or not head.startswith(_HEAD):
        return None
    end = records.pop()
    if end != _END + _check(data[: len(data) - len(end) + len(_END)]):
        return None
    try:
        time, files, _ = _head(head)
        if files != len(records):
            return None
        return RunPlan(time, [_planned(record, is_name) for record in records])
    except ValueError:
        return None


def read_head(session: int, run: str, owners: Owners) -> tuple[int, int, int] | None:
    """Return time, files and bytes from the head of a plan; None when there is no plan of ours.

    Cheaper than the whole plan. Raises VolumeProblem if the plan cannot be read.
    """
    return read_head_of(session, plan_name(run), owners)


def read_head_of(session: int, name: str, owners: Owners) -> tuple[int, int, int] | None:
    """Return the same of another file of ours in the format of a plan."""
    try:
        file = open_state(session, name, owners)
    except VolumeProblem as problem:
        if problem.code == JANITOR_REFUSED:
            return None
        raise
    if file is None:
        return None
    try:
        return head_of(os.read(file, _LONGEST_HEAD))
    except OSError as error:
        raise problem_of(error) from error
    finally:
        os.close(file)


def head_of(data: bytes) -> tuple[int, int, int] | None:
    """Return time, files and bytes from the head of a plan's bytes; None for any other bytes."""
    head, nul, _ = data.partition(b"\0")
    if not nul or not head.startswith(_HEAD):
        return None
    try:
        return _head(head)
    except ValueError:
        return None


def _head(head: bytes) -> tuple[int, int, int]:
    time, files, size = head[len(_HEAD) :].split(b" ")
    return _number(time), _number(files), _number(size)


def _planned(record: bytes, is_name: Callable[[str], bool]) -> Planned:
    unit, inode, mtime_ns, size, encoded = record.split(b" ", 4)
    name = os.fsdecode(encoded)
    # One path component of a kind that such a run moves: no other name is ever planned.
    if "/" in name or not is_name(name):
        raise ValueError("not a name that a plan can hold")
    return Planned(name, _number(unit), _number(inode), _signed(mtime_ns), _number(size))


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise ValueError("not a number of a plan")
    return int(text)


def _signed(text: bytes) -> int:
    return -_number(text[1:]) if text.startswith(b"-") else _number(text)


def _check(data: bytes) -> bytes:
    return checksum(data.decode("utf-8", "surrogateescape")).encode("ascii")
