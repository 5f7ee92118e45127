"""The result that leaves a Job: a compact text of at most 4,096 bytes in the termination message.

First a line `baileys-janitor/1 <action> <time> <checksum>`, then one line for each member, in the order
of the task. The kubelet keeps only the tail of a message that is too long, and a killed Job may have
written half of it: the first line and the checksum show both. What does not fit drops detail (spans,
then kinds, then the volume's figures, then a recorded run), never a member. Whose detail goes first
rotates with the clock, so that nobody's is lost for good.
"""

from __future__ import annotations

from ..policy.values import Value
from ..volume.problems import DEADLINE_REACHED, INTERRUPTED
from ..volume.report import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    OUTCOMES,
    REFUSED,
    REPEATED,
    CleanResult,
    PurgeResult,
    ScanResult,
    UndoResult,
)
from ..volume.wire import (
    BadResult,
    base36,
    checksum,
    clean_groups,
    purge_groups,
    read_clean,
    read_purge,
    read_scan,
    read_undo,
    scan_groups,
    undo_groups,
    word,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    MemberResult: TypeAlias = ScanResult | CleanResult | UndoResult | PurgeResult

__all__ = [
    "CAPPED",
    "COMPLETED",
    "DEADLINE_REACHED",
    "DRY_RUN",
    "FAILED",
    "INTERRUPTED",
    "LIMIT",
    "NOTHING_TO_DO",
    "OUTCOMES",
    "REFUSED",
    "REPEATED",
    "VERSION",
    "BadResult",
    "CleanResult",
    "PurgeResult",
    "Result",
    "ScanResult",
    "UndoResult",
    "decode",
    "encode",
]

VERSION = 1
LIMIT = 4096  # bytes of a container's termination message
_MAGIC = f"baileys-janitor/{VERSION}"
_FAILURE = "failure"
_WRITERS: dict[str, Any] = {
    "scan": scan_groups,
    "clean": clean_groups,
    "undo": undo_groups,
    "purge": purge_groups,
}
_READERS: dict[str, Any] = {
    "scan": read_scan,
    "clean": read_clean,
    "undo": read_undo,
    "purge": read_purge,
}
# Groups that may be emptied, the dearest to lose last.
_DROPPABLE = {"scan": (4, 3, 2, 1), "clean": (6, 5, 4, 3, 1), "undo": (), "purge": (1,)}


class Result(Value):
    """What a Job did: the action, when (Unix seconds), and one report for each member of its task.

    `failure` is set, and `members` empty, when the Job could not carry out the task at all.
    """

    __slots__ = ("action", "failure", "members", "time")

    def __init__(
        self,
        action: str,
        time: int,
        members: Sequence[MemberResult] = (),
        failure: str | None = None,
    ) -> None:
        self.action = action
        self.time = time
        self.members = list(members)
        self.failure = failure


def encode(result: Result) -> bytes:
    """The document for a termination message, never more than LIMIT bytes."""
    if result.failure is not None:
        return _document(_FAILURE, result.time, word(result.failure) or "Failed")
    write = _WRITERS[result.action]
    members = [write(member, result.time) for member in result.members]
    room = LIMIT - len(_document(result.action, result.time, ""))
    _shrink(members, _DROPPABLE[result.action], room, result.time)
    return _document(result.action, result.time, "\n".join(map(_line, members)))


def decode(text: str | bytes) -> Result:
    """Read a document; raises BadResult when it is cut, changed, or not from this program."""
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    head, _, body = text.strip().partition("\n")
    words = head.split(" ")
    if len(words) != 4 or not words[0].startswith("baileys-janitor/"):
        raise BadResult("not a result of baileys-janitor, or its beginning was cut off")
    magic, action, time, check = words
    if magic != _MAGIC:
        raise BadResult(f"a result of another version ({word(magic[16:], 8)}, not {VERSION})")
    if not body.isascii() or checksum(f"{action} {time}\n{body}") != check:
        raise BadResult("the result's checksum does not match: it was cut or changed")
    now = int(time, 36)
    if action == _FAILURE:
        return Result(action, now, failure=body)
    read = _READERS.get(action)
    if read is None:
        raise BadResult("a result of an unknown action")
    return Result(action, now, [read(line.split(";"), now) for line in body.split("\n") if line])


def _line(groups: list[str]) -> str:
    return ";".join(groups).rstrip(";")


def _document(action: str, time: int, body: str) -> bytes:
    head = f"{action} {base36(time)}"
    check = checksum(f"{head}\n{body}")
    return f"{_MAGIC} {head} {check}\n{body}".encode("ascii")


def _shrink(members: list[list[str]], droppable: Sequence[int], room: int, time: int) -> None:
    """Empty groups, one member after another, until the lines fit into `room` bytes."""
    size = sum(len(_line(groups)) + 1 for groups in members)
    for position in droppable:
        for index in range(len(members)):
            if size <= room:
                return
            groups = members[(index + time) % len(members)]
            if position < len(groups):
                size -= len(_line(groups))
                groups[position] = ""
                size += len(_line(groups))
