"""`baileys-janitor repair-job`: the operator runs it in a pod to repair one contact or group."""

from __future__ import annotations

from baileys_janitor.cli.cluster.job_entry_point import Main, job_entry_point


def _load() -> Main:
    from baileys_janitor.job.repair.main import main

    return main


command = job_entry_point(
    "repair-job",
    "Carry out one TASK (JSON) that repairs a contact or a group; started by the operator, not by people.",
    _load,
)
