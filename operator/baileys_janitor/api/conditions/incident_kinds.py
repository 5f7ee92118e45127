"""Every message that can be sent about a tenant or the fleet: those of conditions, and those of other facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from baileys_janitor.api.conditions.backup_conditions import BACKUP_INCIDENTS
from baileys_janitor.api.conditions.condition_kinds import (
    CONDITIONS,
    CRITICAL,
    WARNING,
    Family,
    IncidentKind,
)

STALLED_SECONDS = 900.0
"""Seconds that a fault must last before a message is sent: most pass by themselves."""

_OF_NO_CONDITION = (
    IncidentKind(
        name="CleanupFailing",
        family=Family.CLEANUP,
        severity=CRITICAL,
        label="failing cleanups",
        one="the cleanup of {name} failed",
        many="cleanups of {n} tenants fail",
        means="The directory only grows meanwhile. Nothing is lost.",
        itself="The janitor tries again at the next due time; the files that were to go are still there.",
        to_do="See why it failed:",
        to_do_many="See what the reasons have in common (kubectl describe):",
        when="The last cleanup failed.",
    ),
    IncidentKind(
        name="ScanStale",
        family=Family.SCAN,
        severity=WARNING,
        label="failing scans",
        one="{name} cannot be scanned",
        many="{n} tenants cannot be scanned",
        means="Nobody knows how full the directory is, and nothing is cleaned. The session itself is not affected.",
        itself="The janitor keeps trying, with growing pauses of half an hour at most. Nothing is cleaned meanwhile.",
        to_do="Do as the message above says. For more:",
        to_do_many="The same reason for many has one cause. See the reasons:",
        said_by="Ready",
        when="Three scans brought nothing, or a fault has lasted a quarter of an hour.",
    ),
    IncidentKind(
        name="KeyStoreCleanupFailing",
        family=Family.CLEANUP,
        severity=CRITICAL,
        label="failing cleanups",
        one="the cleanup of the key store {name} failed",
        many="cleanups of {n} key stores fail",
        means="The table only grows meanwhile. No key is lost.",
        itself="The janitor tries again at the next due time; the rows that were to go are still there.",
        to_do="See why it failed:",
        to_do_many="See what the reasons have in common (kubectl describe):",
        page="key-store-stalled",
        when="The last cleanup of a BaileysKeyStore failed.",
    ),
    IncidentKind(
        name="KeyStoreStalled",
        family=Family.SCAN,
        severity=WARNING,
        label="fault",
        one="the key store {name} cannot be read",
        many="{n} key stores cannot be read",
        means="Nobody knows how many keys there are, and none is cleaned. The sessions themselves are not affected.",
        itself="The janitor keeps trying, with growing pauses of half an hour at most. No key is removed meanwhile.",
        to_do="Do as the message above says. For more:",
        to_do_many="The same reason for many has one cause, such as a database that is away. See the reasons:",
        said_by="Ready",
        page="key-store-stalled",
        when="A fault of a BaileysKeyStore has lasted a quarter of an hour.",
    ),
    IncidentKind(
        name="CircuitBreakerOpen",
        family=Family.BREAKER,
        severity=CRITICAL,
        label="hold of automatic cleanups",
        one="automatic cleanups are held for all tenants",
        many="automatic cleanups are held for all tenants",
        means="Many cleanups removed abnormally much in a short time: a fleet that was never cleaned before, or a "
        "mistake in a setting.",
        itself="The janitor scans, and runs only the cleanups that somebody requests, until the hold ends.",
        to_do="See whether the last cleanups removed what they should; undo puts files back.",
        explained=True,
        when="Automatic cleanups are held, in the namespaces that the message names or everywhere.",
    ),
)


def _by_name() -> dict[str, IncidentKind]:
    of_conditions = [kind.incident for kind in CONDITIONS.values() if kind.incident is not None]
    found = sorted(
        (*of_conditions, *_OF_NO_CONDITION, *BACKUP_INCIDENTS), key=lambda kind: kind.family
    )
    return {kind.name: kind for kind in found}


INCIDENT_KINDS: Final[Mapping[str, IncidentKind]] = _by_name()
"""Every kind of message by its name, in the order of their families."""
