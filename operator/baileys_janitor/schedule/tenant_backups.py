"""When the backups and drills of a tenant or a key store in a cluster are due. Pure."""

from __future__ import annotations

from baileys_janitor.api.config.effective import EffectiveSettings
from baileys_janitor.schedule import slots
from baileys_janitor.schedule.backup_times import BackupSchedule


def schedule_of(
    namespace: str, effective: EffectiveSettings, jitter: float
) -> BackupSchedule | None:
    """Return the schedules in force; None if backups are not configured or are suspended.

    All tenants of a namespace have the same delay, so that they share Jobs; namespaces are spread over `jitter`
    seconds.
    """
    backups = effective.backup
    if backups is None or effective.suspend:
        return None
    group = backups.group
    return BackupSchedule(
        group.schedule,
        group.drill_schedule if backups.sources else None,
        effective.times.time_zone,
        float(int(slots.spread(namespace, "backup", jitter))),
        frozenset(backups.names) - backups.drilled,
    )
