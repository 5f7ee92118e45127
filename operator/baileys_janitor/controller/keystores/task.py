"""The task of a key store's Job, from the settings in force. Pure."""

from __future__ import annotations

from dataclasses import replace

from baileys_janitor.api.keystores.merge import EffectiveKeyStore
from baileys_janitor.keystore.job.task import StoreTask
from baileys_janitor.policy.settings import Thresholds

URL_DIRECTORY, CA_DIRECTORY = "/connection", "/authority"
URL_FILE, CA_FILE = "url", "ca.crt"
"""Paths in a Job's pod of the connection's URL and the certificate authority."""


def task(settings: EffectiveKeyStore, action: str, run: str | None, reason: str) -> StoreTask:
    """Return the task of a Job."""
    has_authority = settings.access.ca_secret is not None
    return StoreTask(
        action=action,
        url_file=f"{URL_DIRECTORY}/{URL_FILE}",
        ca_file=f"{CA_DIRECTORY}/{CA_FILE}" if has_authority else None,
        run=run or "",
        reason=reason,
        dry_run=settings.mode != "Enforce",
        keys=dict(settings.keys),
        credentials=dict(settings.credentials),
        # The levels of single sessions apply to directories only.
        settings=replace(settings.policy, thresholds=Thresholds()),
        schema=settings.schema,
        archive=settings.archive,
        memory=settings.memory,
        undo_window=float(settings.undo_window),
        batch=settings.batch,
        pause=settings.pause,
        statement_timeout=settings.statement_timeout,
        lock_timeout=settings.lock_timeout,
        duration=float(settings.duration),
    )
