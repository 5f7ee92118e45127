"""`baileys-janitor job`: only for the help; the entry point runs the job before the CLI loads."""

from __future__ import annotations

from typing import Final

from baileys_janitor.cli.cluster.job_entry_point import Main, job_entry_point

EXAMPLE: Final = (
    """baileys-janitor job '{"v":2,"action":"scan","settings":[[[150,170,175,180,185,"Pressure"],[50,65],"""
    """[1209600,259200,null],[604800,86400,null],[60,500]]],"members":[["/srv/sessions","company_1",0,null]]}'"""
)


def _load() -> Main:
    from baileys_janitor.job.main import main

    return main


command = job_entry_point(
    "job",
    "Carry out one TASK (JSON) in a pod; started by the operator, not by people.",
    _load,
    (
        EXAMPLE,
        "Count one directory; the result is one line on standard output, if there is no /dev/termination-log.",
    ),
)
