"""Keeps validated copies of creds.json in the session directories."""

from __future__ import annotations

import logging

from baileys_janitor.tenants import record_result
from baileys_janitor.volume.report.run_results import KEPT
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.work import Volume

logger = logging.getLogger("janitor.watch")

LOOK_SECONDS = 3600.0
"""Seconds from one check for a due copy of creds.json to the next."""


def keep_if_due(volume: Volume, record: DirectoryRecord, now: float) -> None:
    """Keep a copy of creds.json if one is due and writing is allowed; check that once an hour."""
    assert record.effective is not None
    copies = record.effective.copies
    recent = record.copied_at is not None and now - record.copied_at < LOOK_SECONDS
    if copies is None or recent:
        return
    record.copied(now)
    kept = volume.keep_copy(record, float(copies.every), copies.keep, now)
    if kept is not None:
        record_result.kept(record, kept, None, now)
        if kept.outcome == KEPT:
            logger.info("A copy of creds.json is kept", extra={"tenant": record.name})
