"""The result that leaves a Job: a compact text of at most 4,096 bytes in the termination message.

First a line `baileys-janitor/2 <action> <time> [<short>] <checksum>`, then one line for each member, in
the order of the task. The kubelet keeps only the tail of a message that is too long, and a killed Job may
have written half of it: the first line and the checksum show both. What does not fit drops detail (spans,
then why files stay, kinds, the volume's figures, at last a recorded run), never a member; `short` then says
of how many members. Whose detail goes first changes with the clock, so that nobody's is lost for good.
"""

from __future__ import annotations

from ..policy.values import Value
from ..volume.problems import BUSY, DEADLINE_REACHED, INTERRUPTED
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
    CODE_MAX,
    FUTURE_MAX,
    LEFT_OUT,
    BadResult,
    base36,
    checksum,
    clean_groups,
    is_code,
    number,
    purge_groups,
    read_clean,
    read_purge,
    read_scan,
    read_undo,
    scan_groups,
    undo_groups,
    word,
)
from .task import MEMBERS_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    MemberResult: TypeAlias = ScanResult | CleanResult | UndoResult | PurgeResult

__all__ = [
    "BUSY",
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

VERSION = 2
LIMIT = 4096  # bytes of a container's termination message
_TIME_MAX = 253_402_300_799 - FUTURE_MAX  # so that no time in it is after the year 9999
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
# Groups that may be left out, the dearest to lose last, and what then stands for each. In one step a member
# loses all before the next one loses any: of fifty some keep everything, others the next time, where
# otherwise all would lack the same for good.
_DROPPABLE: dict[str, tuple[tuple[tuple[int, str], ...], ...]] = {
    "scan": (
        ((6, LEFT_OUT), (4, ""), (5, ""), (3, ""), (2, "")),
        ((1, LEFT_OUT),),
        ((1, ""), (6, "")),
    ),
    "clean": (
        ((6, ""), (7, ""), (9, LEFT_OUT), (5, ""), (4, ""), (3, LEFT_OUT), (8, LEFT_OUT), (1, "")),
    ),
    "undo": (),
    "purge": (((1, ""),),),
}


class Result(Value):
    """What a Job did: the action, when (Unix seconds), and one report for each member of its task.

    `failure` is set, and `members` empty, when the Job could not carry out the task at all. `short` is the
    number of members whose detail had no room, as the document's first line has it; each says in its own
    `left_out` what that was.
    """

    __slots__ = ("action", "failure", "members", "short", "time")

    def __init__(
        self,
        action: str,
        time: int,
        members: Sequence[MemberResult] = (),
        failure: str | None = None,
        short: int = 0,
    ) -> None:
        self.action = action
        self.time = time
        self.members = list(members)
        self.failure = failure
        self.short = short


def encode(result: Result) -> bytes:
    """Return the document for a termination message, never more than LIMIT bytes."""
    if result.failure is not None:
        code = word(result.failure, CODE_MAX).partition("_")[0]
        return _document(_FAILURE, result.time, code if is_code(code) else "Failed")
    encoder = Encoder(result.action, result.time)
    for member in result.members:
        encoder.add(member)
    return encoder.document()


class Encoder:
    """A document that grows member by member, so that what is known can be written at once."""

    def __init__(self, action: str, time: int) -> None:
        self._action = action
        self._time = time
        self._members: list[list[str]] = []

    def add(self, member: MemberResult) -> None:
        """Take in the next member's result."""
        self._members.append(_WRITERS[self._action](member, self._time))

    def document(self, missing: Sequence[MemberResult] = ()) -> bytes:
        """Return the document as it stands, with results for the members that are `missing` yet."""
        write = _WRITERS[self._action]
        members = [list(groups) for groups in self._members]
        members += [write(member, self._time) for member in missing]
        room = LIMIT - len(_document(self._action, self._time, "", len(members)))
        short = _shrink(members, _DROPPABLE[self._action], room, self._time)
        return _document(self._action, self._time, "\n".join(map(_line, members)), short)


def decode(text: str | bytes) -> Result:
    """Read a document; raises BadResult when it is cut, changed, or not from this program.

    A document is a stranger's until it is read: whoever may write a pod's status can write one whose checksum
    matches. Each number has bounds, each word a form, each list its length, and there is no other exception.
    """
    if isinstance(text, bytes):
        text = text[: LIMIT + 1].decode("ascii", "replace")
    if len(text) > LIMIT:
        raise BadResult("a result that is longer than any that this program writes")
    head, _, body = text.strip().partition("\n")
    words = head.split(" ")
    if len(words) not in {4, 5} or not words[0].startswith("baileys-janitor/"):
        raise BadResult("not a result of baileys-janitor, or its beginning was cut off")
    magic, action, time, *short, check = words
    if magic != _MAGIC:
        raise BadResult(f"a result of another version ({word(magic[16:], 8)}, not {VERSION})")
    if not body.isascii() or checksum(f"{' '.join(words[1:-1])}\n{body}") != check:
        raise BadResult("the result's checksum does not match: it was cut or changed")
    now = _read_head(time, _TIME_MAX)
    if action == _FAILURE:
        if not is_code(body):
            raise BadResult("a failure without a reason")
        return Result(action, now, failure=body)
    read = _READERS.get(action)
    if read is None:
        raise BadResult("a result of an unknown action")
    lines = [line for line in body.split("\n") if line]
    number_short = _read_head(short[0], len(lines)) if short else 0
    if not 1 <= len(lines) <= MEMBERS_MAX:
        raise BadResult("a result of no member, or of too many")
    members = [read(line.split(";", 16), now, bool(number_short)) for line in lines]
    return Result(action, now, members, short=number_short)


def _read_head(text: str, most: int) -> int:
    try:
        return number(text, 0, most)
    except ValueError as problem:
        raise BadResult("a result with an unreadable first line") from problem


def _line(groups: list[str]) -> str:
    return ";".join(groups).rstrip(";")


def _document(action: str, time: int, body: str, short: int = 0) -> bytes:
    head = f"{action} {base36(time)}"
    if short:
        head += f" {base36(short)}"
    check = checksum(f"{head}\n{body}")
    return f"{_MAGIC} {head} {check}\n{body}".encode("ascii")


def _shrink(
    members: list[list[str]],
    droppable: Sequence[Sequence[tuple[int, str]]],
    room: int,
    time: int,
) -> int:
    """Leave out groups, one member after another, until the lines fit into `room` bytes.

    Returns of how many members something is left out.
    """
    size = sum(len(_line(groups)) + 1 for groups in members)
    first = _turn(time, len(members))
    short: set[int] = set()
    for step in droppable:
        for index in range(len(members)):
            place = (index + first) % len(members)
            groups = members[place]
            for position, mark in step:
                if size <= room:
                    return len(short)
                if position < len(groups) and len(groups[position]) > len(mark):
                    size -= len(_line(groups))
                    groups[position] = mark
                    size += len(_line(groups))
                    short.add(place)
    return len(short)


def _turn(time: int, members: int) -> int:
    """Who is first to go without, spread evenly over any interval between scans, whole minutes too."""
    return (time * 0x9E3779B1 & 0xFFFFFFFF) * members >> 32  # multiplicative hashing (Knuth, 6.4)
