"""The result that leaves a Job: a compact text of at most 4,096 bytes in the termination message.

First a line `baileys-janitor/3 <action> <time> <checksum>`, then one line for each member, in the order of the
task. The kubelet keeps only the tail of a message that is too long, and a killed Job may have written half of it:
the first line and the checksum detect both. MEMBERS_MAX tenants with directories as the library leaves them fit
whole. If they do not fit, the last lines have only the counts, and begin with "~".
"""

from __future__ import annotations

from baileys_janitor.volume.report.codec import (
    clean_groups,
    keep_groups,
    purge_groups,
    scan_groups,
    undo_groups,
)
from baileys_janitor.volume.report.codec_fields import CODE_MAX, base36, checksum, is_code, word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from baileys_janitor.volume.report.results import ScanResult
    from baileys_janitor.volume.report.run_results import (
        CleanResult,
        KeptCopy,
        PurgeResult,
        UndoResult,
    )

    MemberResult: TypeAlias = ScanResult | CleanResult | UndoResult | PurgeResult | KeptCopy

VERSION = 3
LIMIT_BYTES = 4096  # of a container's termination message
MAGIC = f"baileys-janitor/{VERSION}"
FAILURE = "failure"
COUNTS_ALONE = "~"
_CLEAN = "clean"
_WRITERS: dict[str, Any] = {
    "scan": scan_groups,
    _CLEAN: clean_groups,
    "undo": undo_groups,
    "purge": purge_groups,
    "keep": keep_groups,
    "rotate": clean_groups,
    "rollback": undo_groups,
}


class Encoder:
    """A document that grows member by member, so that the results so far can be written at once."""

    def __init__(self, action: str, time: int) -> None:
        self._action = action
        self._time = time
        self._lines: list[tuple[str, str]] = []

    def add(self, member: MemberResult) -> None:
        """Add the next member's result."""
        self._lines.append(self._write(member))

    def document(self, missing: Sequence[MemberResult] = ()) -> bytes:
        """Return the current document, with results for the members still `missing`."""
        lines = self._lines + [self._write(member) for member in missing]
        room = LIMIT_BYTES - len(_document(self._action, self._time, ""))
        return _document(self._action, self._time, "\n".join(_fitting(lines, room)))

    def _write(self, member: MemberResult) -> tuple[str, str]:
        """Return a member's whole line, and the one with only the counts."""
        groups = _WRITERS[self._action](member, self._time)
        whole = _line(groups)
        counts = groups[:1]
        if self._action == _CLEAN:
            counts += ["", "", *groups[3:4]]
        return whole, min(whole, COUNTS_ALONE + _line(counts), key=len)


def failure_document(time: int, reason: str) -> bytes:
    """Return the document of a Job that could not carry out its task at all."""
    code = word(reason, CODE_MAX).partition("_")[0]
    return _document(FAILURE, time, code if is_code(code) else "Failed")


def _line(groups: list[str]) -> str:
    return ";".join(groups).rstrip(";")


def _document(action: str, time: int, body: str) -> bytes:
    head = f"{action} {base36(time)}"
    check = checksum(f"{head}\n{body}")
    return f"{MAGIC} {head} {check}\n{body}".encode("ascii")


def _fitting(lines: Sequence[tuple[str, str]], room: int) -> list[str]:
    """Return the whole lines; of the last ones only the counts, as few as needed to fit into `room` bytes."""
    found = [whole for whole, _ in lines]
    size = sum(len(line) + 1 for line in found) - 1
    for place in range(len(lines) - 1, -1, -1):
        if size <= room:
            break
        size -= len(found[place])
        found[place] = lines[place][1]
        size += len(found[place])
    return found
