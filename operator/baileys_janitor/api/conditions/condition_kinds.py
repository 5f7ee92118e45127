"""The registry of conditions: everything that is published about each condition of a BaileysTenant's status.

Status, Events, the log, messages to channels, metrics, alert rules and the tables in the docs read it. To add a
condition, add it here and raise it in `status`; CONTRIBUTING.md lists the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from baileys_janitor.api.conditions.backup_conditions import BACKUP_CONDITIONS
from baileys_janitor.api.conditions.condition_model import (
    CLEAN,
    CRITICAL,
    EMERGENCY,
    NORMAL,
    OBSERVE,
    RANKS,
    WARNING,
    AlertKind,
    ConditionKind,
    EventKind,
    Family,
    Group,
    IncidentKind,
    page_name,
)
from baileys_janitor.policy import advice, levels
from baileys_janitor.policy.reasons import SAVE_CREDENTIALS

__all__ = [
    "ADVICE",
    "CLEAN",
    "CONDITIONS",
    "CRITICAL",
    "EMERGENCY",
    "GRAVEST",
    "NORMAL",
    "OBSERVE",
    "RANKS",
    "WARNING",
    "AlertKind",
    "ConditionKind",
    "EventKind",
    "Family",
    "Group",
    "IncidentKind",
    "page_name",
]

_DESCRIBE = '"kubectl -n {{ $labels.namespace }} describe baileystenant {{ $labels.tenant }}"'

_LEVELS = (
    ConditionKind(
        type=levels.HEALTHY,
        group=Group.LEVEL,
        when="The count is below `thresholds.warning`.",
    ),
    ConditionKind(
        type=levels.WARNING,
        group=Group.LEVEL,
        when="The count reached `thresholds.warning`.",
        incident=IncidentKind(
            name="TenantWarning",
            family=Family.LEVEL,
            severity=WARNING,
            label="Warning",
            one="{name} has {files}",
            many="{n} tenants are above their warning threshold",
            means="The directory fills up; nothing hurts yet.",
            itself="The janitor cleans each when its timers say so.",
            to_do="Nothing yet. If it keeps rising, find the process that writes so much.",
            to_do_many="Nothing yet. If more tenants follow, find what they have in common:",
            said_by=levels.WARNING,
        ),
    ),
    ConditionKind(
        type=levels.CRITICAL,
        group=Group.LEVEL,
        when="The count reached `thresholds.critical`.",
        incident=IncidentKind(
            name="TenantCritical",
            family=Family.LEVEL,
            severity=CRITICAL,
            label="Critical",
            one="{name} has {files}",
            many="{n} tenants are above their critical threshold",
            means="The count is near the limit. The session itself works on.",
            itself="The janitor cleans each when its timers say so.",
            to_do="Nothing, if the next cleanup comes soon enough. To clean now:",
            to_do_many="Nothing, if their next cleanups come soon enough. See which come late:",
            said_by=levels.CRITICAL,
        ),
    ),
    ConditionKind(
        type=levels.EMERGENCY,
        group=Group.LEVEL,
        when="The count reached `thresholds.emergency`.",
        incident=IncidentKind(
            name="TenantEmergency",
            family=Family.LEVEL,
            severity=EMERGENCY,
            label="Emergency",
            one="{name} has {files}",
            many="{n} tenants have reached their limit",
            means="The limit is reached. The session itself works on; operators have seen sessions with too many "
            "files dropped.",
            itself="The janitor starts an emergency cleanup of each that has something to remove.",
            to_do="Wait a quarter of an hour: by then the cleanup has ended it. If not, find the cause:",
            said_by=levels.EMERGENCY,
        ),
    ),
)

_READINESS = (
    ConditionKind(
        type="Ready",
        group=Group.READINESS,
        when="The janitor can observe and act.",
        # A fault makes it False; Stalled reports that.
        reason_events={
            "ScansMissed": EventKind(
                weight=5, when="Three scans returned neither a result nor an error."
            ),
            "Suspended": EventKind(weight=2, type=NORMAL, when="`spec.suspend` was set."),
            "WaitingForFirstConsumer": EventKind(
                weight=1,
                type=NORMAL,
                when="The claim is not bound, because the workload has not started yet.",
            ),
        },
        fleet_wide_reasons=frozenset({"CleanupsHeld"}),
    ),
    ConditionKind(
        type="Stalled",
        group=Group.READINESS,
        when="The janitor cannot look after the tenant.",
        event=EventKind(
            weight=7,
            over="The janitor can observe and act again.",
            when="The janitor cannot look after the tenant: the fault and the way out. Each further attempt that "
            "fails counts.",
        ),
    ),
)

_ADVICE = (
    ConditionKind(
        type=advice.THRESHOLD_UNREACHABLE,
        group=Group.ADVICE,
        calm_message="The files that no rule may remove stay below the trigger.",
        first="Raise spec.thresholds to the limits that the condition ThresholdUnreachable names.",
        when="The files that no rule may remove, including live sessions, reach the trigger. The message suggests "
        "limits that fit.",
        event=EventKind(weight=5),
        incident=IncidentKind(
            name=advice.THRESHOLD_UNREACHABLE,
            family=Family.LEVEL,
            severity=WARNING,
            label="unreachable limits",
            one="no cleanup can bring {name} below its limits",
            many="no cleanup can bring {n} tenants below their limits",
            means="So many files are protected or in use that no cleanup can reach the limits.",
            itself="The janitor removes all files that it may; that is not enough.",
            to_do="Raise the thresholds to what the message suggests; another cleanup will not help.",
            to_do_many="Raise their thresholds to what kubectl describe suggests, or the defaults of all:",
            explained=True,
            when="In place of those three, when no cleanup can help.",
        ),
        alert=AlertKind(
            severity="warning",
            wait="5m",
            summary="no cleanup can get below the trigger",
            description="So many files are in use or protected that no cleanup brings the count below the trigger "
            "threshold. The session is well; its thresholds are too low, so it is paged neither as Critical nor as "
            "Emergency. Raise spec.thresholds in working hours. The condition ThresholdUnreachable names limits that "
            f"fit: {_DESCRIBE}.",
        ),
    ),
    ConditionKind(
        type=advice.ROTATION_RECOMMENDED,
        group=Group.ADVICE,
        calm_message="Files that only a new pairing would remove do not accumulate.",
        when="Files accumulate that only a new pairing would remove: protected or unknown files at the "
        "`emergency` limit, or at `critical` after three cleanups in a row that removed fewer than five files each; or "
        "pre-keys (5,000, or most of what counts with `count: Total`). The message says what else would help.",
        to_do="Rotate the session, or pair the tenant again in an empty directory, as the message says (the runbook "
        "session-rotation); pre-keys can also be left, or taken out of the count by `count: Pressure`.",
        event=EventKind(weight=5),
        page="session-rotation",
        alert=AlertKind(
            severity="info",
            wait="1h",
            summary="a new pairing would remove the files that accumulate",
            description="Files accumulate that no rule may remove, and a new pairing would begin far below the limits. "
            "Nothing breaks, and nothing rotates by itself. A rotation needs a pairing with the tenant's phone, so "
            "plan it with the owner of the phone. The condition RotationRecommended has the numbers and alternatives: "
            f"{_DESCRIBE}.",
        ),
    ),
    ConditionKind(
        type="PairingNeeded",
        group=Group.ADVICE,
        calm="NoPairingDue",
        calm_message="No rotation waits for a pairing.",
        first="Pair the tenant; see the condition PairingNeeded.",
        when="An operation `Rotate` has moved the old session away, and no scan has found a new pairing yet. It ends "
        "with the first that does, and with an operation `Rollback`.",
        to_do="Pair the tenant with the code that its application shows.",
        event=EventKind(weight=8),
        incident=IncidentKind(
            name="PairingNeeded",
            family=Family.PAIRING,
            severity=WARNING,
            label="pairing that is due",
            one="{name} must be paired anew",
            many="{n} tenants must be paired anew",
            means="The session was rotated on request. Until somebody pairs the tenant, it sends and receives nothing.",
            itself="The janitor keeps the old session for a rollback and looks for the new one with each scan.",
            to_do="Let somebody scan the QR code, or enter the pairing code, that the tenant's application shows. How "
            "it is now:",
            to_do_many="Let somebody scan the QR code, or enter the pairing code, that each tenant's application "
            "shows. See them all:",
            explained=True,
            page="session-rotation",
        ),
        page="session-rotation",
    ),
    ConditionKind(
        type="CredentialsCorrupt",
        group=Group.ADVICE,
        calm_message="Scans have not agreed that creds.json is broken.",
        first="Do not stop or restart the tenant's process; see the condition CredentialsCorrupt for how to save "
        "creds.json.",
        when="Successive scans found the same `creds.json` unreadable. Nothing is removed meanwhile.",
        calm="CredentialsRead",
        to_do="Do not stop or restart the tenant's process; the runbook has each step.",
        event=EventKind(weight=9),
        incident=IncidentKind(
            name="CredentialsCorrupt",
            family=Family.CREDENTIALS,
            severity=EMERGENCY,
            label="broken creds.json",
            one="creds.json of {name} cannot be read",
            many="creds.json of {n} tenants cannot be read",
            means="The running process still has the credentials in memory. After a restart it reads the broken file, "
            "and must be paired again with the phone.",
            itself="The janitor removes nothing from such a session and keeps looking.",
            to_do="Do NOT stop or restart the tenant's process. The runbook has each step. How it is now:",
            to_do_many="Do NOT stop or restart these tenants' processes. The common cause is often one full disk or "
            "one storage server: begin there. Then follow the runbook for each. See them all:",
            explained=True,
        ),
        alert=AlertKind(
            severity="critical",
            summary="creds.json cannot be read",
            description=f"Several scans found the same unreadable creds.json. {SAVE_CREDENTIALS} The janitor removes "
            f"nothing meanwhile. The runbook has each step. How it is now: {_DESCRIBE}.",
        ),
    ),
    ConditionKind(
        type="CredentialsMissing",
        group=Group.ADVICE,
        calm="CredentialsThere",
        calm_message="creds.json is there, or there are no session files.",
        first="Do not stop or restart the tenant's process; see the condition CredentialsMissing for how to save "
        "creds.json.",
        when="There are session files and no `creds.json`. Nothing is removed meanwhile.",
        to_do="Do not stop or restart the tenant's process; the runbook has each step.",
        event=EventKind(weight=9),
        incident=IncidentKind(
            name="CredentialsMissing",
            family=Family.CREDENTIALS,
            severity=EMERGENCY,
            label="missing creds.json",
            one="creds.json of {name} is missing",
            many="creds.json of {n} tenants is missing",
            means="The running process still has the credentials in memory. After a restart it finds none, and must "
            "be paired again with the phone.",
            itself="The janitor removes nothing from such a session and keeps looking.",
            to_do="Do NOT stop or restart the tenant's process. The runbook has each step. How it is now:",
            to_do_many="Do NOT stop or restart these tenants' processes. One script or one restore may have removed "
            "all of them: stop that first. Then follow the runbook for each. See them all:",
            explained=True,
            page="credentials-corrupt",
        ),
        alert=AlertKind(
            severity="critical",
            summary="creds.json is missing beside session files",
            description=f"There are session files and no creds.json. {SAVE_CREDENTIALS} The janitor removes nothing "
            f"meanwhile. The runbook has each step. How it is now: {_DESCRIBE}.",
            wait="2m",
        ),
    ),
    ConditionKind(
        type=advice.SESSION_INACTIVE,
        group=Group.ADVICE,
        calm_message="The session is not known to be silent for longer than sessionInactiveAfter.",
        first="See whether the tenant's process runs and is still linked.",
        when="No session or sender key was written for longer than `sessionInactiveAfter` (7 days).",
        event=EventKind(weight=4),
        incident=IncidentKind(
            name=advice.SESSION_INACTIVE,
            family=Family.INACTIVE,
            severity=WARNING,
            label="silence",
            one="{name} has had no traffic for long",
            many="{n} tenants have had no traffic for long",
            means="No message went in or out: the process is stopped or unlinked, or nobody writes. WhatsApp unlinks "
            "a device whose phone was not seen for 14 days.",
            itself="The janitor looks less often and removes nothing because of its age.",
            to_do="Ask whether this company still uses it. If so, see whether its process runs.",
            to_do_many="Many at once often have one cause: see whether their processes run. See them all:",
            explained=True,
        ),
        alert=AlertKind(
            severity="info",
            wait="1h",
            summary="no messages for days",
            description="No session or sender key has been written for longer than sessionInactiveAfter. The tenant's "
            "process may be stopped, or the phone has unlinked it; WhatsApp unlinks a device whose phone was away for "
            "14 days. See whether the tenant's pod runs and what its log says. If the tenant is gone for good, "
            "delete its BaileysTenant.",
        ),
    ),
    ConditionKind(
        type=advice.DISK_PRESSURE,
        group=Group.ADVICE,
        calm_message="The volume has the free space that diskPressure requires.",
        first="Enlarge the claim or make room on the volume.",
        when="The volume has less free space than `diskPressure` requires: 64 MiB (on a volume below 640 MiB, a tenth "
        "of it) or 1,000 inodes. A number that the file system does not report is ignored. A full disk truncates "
        "`creds.json`.",
        event=EventKind(weight=7),
        incident=IncidentKind(
            name=advice.DISK_PRESSURE,
            family=Family.DISK,
            severity=EMERGENCY,
            label="disk pressure",
            one="the volume of {name} is nearly full",
            many="the volumes of {n} tenants are nearly full",
            means="On a full volume the next write of creds.json is cut, and a process that restarts then must be "
            "paired again.",
            itself="The janitor empties its trash at once; it can do no more.",
            to_do="Enlarge the volume or make room now.",
            to_do_many="Enlarge each volume, or make room where several share one. See them all:",
            explained=True,
        ),
        alert=AlertKind(
            severity="critical",
            wait="5m",
            summary="the volume is nearly full",
            description="When the volume is full, the next write of creds.json is cut off, and a process that restarts "
            f"then must be paired again. The condition DiskPressure shows how much is left: {_DESCRIBE}. Enlarge the "
            "claim, or move away other files. Do not delete session files: they are tiny.",
        ),
    ),
    ConditionKind(
        type="IdentityChanged",
        group=Group.ADVICE,
        calm_message="The session was not paired again within the last day.",
        when="The company paired again. It ends after a day.",
        reason="PairedAgain",
        calm="SameIdentity",
        event=EventKind(weight=7, over=""),
        incident=IncidentKind(
            name="IdentityChanged",
            family=Family.IDENTITY,
            severity=WARNING,
            label="paired again",
            one="{name} was paired again",
            many="{n} tenants were paired again",
            means="The session belongs to another identity than before. Nothing has to be done if that was on purpose.",
            itself="The janitor goes on with the new identity; cleanups of the old one cannot be undone.",
            to_do="Nothing, if somebody paired it on purpose. If not, find out who did.",
            to_do_many="Nothing, where somebody paired them on purpose. If not, find out who did. See them all:",
            explained=True,
            ends=False,
            when="The session was paired again. Sent once, without a message at the end.",
        ),
        alert=AlertKind(
            severity="warning",
            summary="the session was paired again",
            description="creds.json belongs to another identity than before. If a person of your team paired the "
            "tenant again, nothing has to be done and the alert ends within a day; earlier cleanups can no longer be "
            "undone. If nobody did, find out who has access to the volume.",
        ),
    ),
    ConditionKind(
        type="CleanupsHeld",
        group=Group.ADVICE,
        calm_message="No circuit breaker holds automatic cleanups of this tenant.",
        when="A circuit breaker holds automatic cleanups of this tenant. The message says whose cleanups opened it, "
        "and until when they hold. A suspended tenant never has it.",
        to_do="Check that the last cleanups in this namespace removed the right files; undo restores files.",
        calm="NoHold",
        event=EventKind(weight=3, action=CLEAN, over=""),
        fleet_wide=True,
        page="circuit-breaker-open",
    ),
    ConditionKind(
        type="RequestWaiting",
        group=Group.ADVICE,
        calm_message="No requested cleanup waits.",
        when="The annotation asks for a cleanup that cannot begin: the tenant is suspended, its spec is invalid, or "
        "the janitor cannot look after it. The reason says which.",
        to_do="End what it waits for; it then runs by itself.",
        calm="NoRequest",
        first="{message}",
        event=EventKind(weight=6, action=CLEAN, over=""),
    ),
    ConditionKind(
        type="UnknownAnnotation",
        group=Group.ADVICE,
        calm_message="The operator knows every annotation with its prefix.",
        when="An annotation with the prefix of the resource's group has a name or a value that the operator does not "
        "know, so it has no effect. The message suggests the likely name.",
        to_do="Correct or remove the annotation.",
        calm="AllKnown",
        first="{message}",
        event=EventKind(weight=6, over=""),
    ),
)

CONDITIONS: Final[Mapping[str, ConditionKind]] = {
    kind.type: kind for kind in (*_LEVELS, *_READINESS, *_ADVICE, *BACKUP_CONDITIONS.values())
}
"""Every condition by its type."""
ADVICE: Final = tuple(kind.type for kind in _ADVICE)
"""Types of the conditions that give advice."""
GRAVEST: Final = (
    "CredentialsCorrupt",
    "CredentialsMissing",
    advice.DISK_PRESSURE,
    "Stalled",
    "CredentialsTooLarge",
    "ScansMissed",
    "CleanupFailing",
    "RequestWaiting",
    "UnknownAnnotation",
    "CleanupsHeld",
    "IdentityChanged",
    advice.THRESHOLD_UNREACHABLE,
    "PairingNeeded",
    "NotPaired",
    advice.SESSION_INACTIVE,
    advice.ROTATION_RECOMMENDED,
)
"""The facts that somebody should know, the most severe first: conditions while they are True, reasons of an unknown
level, and CleanupFailing while the last cleanup failed."""


def event_kinds() -> dict[str, EventKind]:
    """Return the Events that report conditions, by their reason."""
    found = {kind.type: kind.event for kind in CONDITIONS.values() if kind.event is not None}
    for kind in CONDITIONS.values():
        found |= kind.reason_events
        if kind.false_event is not None:
            found[kind.false_event.reason or kind.type] = kind.false_event
    return found
