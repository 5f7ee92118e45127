"""The record of a rotation: the files to move, and until when they are kept for a rollback.

It is on the disk before the first file moves, and like a run's plan it describes each file.

    janitor-rotation 1 <time> <until> NEWLINE <a plan, as run_plan writes it>
"""

from __future__ import annotations

import os

from baileys_janitor.policy.files.file_kinds import PAIRING_KINDS, classify
from baileys_janitor.policy.rotation import MOST_FILES
from baileys_janitor.volume.errors import (
    JANITOR_REFUSED,
    STATE_VANISHED,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.run_plan import by_unit, head_of, parse_files, plan_bytes
from baileys_janitor.volume.files.state_files import lookup, open_state, read_state, write_new
from baileys_janitor.volume.files.state_names import fits, rotation_name, trash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.files.state_files import Owners

_HEAD = b"janitor-rotation 1 "
_MAX_BYTES = 16 * 1024 * 1024
_LONGEST_HEAD = 192  # bytes, the plan's head included
_LONGEST_NUMBER = 12


class Rotation:
    """A rotation as read from its record. `time` and `until` are Unix seconds of the node that wrote it."""

    __slots__ = ("files", "time", "until")

    def __init__(self, time: int, until: int, files: list[Planned]) -> None:
        self.time = time
        self.until = until
        self.files = files

    def by_unit(self) -> list[list[Planned]]:
        """Return the units, in the order in which they are moved."""
        return by_unit(self.files)


class RotationHead:
    """The beginning of a record: its times, and the number of files and bytes."""

    __slots__ = ("bytes", "files", "time", "until")

    def __init__(self, time: int, until: int, files: int, size: int) -> None:
        self.time = time
        self.until = until
        self.files = files
        self.bytes = size


def write_rotation(
    session: int, run: str, files: Sequence[Planned], now: int, until: int, owners: Owners
) -> int:
    """Claim a run by its record, synced to the disk; return the record's inode. The directory is not synced.

    Raises OSError: FileExistsError when the id is taken; and VolumeProblem(StateVanished).
    """
    name = rotation_name(run)
    head = _HEAD + b"%d %d\n" % (now, until)
    write_new(session, name, head + plan_bytes(files, now), owners)
    found = lookup(session, name)
    if found is None:
        raise VolumeProblem(STATE_VANISHED)
    return found.st_ino


def read_rotation(session: int, run: str, owners: Owners) -> Rotation | None:
    """Return the record of a rotation; None when there is none of ours, or it is not whole and well formed.

    Raises VolumeProblem if it cannot be read.
    """
    try:
        data = read_state(session, rotation_name(run), owners, _MAX_BYTES)
    except VolumeProblem as problem:
        if problem.code == JANITOR_REFUSED:
            return None
        raise
    return None if data is None else parse_rotation(run, data)


def parse_rotation(run: str, data: bytes) -> Rotation | None:
    """Return the rotation from the bytes of its record, None if they are invalid. Never raises."""

    def may_be_rotated(name: str) -> bool:
        return classify(name)[0] in PAIRING_KINDS and fits(trash_name(run, name))

    head, newline, body = data[:_LONGEST_HEAD].partition(b"\n")
    times = _times(head) if newline else None
    if times is None:
        return None
    plan = parse_files(data[len(head) + 1 :], MOST_FILES, may_be_rotated)
    return None if plan is None or not body else Rotation(*times, plan.files)


def read_rotation_head(session: int, run: str, owners: Owners) -> RotationHead | None:
    """Return the head of a rotation's record; None when there is none of ours. Cheaper than the whole record.

    Raises VolumeProblem if it cannot be read.
    """
    try:
        file = open_state(session, rotation_name(run), owners)
    except VolumeProblem as problem:
        if problem.code == JANITOR_REFUSED:
            return None
        raise
    if file is None:
        return None
    try:
        head, _, body = os.read(file, _LONGEST_HEAD).partition(b"\n")
    except OSError as error:
        raise problem_of(error) from error
    finally:
        os.close(file)
    times, plan = _times(head), head_of(body)
    if times is None or plan is None:
        return None
    return RotationHead(*times, plan[1], plan[2])


def _times(head: bytes) -> tuple[int, int] | None:
    if not head.startswith(_HEAD):
        return None
    numbers = head[len(_HEAD) :].split(b" ")
    if len(numbers) != 2:
        return None
    if not all(each.isdigit() and len(each) <= _LONGEST_NUMBER for each in numbers):
        return None
    return int(numbers[0]), int(numbers[1])
