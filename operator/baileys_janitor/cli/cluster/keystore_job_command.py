"""`baileys-janitor keystore-job`: the operator runs it in a pod for a key store."""

from __future__ import annotations

from baileys_janitor.cli.cluster.job_entry_point import Main, job_entry_point


def _load() -> Main:
    from baileys_janitor.keystore.job.main import main

    return main


command = job_entry_point(
    "keystore-job",
    "Carry out one TASK (JSON) on a database; started by the operator, not by people.",
    _load,
)
