"""`baileys-janitor backup-job`: the operator runs it in a pod for backups."""

from __future__ import annotations

from baileys_janitor.cli.cluster.job_entry_point import Main, job_entry_point


def _load() -> Main:
    from baileys_janitor.backup.job.main import main

    return main


command = job_entry_point(
    "backup-job",
    "Carry out one TASK (JSON) of backups or drills; started by the operator, not by people.",
    _load,
)
