"""Creates the Jobs of key stores: a count, a cleanup with a claimed run, an undo."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.create import settle
from baileys_janitor.controller.jobs.launch import JobLauncher
from baileys_janitor.controller.jobs.manifest import Member, Pod, SecretMount
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.controller.keystores.task import (
    CA_DIRECTORY,
    CA_FILE,
    URL_DIRECTORY,
    URL_FILE,
    task,
)
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.schedule.decision import Decision

Object = dict[str, Any]

ANYWHERE = Place()
MARGIN_SECONDS = 30
"""Seconds that a pod may run beyond the time of its run: it connects, and writes its result."""


class KeyStoreJobs:
    """Creates Jobs. `pod` has the settings of every Job's pod."""

    def __init__(
        self, launcher: JobLauncher, writer: StatusWriter[KeyStoreRecord], clock: Clock, pod: Pod
    ) -> None:
        self._launcher = launcher
        self._writer = writer
        self._clock = clock
        self._pod = pod

    async def scan(self, record: KeyStoreRecord) -> None:
        """Count the keys."""
        await self._launch(record, "keys-scan")

    async def begin(self, record: KeyStoreRecord, decision: Decision) -> None:
        """Start a cleanup exactly once: claim the run in the status, then create its Job."""
        assert decision.reason is not None
        now = self._clock.now()
        run = f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        record.cleanup.claim({"id": run, "reason": decision.reason, "startTime": to_rfc3339(now)})
        settle(record, decision)
        if decision.reason == "Requested":
            record.timers.requested(now)
        claimed = record.run
        if not await self._writer.write(record, force=True):
            # It is unknown whether the claim was stored; read the resource again before anything else.
            record.stored.doubt()
            return
        if record.run == claimed:
            await self._clean(record)

    async def resume(self, record: KeyStoreRecord) -> None:
        """Create the Job of a claimed run again; the database refuses a run that it already contains."""
        record.cleanup.doubt()
        await self._clean(record)

    async def _clean(self, record: KeyStoreRecord) -> None:
        assert record.run is not None
        run = str(record.run["id"])
        uid = await self._launch(record, "keys-clean", run)
        if uid is not None and record.run is not None and record.run.get("id") == run:
            # With its uid any operator can read the Job's result.
            record.cleanup.created(uid)

    async def _launch(
        self, record: KeyStoreRecord, action: str, run: str | None = None
    ) -> str | None:
        settings = record.effective
        assert settings is not None
        reason = str((record.run or {}).get("reason") or "") if run else ""
        found = manifest.job(
            name="",
            namespace=record.namespace,
            action=action,
            task=task(settings, action, run, reason).to_json(),
            members=[Member(record.name, record.uid)],
            claims=[],
            place=ANYWHERE,
            pod=self._pod_for(settings.duration),
            resources=dict(settings.job.resources),
            read_only=True,
            run=run,
            owner=manifest.owner_reference(record.name, record.uid, record.kind),
            secrets=database_secrets(record),
        )
        prefix = f"janitor-{action}-{run}" if run else f"janitor-{action}"
        return await self._launcher.launch(found, prefix, [record], frozenset())

    def _pod_for(self, duration: int) -> Pod:
        command = (*self._pod.command[:-1], "keystore-job")
        return replace(self._pod, deadline=duration + MARGIN_SECONDS, command=command)


def database_secrets(record: KeyStoreRecord) -> list[SecretMount]:
    """Return the Secrets of a Job's pod for the database connection."""
    assert record.effective is not None
    access = record.effective.access
    found = [SecretMount(access.secret, access.key, URL_DIRECTORY, URL_FILE)]
    if access.ca_secret is not None:
        found.append(SecretMount(access.ca_secret, access.ca_key, CA_DIRECTORY, CA_FILE))
    return found
