"""Keeps validated copies of creds.json in the session directories."""

from __future__ import annotations

import logging

from baileys_janitor.api.watch_config import CredentialsCopies
from baileys_janitor.volume.credential_copies import KEPT
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.work import Volume

logger = logging.getLogger("janitor.watch")

LOOK_SECONDS = 3600.0
"""Seconds from one look for whether a copy of creds.json is due to the next."""


def keep_if_due(
    volume: Volume, record: DirectoryRecord, copies: CredentialsCopies, now: float
) -> None:
    """Keep a copy of creds.json, where anything may be written at all; look for that once an hour."""
    recent = record.copied_at is not None and now - record.copied_at < LOOK_SECONDS
    assert record.effective is not None
    if not copies.keep or recent or record.effective.mode != "Enforce":
        return
    record.copied(now)
    kept = volume.keep_copy(record, float(copies.every.seconds), copies.keep, now)
    if kept is not None and kept.outcome == KEPT:
        logger.info("A copy of creds.json is kept", extra={"tenant": record.name})
