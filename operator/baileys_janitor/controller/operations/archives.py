"""Requested backups and drills: their repositories and their results, from the tenant's record. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.operations.spec import BACKUP, DRILL
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.backup.job import task
from baileys_janitor.job.result import COMPLETED, FAILED
from baileys_janitor.tenants.backup_state import (
    NOTHING_TO_DO,
    PUT,
    UNCHANGED,
    RepositoryState,
)
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]

TASKS = {BACKUP: task.BACKUP, DRILL: task.DRILL}
"""The names of these actions in the task of a Job."""
ACTIONS = frozenset(TASKS)
"""Actions that the manager of backups carries out: by Jobs that many tenants share and that only read."""
PASSED = "Passed"
"""The outcome of a successful drill."""
_WORDS = {
    PUT: "an archive was put",
    UNCHANGED: "its newest archive is the session as it is, and was verified",
    NOTHING_TO_DO: "there is no session yet",
    PASSED: "its newest archive can be restored",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a backup or a drill: for each repository, and a message for all."""

    ok: bool
    reason: str
    result: Object
    message: str


def names_of(tenant: TenantRecord, action: str) -> tuple[str, ...]:
    """Return the repositories of an operation; none if it has nothing to do.

    A drill uses the repositories that contain an archive and that drills can read.
    """
    effective = tenant.effective
    if effective is None or effective.backup is None:
        return ()
    known = tenant.backup.repositories
    if action == BACKUP:
        return tuple(known)
    drilled = effective.backup.drilled
    return tuple(
        name for name, state in known.items() if name in drilled and state.newest is not None
    )


def asked_since(start: object, now: float) -> float:
    """Return the time (Unix seconds) after which attempts count for a requested backup or drill, from the `startTime`
    of its operation.

    That is in whole seconds: an attempt in the same second may be older than the request, and lack the latest changes.
    """
    began = from_rfc3339(start)
    return now if began is None else min(began + 1.0, now)


def unasked(tenant: TenantRecord, action: str, since: float) -> tuple[str, ...]:
    """Return the repositories for which no attempt since then was made or requested.

    Only this process knows of requests, and forgets them when the status of the tenant is read again.
    """
    found = []
    for name in names_of(tenant, action):
        state = tenant.backup.repositories[name]
        attempts = state.drill if action == DRILL else state
        if (attempts.tried_at or 0.0) < since and (attempts.asked_at or 0.0) < since:
            found.append(name)
    return tuple(found)


def answer(tenant: TenantRecord, action: str, since: float) -> Answer | None:
    """Return the result for all repositories; None while one was not tried since a time (Unix seconds)."""
    listed: list[Object] = []
    said: list[str] = []
    reason = ""
    for name in names_of(tenant, action):
        state = tenant.backup.repositories[name]
        attempts = state.drill if action == DRILL else state
        if attempts.tried_at is None or attempts.tried_at < since:
            return None
        entry, words = _told(name, action, state)
        listed.append(entry)
        said.append(f"{name}: {words}")
        reason = reason or str(entry.get("reason") or "")
    outcome = FAILED if reason else COMPLETED
    message = "; ".join(said) or "The tenant has no repository any more."
    if not listed:
        reason = "NotConfigured"
    message = message if message.endswith(".") else f"{message}."
    return Answer(not reason, reason, {"outcome": outcome, "repositories": listed}, message)


def _told(name: str, action: str, state: RepositoryState) -> tuple[Object, str]:
    attempts = state.drill if action == DRILL else state
    entry: Object = {"name": name}
    if attempts.failures:
        entry |= {"outcome": FAILED, "reason": attempts.code or FAILED}
        return entry, f"failed ({attempts.code}): {attempts.message}".rstrip(".")
    entry["outcome"] = PASSED if action == DRILL else state.outcome or PUT
    archive = (
        state.drill.archive if action == DRILL else state.newest.archive if state.newest else ""
    )
    if archive:
        entry["archive"] = archive
    return entry, _WORDS.get(str(entry["outcome"]), str(entry["outcome"]))
