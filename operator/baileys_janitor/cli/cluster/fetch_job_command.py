"""`baileys-janitor fetch-job`: the operator runs it in a pod to get the archive for a restore."""

from __future__ import annotations

from baileys_janitor.cli.cluster.job_entry_point import Main, job_entry_point


def _load() -> Main:
    from baileys_janitor.backup.restore_job.fetch import main

    return main


command = job_entry_point(
    "fetch-job",
    "Carry out the first half of one TASK (JSON) of a restore; started by the operator, not by people.",
    _load,
)
