"""The result that leaves a restore's Job: a text of at most 4,096 bytes in the termination message.

A line `baileys-janitor-restore/1 restore <checksum>`, then one line of JSON; `failure` replaces `restore` if
nothing was read at all. A pod can be taken over, so the result is not trusted: every number, word and list
is read with bounds, and the only exception is `BadResult`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.job.result import JobFailure, sentence
from baileys_janitor.backup.latest import read_fingerprint
from baileys_janitor.backup.names import parse_name
from baileys_janitor.backup.restore_job.task import RESTORE
from baileys_janitor.job.document import read_document, write_document
from baileys_janitor.policy.archives.restore_codes import EXPLANATIONS, KEPT_BACK
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.files.identity import STATES
from baileys_janitor.volume.report.codec_fields import BadResult
from baileys_janitor.volume.report.results import OUTCOMES

__all__ = ["BadResult", "JobFailure", "RestoreResult", "decode", "encode"]

MAGIC: Final = "baileys-janitor-restore/1"
FAILURE: Final = "failure"

_CODE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,39}", re.ASCII)
_LATEST: Final = 1 << 33
_COUNT_MAX: Final = 1 << 24
_MS_MAX: Final = 86_400_000
_TOLD_MAX: Final = len(EXPLANATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """The result of a restore, or of its dry run.

    `outcome` is Completed, NothingToDo, DryRun, Refused, Repeated, Capped or Failed; every failure has a
    `code` and a sentence. A success may have them too: a check to make after it.

    Attributes:
        archive: the name of the archive that was used; `time` says when its session was read (Unix seconds).
        fingerprint: the archive's, whole.
        vouched: whether the tenant's status has recorded the archive.
        identity: the state of creds.json before (`policy.files.identity.STATES`); empty if it was not read.
        restored: files that were put back, by kind; kept_back: those that were not, by reason and kind.
        told: codes of notices for a person (`policy.archives.restore_codes.EXPLANATIONS`).
        next_pre_key_id: the new value of both counters, 0 if they did not change.
        fetched_ms, ms: the duration of getting the archive, and of all the rest.
    """

    outcome: str
    code: str = ""
    message: str = ""
    archive: str = ""
    time: int = 0
    fingerprint: str = ""
    vouched: bool = False
    identity: str = ""
    restored: Mapping[str, int] = field(default_factory=dict)
    kept_back: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    next_pre_key_id: int = 0
    fetched_ms: int = 0
    ms: int = 0

    @property
    def files(self) -> int:
        """The number of files that were put back."""
        return sum(self.restored.values())


def encode(result: RestoreResult | JobFailure) -> bytes:
    """Return the document. It always fits: kinds, reasons and codes are few."""
    if isinstance(result, JobFailure):
        said = {"code": result.code, "message": sentence(result.message)}
        return write_document(MAGIC, FAILURE, said)
    kept = [
        [reason, _written(kinds)]
        for reason, kinds in result.kept_back.items()
        if reason in KEPT_BACK
    ]
    return write_document(
        MAGIC,
        RESTORE,
        {
            "o": result.outcome,
            "c": result.code,
            "m": sentence(result.message),
            "a": result.archive,
            "t": result.time,
            "f": result.fingerprint,
            "v": result.vouched,
            "i": result.identity,
            "r": _written(result.restored),
            "k": kept,
            "w": [each for each in result.told if each in EXPLANATIONS],
            "n": result.next_pre_key_id,
            "g": result.fetched_ms,
            "d": result.ms,
        },
    )


def decode(text: str | bytes) -> RestoreResult | JobFailure:
    """Read a document; raises BadResult when it is cut, changed, or not from this program."""
    action, data = read_document(text, MAGIC, (RESTORE, FAILURE), "a result of a restore")
    if action == FAILURE:
        code = _code(data.get("code"))
        if not code:
            raise BadResult("a failure without a reason")
        return JobFailure(code, sentence(data.get("message")))
    outcome, code = _one_of(data.get("o"), OUTCOMES), _code(data.get("c"))
    if outcome in ("Failed", "Refused", "Capped") and not code:
        raise BadResult("a failure without a reason")
    archive, vouched, told = data.get("a"), data.get("v"), data.get("w")
    if not isinstance(archive, str) or (archive and parse_name(archive) is None):
        raise BadResult("a result with an invalid archive name")
    if not isinstance(vouched, bool) or not isinstance(told, list) or len(told) > _TOLD_MAX:
        raise BadResult("a result with a field of the wrong type")
    return RestoreResult(
        outcome=outcome,
        code=code,
        message=sentence(data.get("m")),
        archive=archive,
        time=_number(data.get("t"), _LATEST),
        fingerprint=_fingerprint(data.get("f")),
        vouched=vouched,
        identity=_one_of(data.get("i"), ("", *STATES)),
        restored=_read(data.get("r")),
        kept_back=_kept_back(data.get("k")),
        told=tuple(_one_of(each, EXPLANATIONS) for each in told),
        next_pre_key_id=_number(data.get("n"), _COUNT_MAX),
        fetched_ms=_number(data.get("g"), _MS_MAX),
        ms=_number(data.get("d"), _MS_MAX),
    )


def _written(kinds: Mapping[str, int]) -> list[list[int]]:
    return [[KINDS.index(kind), count] for kind, count in kinds.items()]


def _read(items: object) -> dict[str, int]:
    if not isinstance(items, list) or len(items) > len(KINDS):
        raise BadResult("a result with a list of the wrong length")
    found = {}
    for item in items:
        if not isinstance(item, list) or len(item) != 2:
            raise BadResult("a result with a count of the wrong length")
        found[KINDS[_number(item[0], len(KINDS) - 1)]] = _number(item[1], _COUNT_MAX)
    return found


def _kept_back(items: object) -> dict[str, dict[str, int]]:
    if not isinstance(items, list) or len(items) > len(KEPT_BACK):
        raise BadResult("a result with a list of the wrong length")
    found = {}
    for item in items:
        if not isinstance(item, list) or len(item) != 2:
            raise BadResult("a result with a reason of the wrong length")
        found[_one_of(item[0], KEPT_BACK)] = _read(item[1])
    return found


def _one_of(value: object, allowed: tuple[str, ...] | Mapping[str, str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise BadResult("a result with an unknown word")
    return value


def _code(value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise BadResult("a result with an invalid code")
    return value


def _fingerprint(value: object) -> str:
    if value == "":
        return ""
    if isinstance(value, str) and len(value) <= 33:
        with suppress(BackupProblem):
            return str(read_fingerprint(value))
    raise BadResult("a result with an invalid fingerprint")


def _number(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise BadResult("a result with a number out of bounds")
    return value
