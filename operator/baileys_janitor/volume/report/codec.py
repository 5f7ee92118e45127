"""The positional text form of a report: one line, groups parted by ";", fields by ",", lists by "/".

Numbers are written in base 36 and times as seconds before the document's own time, because many tenants
share 4,096 bytes. The first two groups of a cleanup are kept in the volume's journal as well. Field order is the
format: append, never reorder, and raise `job.result.VERSION` when a meaning changes.

Any process that can write into a pod's status or into the volume can write such a line, with a matching checksum.
So nothing read is trusted: each field has a type and bounds, and other values raise BadResult.
"""

from __future__ import annotations

from baileys_janitor.volume.report.codec_fields import (
    AGES,
    BINS_FIELD,
    CODE,
    COUNT,
    COUNTED_CODES,
    FINGERPRINT,
    FLAG,
    KEEPING,
    KIB,
    LISTED_KINDS,
    MEMORY,
    MILLISECONDS,
    NUMBER,
    OUTCOME,
    PACKED_KINDS,
    REASONS,
    RUN_ID,
    SET_COUNT,
    SET_NUMBER,
    STATE,
    TIME,
    TOKEN,
    BadResult,
)
from baileys_janitor.volume.report.results import ScanResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from baileys_janitor.volume.report.codec_fields import Fields
    from baileys_janitor.volume.report.run_results import (
        CleanResult,
        KeptCopy,
        PurgeResult,
        UndoResult,
    )

FAILURE: Fields = (("error", CODE), ("total", COUNT))
CORE: Fields = (
    ("total", COUNT),
    ("counted", COUNT),
    ("protected", COUNT),
    ("reclaimable", COUNT),
    ("gain", COUNT),
    ("floor", COUNT),
    ("identity_state", STATE),
    ("fingerprint", FINGERPRINT),
    ("newest_activity", TIME),
    ("creds_token", TOKEN),
    ("skewed", FLAG),
)
# Rarely set fields are at the end of these groups, where they take no room.
VOLUME: Fields = (
    ("bytes", NUMBER),
    ("free_bytes", KIB),
    ("free_inodes", NUMBER),
    ("volume_bytes", KIB),
    ("trash_runs", COUNT),
    ("trash_oldest", TIME),
    ("trash_files", COUNT),
    ("trash_bytes", NUMBER),
)
FILES: Fields = (
    ("by_kind", PACKED_KINDS),
    ("ages", AGES),
    ("kept", REASONS),
    ("pre_key_span", NUMBER),
)
RUNNING: Fields = (
    ("bins", BINS_FIELD),
    ("held_days", COUNT),
    ("put_in", TIME),
    ("running", MEMORY),
)
COPIES: Fields = (("uncopied", FLAG), ("copies", COUNT), ("copied", TIME))
DETAIL: tuple[Fields, ...] = (VOLUME, FILES, RUNNING, COPIES)
RUN: Fields = (
    ("run", RUN_ID),
    ("outcome", OUTCOME),
    ("code", CODE),
    ("time", TIME),
    ("removed", SET_COUNT),
    ("left", SET_COUNT),
    ("before", COUNT),
    ("after", COUNT),
    ("freed_bytes", SET_NUMBER),
    ("duration_ms", MILLISECONDS),
    ("applied", FLAG),
    ("recovered", SET_COUNT),
    ("in_trash", SET_COUNT),
    ("purged_early", SET_COUNT),
    ("returned", SET_COUNT),
)
RUN_DETAIL: Fields = (("removed_by_kind", LISTED_KINDS), ("kept", COUNTED_CODES))
RUN_REASONS: Fields = (("removed_by_reason", COUNTED_CODES),)
UNDO: Fields = (
    ("run", RUN_ID),
    ("outcome", OUTCOME),
    ("code", CODE),
    ("restored", SET_COUNT),
    ("restored_by_kind", LISTED_KINDS),
    ("kept", COUNTED_CODES),
    ("duration_ms", MILLISECONDS),
    ("taken_away", SET_COUNT),
)
PURGE: Fields = (
    ("outcome", OUTCOME),
    ("code", CODE),
    ("runs", SET_COUNT),
    ("files", SET_COUNT),
    ("freed_bytes", SET_NUMBER),
    ("trash_runs", COUNT),
    ("trash_oldest", TIME),
)


KEEP: Fields = (
    ("outcome", KEEPING),
    ("code", CODE),
    ("copies", SET_COUNT),
    ("newest", TIME),
    ("removed", SET_COUNT),
)


def write_group(report: object, fields: Fields, now: int) -> str:
    """Return one group of a report's fields as text."""
    parts = []
    for name, codec in fields:
        value = getattr(report, name)
        if codec is TIME and value is not None:
            value = now - value
        parts.append(codec[0](value))
    return ",".join(parts)


def read_group(text: str, fields: Fields, now: int) -> dict[str, Any]:
    """Return the fields of one group; raise BadResult for a wrong number of fields or a wrong value."""
    parts = text.split(",", len(fields))
    if len(parts) != len(fields):
        raise BadResult("a result with an unknown set of fields")
    values = {}
    try:
        for part, (name, codec) in zip(parts, fields, strict=True):
            value = codec[1](part)
            values[name] = now - value if codec is TIME and value is not None else value
    except (ValueError, IndexError) as problem:
        raise BadResult("a result with an unreadable field") from problem
    return values


def scan_groups(scan: ScanResult, now: int) -> list[str]:
    """Return the counts of a scan, then its detail; for a failed scan, the error."""
    if scan.error:
        return ["!" + write_group(scan, FAILURE, now)]
    detail = [write_group(scan, fields, now).rstrip(",") for fields in DETAIL]
    return [write_group(scan, CORE, now), *detail]


def read_scan(groups: list[str], now: int) -> ScanResult:
    """Read the output of `scan_groups`; empty groups at the end may be missing."""
    if len(groups) > 1 + len(DETAIL):
        raise BadResult("a result with an unknown number of groups")
    core, *detail = groups
    if core.startswith("!"):
        return ScanResult(**read_group(core[1:], FAILURE, now))
    values = read_group(core, CORE, now)
    values["looked"] = now
    for text, fields in zip(detail, DETAIL, strict=False):
        missing = len(fields) - 1 - text.count(",")
        values.update(read_group(text + "," * missing, fields, now))
    return ScanResult(**values)


def clean_groups(clean: CleanResult, now: int) -> list[str]:
    """Return the run, its detail, the reasons of removals, and the groups of the scan after it, if any.

    The journal holds the first two: they must not change, so that an older version can read it.
    """
    scan = scan_groups(clean.scan, now) if clean.scan else []
    held = [write_group(clean, fields, now) for fields in (RUN, RUN_DETAIL, RUN_REASONS)]
    return [*held, *scan]


def read_clean(groups: list[str], now: int) -> CleanResult:
    """Read the output of `clean_groups`."""
    from baileys_janitor.volume.report.run_results import CleanResult

    values = read_group(groups[0], RUN, now)
    for text, fields in zip(groups[1:3], (RUN_DETAIL, RUN_REASONS), strict=False):
        if text:
            values.update(read_group(text, fields, now))
    if any(groups[3:]):
        values["scan"] = read_scan(groups[3:], now)
    return CleanResult(**values)


def undo_groups(undo: UndoResult, now: int) -> list[str]:
    """Return an undo as one group."""
    return [write_group(undo, UNDO, now)]


def read_undo(groups: list[str], now: int) -> UndoResult:
    """Read the output of `undo_groups`."""
    from baileys_janitor.volume.report.run_results import UndoResult

    return UndoResult(**_read_single(groups, UNDO, now))


def purge_groups(purge: PurgeResult, now: int) -> list[str]:
    """Return a purge as one group."""
    return [write_group(purge, PURGE, now)]


def read_purge(groups: list[str], now: int) -> PurgeResult:
    """Read the output of `purge_groups`."""
    from baileys_janitor.volume.report.run_results import PurgeResult

    return PurgeResult(**_read_single(groups, PURGE, now))


def keep_groups(kept: KeptCopy, now: int) -> list[str]:
    """Return the outcome of keeping a copy as one group."""
    return [write_group(kept, KEEP, now)]


def read_keep(groups: list[str], now: int) -> KeptCopy:
    """Read the output of `keep_groups`."""
    from baileys_janitor.volume.report.run_results import KeptCopy

    return KeptCopy(**_read_single(groups, KEEP, now))


def _read_single(groups: list[str], fields: Fields, now: int) -> dict[str, Any]:
    if len(groups) != 1:
        raise BadResult("a result with an unknown number of groups")
    return read_group(groups[0], fields, now)
