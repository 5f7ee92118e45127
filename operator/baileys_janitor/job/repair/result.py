"""The result that leaves a repair's Job: counts and codes in the termination message, and no phone number.

A line `baileys-janitor-repair/1 repair <checksum>`, then one line of JSON; `failure` replaces `repair` if nothing
was read at all. A pod can be taken over, so the result is not trusted: every number, word and list is read
with bounds, and the only exception is `BadResult`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from baileys_janitor.job.document import read_document, write_document
from baileys_janitor.job.repair.task import REPAIR
from baileys_janitor.policy.contact.codes import NOTES
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.files.state_names import valid_run
from baileys_janitor.volume.report.codec_fields import CODE_MAX, REASONS_MAX, BadResult, is_code
from baileys_janitor.volume.report.results import CAPPED, FAILED, OUTCOMES, REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["BadResult", "RepairFailure", "RepairResult", "decode", "encode"]

MAGIC = "baileys-janitor-repair/1"
FAILURE = "failure"
CONTACT_MISSING = "ContactMissing"
CONTACT_UNREADABLE = "ContactUnreadable"
_COUNT_MAX = 1 << 24
_MS_MAX = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairResult:
    """The result of a repair, or of its dry run.

    `outcome` is one of OUTCOMES; a refusal, a failure and a run that was cut short have a `code`. For Repeated, `code`
    is the outcome of the recorded run, or Killed.

    Attributes:
        removed: files that moved into the trash, by kind; in a dry run, that would move.
        kept: named files that stay, by the code of the reason.
        left: files for another run.
        returned: files that were in place again right after the run.
        purged_early: files of earlier runs that left the trash to make room.
        devices, authors: the number of devices or authors of the files.
        notes: codes of notices for a person (`policy.contact.codes.NOTES`).
    """

    run: str
    outcome: str
    code: str = ""
    removed: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    returned: int = 0
    purged_early: int = 0
    devices: int = 0
    authors: int = 0
    notes: tuple[str, ...] = ()
    ms: int = 0

    @property
    def files(self) -> int:
        """The number of files that moved, or would move."""
        return sum(self.removed.values())


@dataclass(frozen=True, slots=True)
class RepairFailure:
    """The reason why a Job could not even read the directory."""

    code: str


def encode(result: RepairResult | RepairFailure) -> bytes:
    """Return the document. It always fits: kinds, reasons and codes are few."""
    if isinstance(result, RepairFailure):
        return write_document(MAGIC, FAILURE, {"c": result.code})
    kept = list(result.kept.items())[:REASONS_MAX]
    return write_document(
        MAGIC,
        REPAIR,
        {
            "u": result.run,
            "o": result.outcome,
            "c": result.code,
            "r": [[KINDS.index(kind), min(n, _COUNT_MAX)] for kind, n in result.removed.items()],
            "k": [[code[:CODE_MAX], min(n, _COUNT_MAX)] for code, n in kept],
            "l": min(result.left, _COUNT_MAX),
            "b": min(result.returned, _COUNT_MAX),
            "e": min(result.purged_early, _COUNT_MAX),
            "v": min(result.devices, _COUNT_MAX),
            "a": min(result.authors, _COUNT_MAX),
            "n": [each for each in result.notes if each in NOTES],
            "d": min(result.ms, _MS_MAX),
        },
    )


def decode(text: str | bytes) -> RepairResult | RepairFailure:
    """Read a document; raises BadResult when it is cut, changed, or not from this program."""
    action, data = read_document(text, MAGIC, (REPAIR, FAILURE), "a result of a repair")
    code = _code(data.get("c"))
    if action == FAILURE:
        if not code:
            raise BadResult("a failure without a reason")
        return RepairFailure(code)
    run, outcome, notes = data.get("u"), data.get("o"), data.get("n")
    if not isinstance(run, str) or not valid_run(run):
        raise BadResult("a result of no run")
    if not isinstance(outcome, str) or outcome not in OUTCOMES:
        raise BadResult("a result with an unknown word")
    if outcome in (FAILED, REFUSED) and not code:
        raise BadResult("a failure without a reason")
    if not isinstance(notes, list) or len(notes) > len(NOTES):
        raise BadResult("a result with a list of the wrong length")
    return RepairResult(
        run=run,
        outcome=outcome,
        code=code,
        removed={KINDS[_number(kind, len(KINDS) - 1)]: n for kind, n in _counts(data.get("r"))},
        kept={_reason(reason): n for reason, n in _counts(data.get("k"))},
        left=_number(data.get("l"), _COUNT_MAX),
        returned=_number(data.get("b"), _COUNT_MAX),
        purged_early=_number(data.get("e"), _COUNT_MAX),
        devices=_number(data.get("v"), _COUNT_MAX),
        authors=_number(data.get("a"), _COUNT_MAX),
        notes=tuple(_note(each) for each in notes),
        ms=_number(data.get("d"), _MS_MAX),
    )


def is_cut_short(result: RepairResult) -> bool:
    """Return whether a run was ended early by anything but the limit of one run."""
    return result.outcome == CAPPED and bool(result.code)


def _counts(items: object) -> list[tuple[Any, int]]:
    if not isinstance(items, list) or len(items) > REASONS_MAX:
        raise BadResult("a result with a list of the wrong length")
    found = []
    for item in items:
        if not isinstance(item, list) or len(item) != 2:
            raise BadResult("a result with a count of the wrong length")
        found.append((item[0], _number(item[1], _COUNT_MAX)))
    return found


def _note(value: object) -> str:
    if not isinstance(value, str) or value not in NOTES:
        raise BadResult("a result with an unknown word")
    return value


def _code(value: object) -> str:
    return "" if value == "" else _reason(value)


def _reason(value: object) -> str:
    if not isinstance(value, str) or not is_code(value):
        raise BadResult("a result with an invalid code")
    return value


def _number(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise BadResult("a result with a number out of bounds")
    return value
