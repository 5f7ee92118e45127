"""The documents that the commands on a database print with `-o json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.output import write_document
from baileys_janitor.keystore.results import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baileys_janitor.keystore.results import CleanResult, KnownRun, Report, UndoResult

SCAN_SCHEMA: Final = "baileys-janitor/keystore-scan/v1"
CLEAN_SCHEMA: Final = "baileys-janitor/keystore-clean/v1"
UNDO_SCHEMA: Final = "baileys-janitor/keystore-undo/v1"
RUNS_SCHEMA: Final = "baileys-janitor/keystore-runs/v1"
BACKUP_SCHEMA: Final = "baileys-janitor/keystore-backup/v1"
ARCHIVES_SCHEMA: Final = "baileys-janitor/keystore-archives/v1"
DRILL_SCHEMA: Final = "baileys-janitor/keystore-drill/v1"
FINGERPRINTS_SCHEMA: Final = "baileys-janitor/keystore-fingerprints/v1"
RESTORE_SCHEMA: Final = "baileys-janitor/keystore-restore/v1"
TRANSFER_SCHEMA: Final = "baileys-janitor/keystore-transfer/v1"


def print_document(schema: str, document: Mapping[str, Any], output: str) -> None:
    """Print a command's one JSON or YAML document."""
    write_document({"schema": schema, **document}, output)


def report_document(report: Report) -> dict[str, Any]:
    """Return the document of a report; numbers in sessions' names are masked."""
    table = report.table
    return {
        "time": rfc3339(report.time),
        "layout": report.layout,
        "serverVersion": report.server,
        "keys": {
            "total": report.keys,
            "bytes": report.bytes,
            "oldest": rfc3339(report.oldest),
            "newest": rfc3339(report.newest),
            "byType": {
                name: {
                    "count": each.count,
                    "bytes": each.bytes,
                    "oldest": rfc3339(each.oldest),
                    "newest": rfc3339(each.newest),
                }
                for name, each in report.by_type.items()
            },
            "ages": report.ages,
        },
        "table": {
            "bytes": table.bytes,
            "indexBytes": table.index_bytes,
            "totalBytes": table.total_bytes,
            "deadRows": table.dead_rows,
            "lastAutovacuum": rfc3339(table.last_autovacuum),
        },
        "sessions": {
            "count": report.sessions,
            "withCreds": report.credentials,
            "byLevel": report.levels,
            "worst": [
                {"session": masked(session), "level": level, "counted": counted}
                for session, level, counted in report.worst
            ],
        },
        "hindrances": [{"code": code, "message": sentence} for code, sentence in report.hindrances],
        "duration": report.duration_ms / 1000,
    }


def clean_document(result: CleanResult, *, applied: bool) -> dict[str, Any]:
    """Return the document of a cleanup or a dry run."""
    return {
        "run": result.run if applied else None,
        "applied": applied,
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "time": rfc3339(result.time),
        "duration": result.duration_ms / 1000,
        "sessions": {
            "looked": result.sessions,
            "cleaned": result.cleaned,
            "busy": result.busy,
            "refused": result.refused,
        },
        "removed": result.removed,
        "removedByType": result.by_type,
        "changed": result.changed,
        "left": result.left,
        "reasons": {"removed": result.by_reason, "kept": result.kept},
        "rowBytes": result.row_bytes,
        "returnedBytes": result.returned_bytes,
        "undoable": result.archived,
        "purged": result.purged,
        "before": None if result.before is None else report_document(result.before),
        "after": None if result.after is None else report_document(result.after),
    }


def undo_document(result: UndoResult, *, applied: bool) -> dict[str, Any]:
    """Return the document of an undone run or a dry run."""
    return {
        "run": result.run,
        "applied": applied,
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "restored": result.restored,
        "restoredByType": result.by_type,
        "takenAway": result.taken_away,
        "sessions": result.sessions,
        "kept": result.kept,
        "duration": result.duration_ms / 1000,
    }


def run_document(run: KnownRun) -> dict[str, Any]:
    """Return the document of a run whose rows are in the archive."""
    return {
        "run": run.run,
        "time": rfc3339(run.time),
        "reason": run.reason,
        "rows": run.rows,
        "sessions": run.sessions,
    }
