"""The conditions of backups, and everything published about each. They are part of the registry in `condition_kinds`,
and `baileys-janitor watch` states them too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from baileys_janitor.api.conditions.condition_model import (
    CRITICAL,
    WARNING,
    ConditionKind,
    EventKind,
    Family,
    Group,
    IncidentKind,
)

UP_TO_DATE: Final = "UpToDate"
OVERDUE: Final = "Overdue"
FAILING: Final = "Failing"
NEVER_RUN: Final = "NeverRun"
NOTHING_TO_DO: Final = "NothingToDo"
REASONS: Final[Mapping[str, str]] = {
    "CredentialsAbsent": "CredentialsAbsent",
    "CredentialsCorrupt": "CredentialsCorrupt",
    "CredentialsRefused": "Forbidden",
    "Forbidden": "Forbidden",
    "NameUnknown": "Unreachable",
    "NoSuchBucket": "NoSuchBucket",
    "SecretInvalid": "SecretMissing",
    "SecretMissing": "SecretMissing",
    "SecretUnreadable": "SecretMissing",
    "SessionTooLarge": "TooLarge",
    "TooManyFiles": "TooLarge",
    "Unreachable": "Unreachable",
}
"""Reasons of the condition by the codes of failed backups; all others are Failing, and the message has the cause."""
DRILL_PASSED: Final = "DrillPassed"
DRILL_FAILED: Final = "DrillFailed"
DRILL_OVERDUE: Final = "DrillOverdue"
DRILL_TOO_SLOW: Final = "DrillTooSlow"
NEVER_DRILLED: Final = "NeverDrilled"
NO_IDENTITY: Final = "NoIdentity"

BACKED_UP: Final = ConditionKind(
    type="BackedUp",
    group=Group.BACKUP,
    when="Every repository has a backup that is young enough (`backup.objectives.rpo`). False: the message names the "
    "repository, why, and how old the last backup there is. Unknown: before the first one.",
    to_do="Do what the message says.",
    false_event=EventKind(
        weight=7,
        reason="BackupFailing",
        over="{message}",
        when="`BackedUp` becomes False, or has another reason. The note has the repository and why.",
    ),
    page="backup-failing",
)
RESTORABLE: Final = ConditionKind(
    type="Restorable",
    group=Group.BACKUP,
    when="The newest archive of every repository was restored in a rehearsal. False: the last drill failed, is too "
    "long ago, or took longer than `backup.objectives.rto`. Unknown: before the first one, and where nothing is "
    "configured that opens the archives.",
    to_do="Do what the message says; until a drill passes, do not count on these backups.",
    false_event=EventKind(
        weight=8,
        reason="DrillFailing",
        over="{message}",
        when="`Restorable` becomes False, or has another reason. The note has the repository and why.",
    ),
    page="drill-failed",
)

BACKUP_CONDITIONS: Final[Mapping[str, ConditionKind]] = {
    kind.type: kind for kind in (BACKED_UP, RESTORABLE)
}
"""Both by their types."""

BACKUP_INCIDENTS: Final = (
    IncidentKind(
        name="BackupFailing",
        family=Family.BACKUP,
        severity=CRITICAL,
        label="failing backups",
        one="the backup of {name} fails",
        many="the backups of {n} tenants fail",
        means="What happens from now on is in no backup. The session itself is not affected.",
        itself="The janitor tries again, with growing pauses of an hour at most.",
        to_do="Do as the message above says. For more:",
        to_do_many="The same reason for many has one cause, such as a store that is away or a key that has expired. "
        "See the reasons:",
        said_by=BACKED_UP.type,
        when="A backup to a repository has failed several times, or is overdue and failed.",
    ),
    IncidentKind(
        name="BackupOverdue",
        family=Family.BACKUP,
        severity=CRITICAL,
        label="overdue backup",
        one="the backup of {name} is overdue",
        many="the backups of {n} tenants are overdue",
        means="More would be lost than was promised (backup.objectives.rpo). The session itself is not affected.",
        itself="The janitor backs it up as soon as it can.",
        to_do="See why no backup was made:",
        said_by=BACKED_UP.type,
        page="backup-failing",
        when="The last backup is older than `backup.objectives.rpo` allows, and none has failed since.",
    ),
    IncidentKind(
        name="DrillFailed",
        family=Family.DRILL,
        severity=CRITICAL,
        label="failed drill",
        one="the backup of {name} could not be restored in a drill",
        many="the backups of {n} tenants could not be restored in drills",
        means="There are archives, but a restore from them would fail.",
        itself="The janitor goes on backing up, and drills again, with growing pauses of a day at most.",
        to_do="Do as the message above says. For more:",
        to_do_many="The same reason for many has one cause, such as another key. See the reasons:",
        said_by=RESTORABLE.type,
        when="The newest archive could not be restored in a rehearsal.",
    ),
    IncidentKind(
        name="DrillOverdue",
        family=Family.DRILL,
        severity=WARNING,
        label="overdue drill",
        one="the backup of {name} was not restored in a drill for long",
        many="the backups of {n} tenants were not restored in drills for long",
        means="Nobody has shown of late that these backups can be restored.",
        itself="The janitor drills as soon as it can.",
        to_do="See why no drill was carried out:",
        said_by=RESTORABLE.type,
        page="drill-failed",
        when="No drill has passed for longer than `backup.drill.schedule` allows.",
    ),
)


def incident_of(reason: str) -> str:
    """Return the name of the incident for a reason of either condition, while its status is False."""
    if reason in {OVERDUE, NEVER_RUN}:
        return "BackupOverdue"
    if reason in {DRILL_FAILED, DRILL_OVERDUE}:
        return reason
    if reason == DRILL_TOO_SLOW:
        return "DrillOverdue"
    return "BackupFailing"
