"""The result that leaves a Job: a compact text of at most 4,096 bytes in the termination message.

First a line `baileys-janitor/3 <action> <time> <checksum>`, then one line for each member, in the order of the
task. The kubelet keeps only the tail of a message that is too long, and a killed Job may have written half of it:
the first line and the checksum show both. MEMBERS_MAX tenants with directories as the library leaves them fit
whole. Where they do not, the last lines bring the counts alone, and begin with "~".
"""

from __future__ import annotations

from baileys_janitor.job.task import MEMBERS_MAX
from baileys_janitor.policy.values import Value
from baileys_janitor.volume.codec import (
    CODE_MAX,
    FUTURE_MAX,
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
from baileys_janitor.volume.errors import BUSY, DEADLINE_REACHED, INTERRUPTED
from baileys_janitor.volume.results import (
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

VERSION = 3
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
_COUNTS_ALONE = "~"


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
        self._lines: list[tuple[str, str]] = []

    def add(self, member: MemberResult) -> None:
        """Take in the next member's result."""
        self._lines.append(self._write(member))

    def document(self, missing: Sequence[MemberResult] = ()) -> bytes:
        """Return the document as it stands, with results for the members that are `missing` yet."""
        lines = self._lines + [self._write(member) for member in missing]
        room = LIMIT - len(_document(self._action, self._time, ""))
        return _document(self._action, self._time, "\n".join(_fitting(lines, room)))

    def _write(self, member: MemberResult) -> tuple[str, str]:
        """Return a member's whole line, and the one with its counts alone."""
        groups = _WRITERS[self._action](member, self._time)
        whole = _line(groups)
        counts = groups[:1]
        if isinstance(member, CleanResult):
            counts += ["", "", *groups[3:4]]
        return whole, min(whole, _COUNTS_ALONE + _line(counts), key=len)


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
    if len(words) != 4 or not words[0].startswith("baileys-janitor/"):
        raise BadResult("not a result of baileys-janitor, or its beginning was cut off")
    magic, action, time, check = words
    if magic != _MAGIC:
        raise BadResult(f"a result of another version ({word(magic[16:], 8)}, not {VERSION})")
    if not body.isascii() or checksum(f"{action} {time}\n{body}") != check:
        raise BadResult("the result's checksum does not match: it was cut or changed")
    now = _read_time(time)
    if action == _FAILURE:
        if not is_code(body):
            raise BadResult("a failure without a reason")
        return Result(action, now, failure=body)
    if action not in _READERS:
        raise BadResult("a result of an unknown action")
    lines = [line for line in body.split("\n") if line]
    if not 1 <= len(lines) <= MEMBERS_MAX:
        raise BadResult("a result of no member, or of too many")
    return Result(action, now, [_read_line(action, line, now) for line in lines])


def _read_time(text: str) -> int:
    try:
        return number(text, 0, _TIME_MAX)
    except ValueError as problem:
        raise BadResult("a result with an unreadable first line") from problem


def _read_line(action: str, line: str, now: int) -> MemberResult:
    counts_alone = line.startswith(_COUNTS_ALONE)
    groups = line.removeprefix(_COUNTS_ALONE).split(";", 16)
    member: MemberResult = _READERS[action](groups, now)
    look = member.scan if isinstance(member, CleanResult) else member
    if counts_alone and isinstance(look, ScanResult):
        look.counts_alone = True
    return member


def _line(groups: list[str]) -> str:
    return ";".join(groups).rstrip(";")


def _document(action: str, time: int, body: str) -> bytes:
    head = f"{action} {base36(time)}"
    check = checksum(f"{head}\n{body}")
    return f"{_MAGIC} {head} {check}\n{body}".encode("ascii")


def _fitting(lines: Sequence[tuple[str, str]], room: int) -> list[str]:
    """Return the whole lines; of the last ones the counts alone, as many as must be to fit into `room` bytes."""
    found = [whole for whole, _ in lines]
    size = sum(len(line) + 1 for line in found) - 1
    for place in range(len(lines) - 1, -1, -1):
        if size <= room:
            break
        size -= len(found[place])
        found[place] = lines[place][1]
        size += len(found[place])
    return found
