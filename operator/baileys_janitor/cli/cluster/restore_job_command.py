"""`baileys-janitor restore-job`: the operator runs it in a pod to write a session that was fetched."""

from __future__ import annotations

from baileys_janitor.cli.cluster.job_entry_point import Main, job_entry_point


def _load() -> Main:
    from baileys_janitor.backup.restore_job.write import main

    return main


command = job_entry_point(
    "restore-job",
    "Carry out the second half of one TASK (JSON) of a restore; started by the operator, not by people.",
    _load,
)
