"""The result that leaves a Job for a key store: a text of at most 4,096 bytes in the termination message.

A line `baileys-janitor-keys/1 <action> <checksum>`, then one line of JSON. The reader does not trust the text: every
number, word and list is read with bounds, and the only exception is `BadResult`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from baileys_janitor.job.document import read_document, write_document
from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.keystore.job.task import ACTIONS, CLEAN, SCAN
from baileys_janitor.keystore.results import (
    AGE_BUCKETS,
    WORST_MAX,
    CleanResult,
    Report,
    TableFigures,
    TypeFigures,
    masked,
)
from baileys_janitor.volume.files.state_names import valid_run
from baileys_janitor.volume.report.codec_fields import BadResult
from baileys_janitor.volume.report.results import OUTCOMES

__all__ = ["BadResult", "JobFailure", "JobResult", "Scan", "decode", "encode"]

VERSION: Final = 1
MAGIC: Final = f"baileys-janitor-keys/{VERSION}"
FAILURE: Final = "failure"

_NUMBER_MAX: Final = 2**53
_SENTENCE_MAX: Final = 400
_NAMES_MAX: Final = 32
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_CODE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


@dataclass(slots=True, kw_only=True)
class Scan:
    """A count of a store: its report, how many keys a cleanup would remove now, and why the others stay.

    `expired` is None where nothing may be removed; the report's `hindrances` are the reasons.
    """

    report: Report
    expired: int | None = None
    kept: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a Job could do nothing: a code, and a sentence with the remedy."""

    code: str
    message: str


JobResult = Scan | CleanResult | JobFailure | None
"""A Job's result; None is an unreadable one."""


def encode(result: Scan | CleanResult | JobFailure) -> bytes:
    """Return the document. If it is too long, the parts for people are left out: the fullest sessions first."""
    if isinstance(result, JobFailure):
        return write_document(
            MAGIC, FAILURE, {"code": result.code, "message": _sentence(result.message)}
        )
    action, data = (SCAN, _scan_data(result)) if isinstance(result, Scan) else _clean_data(result)
    for group, name in _DISPENSABLE:
        document = write_document(MAGIC, action, data)
        if len(document) <= LIMIT_BYTES:
            return document
        place = data.get(group) if group else data
        if isinstance(place, dict):
            place.pop(name, None)
    return write_document(MAGIC, action, data)


_DISPENSABLE: Final = (("report", "worst"), ("", "kept"), ("report", "types"), ("", "refused"))


def decode(text: str | bytes) -> JobResult:
    """Read a document; raises BadResult when it is cut, changed, or not from this program."""
    action, data = read_document(text, MAGIC, (*ACTIONS, FAILURE), "a result about a key store")
    if action == FAILURE:
        return JobFailure(_code(data.get("code")) or "Failed", _sentence(data.get("message")))
    return _read_scan(data) if action == SCAN else _read_clean(data)


# Writing


def _scan_data(scan: Scan) -> dict[str, Any]:
    return {"report": _report_data(scan.report), "expired": scan.expired, "kept": scan.kept}


def _clean_data(result: CleanResult) -> tuple[str, dict[str, Any]]:
    data = {
        "run": result.run,
        "outcome": result.outcome,
        "code": result.code,
        "message": _sentence(result.message or ""),
        "figures": [getattr(result, name) for name in _FIGURES],
        "returned": result.returned_bytes,
        "archived": result.archived,
        "refused": result.refused,
        "byType": result.by_type,
        "byReason": result.by_reason,
        "kept": result.kept,
        "before": None if result.before is None else result.before.keys,
        "report": None if result.after is None else _report_data(result.after),
    }
    return CLEAN, data


_FIGURES: Final = (
    "duration_ms",
    "remover_ms",
    "sessions",
    "cleaned",
    "busy",
    "removed",
    "changed",
    "left",
    "row_bytes",
    "purged",
)


def _report_data(report: Report) -> dict[str, Any]:
    table = report.table
    return {
        "time": int(report.time),
        "server": report.server,
        "layout": report.layout,
        "keys": report.keys,
        "bytes": report.bytes,
        "types": {
            kind: [one.count, one.bytes, _whole(one.oldest), _whole(one.newest)]
            for kind, one in list(report.by_type.items())[:_NAMES_MAX]
        },
        "ages": None if report.ages is None else [report.ages[name] for name in AGE_BUCKETS],
        "oldest": _whole(report.oldest),
        "newest": _whole(report.newest),
        "undated": report.undated,
        "table": [
            table.bytes,
            table.index_bytes,
            table.total_bytes,
            table.dead_rows,
            _whole(table.last_autovacuum),
        ],
        "sessions": report.sessions,
        "credentials": report.credentials,
        "levels": report.levels,
        "worst": [[masked(name)[:40], level, keys] for name, level, keys in report.worst],
        "hindrances": [[code, _sentence(said)] for code, said in report.hindrances[:4]],
        "duration": report.duration_ms,
    }


def _whole(when: float | None) -> int | None:
    return None if when is None else int(when)


# Reading


def _read_scan(data: dict[str, Any]) -> Scan:
    expired = data.get("expired")
    return Scan(
        report=_read_report(data.get("report")),
        expired=None if expired is None else _number(expired),
        kept=_counts(data.get("kept")),
    )


def _read_clean(data: dict[str, Any]) -> CleanResult:
    run, outcome, figures = data.get("run"), data.get("outcome"), data.get("figures")
    if not isinstance(run, str) or not valid_run(run) or outcome not in OUTCOMES:
        raise BadResult("a result without a run or an outcome")
    if not isinstance(figures, list) or len(figures) != len(_FIGURES):
        raise BadResult("a result without its figures")
    returned, before, after = data.get("returned"), data.get("before"), data.get("report")
    told = dict(zip(_FIGURES, map(_number, figures), strict=True))
    result = CleanResult(
        run=run,
        outcome=outcome,
        code=_code(data.get("code")),
        message=_sentence(data.get("message")) or None,
        duration_ms=told["duration_ms"],
        remover_ms=told["remover_ms"],
        sessions=told["sessions"],
        cleaned=told["cleaned"],
        busy=told["busy"],
        removed=told["removed"],
        changed=told["changed"],
        left=told["left"],
        row_bytes=told["row_bytes"],
        purged=told["purged"],
        returned_bytes=None if returned is None else _number(returned),
        archived=data.get("archived") is True,
        refused=_counts(data.get("refused")),
        by_type=_counts(data.get("byType")),
        by_reason=_counts(data.get("byReason")),
        kept=_counts(data.get("kept")),
        after=None if after is None else _read_report(after),
    )
    if before is not None:
        result.before = Report(time=0, keys=_number(before))
    return result


def _read_report(data: object) -> Report:
    if not isinstance(data, dict):
        raise BadResult("a result without a report")
    ages, table = data.get("ages"), _list(data.get("table"), 5)
    if ages is not None:
        ages = dict(zip(AGE_BUCKETS, map(_number, _list(ages, len(AGE_BUCKETS))), strict=True))
    return Report(
        time=_number(data.get("time")),
        server=_number(data.get("server")),
        layout=_word(data.get("layout")),
        keys=_number(data.get("keys")),
        bytes=_number(data.get("bytes")),
        by_type=_read_types(data.get("types")),
        ages=ages,
        oldest=_optional(data.get("oldest")),
        newest=_optional(data.get("newest")),
        undated=_number(data.get("undated")),
        table=TableFigures(
            bytes=_number(table[0]),
            index_bytes=_number(table[1]),
            total_bytes=_number(table[2]),
            dead_rows=_optional(table[3]),
            last_autovacuum=_optional(table[4]),
        ),
        sessions=_number(data.get("sessions")),
        credentials=_number(data.get("credentials")),
        levels=_counts(data.get("levels")),
        worst=_read_worst(data.get("worst")),
        hindrances=_read_hindrances(data.get("hindrances")),
        duration_ms=_number(data.get("duration")),
    )


def _read_types(data: object) -> dict[str, TypeFigures]:
    found = {}
    for kind, figures in list(_mapping(data).items())[:_NAMES_MAX]:
        count, size, oldest, newest = _list(figures, 4)
        found[_word(kind)] = TypeFigures(
            count=_number(count),
            bytes=_number(size),
            oldest=_optional(oldest),
            newest=_optional(newest),
        )
    return found


def _read_worst(data: object) -> list[tuple[str, str, int]]:
    listed = data if isinstance(data, list) else []
    found = []
    for one in listed[:WORST_MAX]:
        name, level, keys = _list(one, 3)
        found.append((_name(name), _word(level), _number(keys)))
    return found


def _read_hindrances(data: object) -> list[tuple[str, str]]:
    listed = data if isinstance(data, list) else []
    pairs = [_list(one, 2) for one in listed[:4]]
    return [(_code(code) or "Failed", _sentence(said)) for code, said in pairs]


def _list(data: object, length: int) -> list[Any]:
    if not isinstance(data, list) or len(data) != length:
        raise BadResult("a result with a list of the wrong length")
    return data


def _mapping(data: object) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadResult("a result with something else in place of an object")
    return data


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _NUMBER_MAX:
        raise BadResult("a result with a number out of bounds")
    return value


def _optional(value: object) -> int | None:
    return None if value is None else _number(value)


def _counts(data: object) -> dict[str, int]:
    items = list(_mapping(data).items())[:_NAMES_MAX]
    return {_word(name): _number(value) for name, value in items}


def _word(value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise BadResult("a result with an invalid word")
    return value


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _sentence(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable())[:_SENTENCE_MAX]


def _name(value: object) -> str:
    return masked(_sentence(value)[:40])
