"""The results of a Job as the operator reads them; `encoder` has the text format."""

from __future__ import annotations

from dataclasses import dataclass, field

from baileys_janitor.job.encoder import (
    COUNTS_ALONE,
    FAILURE,
    LIMIT_BYTES,
    MAGIC,
    VERSION,
    Encoder,
    failure_document,
)
from baileys_janitor.job.task import MEMBERS_MAX
from baileys_janitor.volume.errors import BUSY, DEADLINE_REACHED, INTERRUPTED
from baileys_janitor.volume.report.codec import (
    read_clean,
    read_keep,
    read_purge,
    read_scan,
    read_undo,
)
from baileys_janitor.volume.report.codec_fields import (
    FUTURE_MAX,
    BadResult,
    checksum,
    is_code,
    number,
    word,
)
from baileys_janitor.volume.report.results import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    OUTCOMES,
    REFUSED,
    REPEATED,
    ScanResult,
)
from baileys_janitor.volume.report.run_results import (
    KEPT,
    NOT_DUE,
    NOT_KEPT,
    CleanResult,
    KeptCopy,
    PurgeResult,
    UndoResult,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from baileys_janitor.job.encoder import MemberResult

__all__ = [
    "BUSY",
    "CAPPED",
    "COMPLETED",
    "DEADLINE_REACHED",
    "DRY_RUN",
    "FAILED",
    "INTERRUPTED",
    "KEPT",
    "LIMIT_BYTES",
    "NOTHING_TO_DO",
    "NOT_DUE",
    "NOT_KEPT",
    "OUTCOMES",
    "REFUSED",
    "REPEATED",
    "VERSION",
    "BadResult",
    "CleanResult",
    "KeptCopy",
    "PurgeResult",
    "Result",
    "ScanResult",
    "UndoResult",
    "decode",
    "encode",
]

_TIME_MAX = 253_402_300_799 - FUTURE_MAX  # so that no time in it is after the year 9999
_READERS: dict[str, Any] = {
    "scan": read_scan,
    "clean": read_clean,
    "undo": read_undo,
    "purge": read_purge,
    "keep": read_keep,
    "rotate": read_clean,
    "rollback": read_undo,
}


@dataclass(slots=True)
class Result:
    """The result of a Job: the action, the time (Unix seconds), and one report for each member of its task.

    `failure` is set, and `members` empty, when the Job could not carry out the task at all.
    """

    action: str
    time: int
    members: Sequence[MemberResult] = field(default_factory=list)
    failure: str | None = None


def encode(result: Result) -> bytes:
    """Return the document for a termination message, never more than LIMIT_BYTES."""
    if result.failure is not None:
        return failure_document(result.time, result.failure)
    encoder = Encoder(result.action, result.time)
    for member in result.members:
        encoder.add(member)
    return encoder.document()


def decode(text: str | bytes) -> Result:
    """Read a document; raises BadResult when it is cut, changed, or not from this program.

    A document is not trusted: anybody who may write a pod's status can write one with a matching checksum.
    Each number has bounds, each word a form, each list its length, and there is no other exception.
    """
    if isinstance(text, bytes):
        text = text[: LIMIT_BYTES + 1].decode("ascii", "replace")
    if len(text) > LIMIT_BYTES:
        raise BadResult("a result that is longer than any that this program writes")
    head, _, body = text.strip().partition("\n")
    words = head.split(" ")
    if len(words) != 4 or not words[0].startswith("baileys-janitor/"):
        raise BadResult("not a result of baileys-janitor, or its beginning was cut off")
    magic, action, time, check = words
    if magic != MAGIC:
        raise BadResult(f"a result of another version ({word(magic[16:], 8)}, not {VERSION})")
    if not body.isascii() or checksum(f"{action} {time}\n{body}") != check:
        raise BadResult("the result's checksum does not match: it was cut or changed")
    now = _read_time(time)
    if action == FAILURE:
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
    counts_alone = line.startswith(COUNTS_ALONE)
    groups = line.removeprefix(COUNTS_ALONE).split(";", 16)
    member: MemberResult = _READERS[action](groups, now)
    look = member.scan if isinstance(member, CleanResult) else member
    if counts_alone and isinstance(look, ScanResult):
        look.counts_alone = True
    return member
