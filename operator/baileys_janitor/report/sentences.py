"""The texts of a report, the same in all renderings for people."""

from __future__ import annotations

from typing import Final, NamedTuple

from baileys_janitor.policy import reasons
from baileys_janitor.report.model import (
    ATTENTION,
    CLUSTER,
    GOOD,
    NOT_KNOWN,
    ReportDocument,
)
from baileys_janitor.report.words import day, number, rate, several, share, short, size

KINDS: Final = {
    "creds": "Credentials",
    "appStateSync": "App state",
    "lidMapping": "LID mappings",
    "preKey": "Pre-keys",
    "session": "Sessions",
    "senderKey": "Sender keys",
    "senderKeyMemory": "Sender-key memory",
    "deviceList": "Device lists",
    "tcToken": "Contact tokens",
    "identityKey": "Identity keys",
    "other": "Unknown files",
}
ANSWERS: Final = {GOOD: "Good", ATTENTION: "Look at it", NOT_KNOWN: "Not known"}
RUN_REASONS: Final = {
    "Trigger": "Trigger: the count was high",
    "Daily": "Daily cleanup",
    "Emergency": "Emergency",
    "Requested": "Requested by a person",
    "CommandLine": "Command line: a person or cron",
    "Repair": "Repair of a contact or group",
    "Restore": "Restore of creds.json or of a session",
    "Unknown": "Not recorded",
}
CHECKLISTS: Final = (
    ("success", "It works when"),
    ("weekly", "Each week"),
    ("monthly", "Each month"),
)

PRE_KEYS: Final = (
    "Pre-keys by the thousand are normal with current libraries and stay: WhatsApp's server may still hand out each "
    "that was uploaded. LID mappings stay too: a contact's messages cannot be matched without. Where they alone fill "
    "a directory, pairing anew in an empty one is the way out."
)


class Tile(NamedTuple):
    """One number at the top of a report."""

    label: str
    value: str
    note: str


def title(report: ReportDocument) -> str:
    incident = report.get("incident")
    return f"Incident report: {incident['name']}" if incident else "Session report"


def headline(report: ReportDocument) -> str:
    """Return the one-sentence summary at the top."""
    if "incident" in report:
        return "What to do, and what is known."
    summary = report["summary"]
    sessions, attention = summary["sessions"], summary["needAttention"]
    noun = "tenant" if report["source"] == CLUSTER else "session"
    if not sessions:
        return f"No {noun} could be looked at."
    missing = len(report["problems"])
    besides = f" {several(missing, 'problem')} came up on the way." if missing else ""
    if attention:
        needs = "needs" if attention == 1 else "need"
        if sessions == 1:
            return f"This {noun} needs attention.{besides}"
        return f"{number(attention)} of {several(sessions, noun)} {needs} attention.{besides}"
    if sessions == 1:
        return f"This {noun} is in good order.{besides}"
    return f"All {several(sessions, noun)} are in good order.{besides}"


def period(report: ReportDocument) -> str:
    days = report["cleanups"]["days"]
    first = days[0]["day"] if days else report["time"][:10]
    return f"{day(f'{first}T00:00:00Z')} to {day(report['time'])}"


def tiles(report: ReportDocument) -> list[Tile]:
    """Return the numbers at the top."""
    summary, totals, limits = report["summary"], report["cleanups"]["totals"], report["thresholds"]
    limit = limits["critical"] if limits else "critical"
    growth = summary["growthPerDay"]
    noun = "Tenants" if report["source"] == CLUSTER else "Sessions"
    unknown = summary["byLevel"]["Unknown"]
    return [
        Tile(
            noun,
            number(summary["sessions"]),
            f"{number(summary['needAttention'])} to look at"
            if summary["needAttention"]
            else "all in order",
        ),
        Tile(
            f"Below {limit}",
            share(summary["belowCritical"], summary["sessions"]),
            f"{number(unknown)} not known"
            if unknown
            else f"{number(summary['belowCritical'])} of them",
        ),
        Tile("Files", short(summary["total"]), size(summary["bytes"])),
        Tile(
            "Growth a day",
            "not known"
            if growth is None
            else (rate(growth) if abs(growth) < 10 else short(growth)),
            "no record yet" if growth is None else "counted files",
        ),
        Tile("Removed", short(totals["removed"]), f"in {several(totals['runs'], 'cleanup')}"),
        Tile(
            "Could go now",
            short(summary["reclaimable"]),
            share(summary["reclaimable"], summary["total"]) + " of all files",
        ),
    ]


def where_to_look(report: ReportDocument) -> str:
    """Return where to find each session's findings and remedies; empty for none."""
    if report["source"] == CLUSTER:
        return "`kubectl describe baileystenant NAME` says what to do about each."
    return "`baileys-janitor scan PATH` says it of each session, with commands to paste."


def cleanups(report: ReportDocument) -> str:
    """Return a summary of the period's cleanups."""
    totals = report["cleanups"]["totals"]
    trash = report["summary"]["inTrash"]
    back = (
        f" {several(trash, 'file')} can still be put back: `baileys-janitor undo`." if trash else ""
    )
    if not totals["runs"]:
        return f"None is recorded.{back}"
    runs, enough = totals["runs"], totals["fiveOrMore"]
    words = (
        f"{several(runs, 'cleanup')} removed {several(totals['removed'], 'file')} ({size(totals['freedBytes'])}); "
        f"{number(enough)} of them removed five files or more."
    )
    others = [
        f"{number(count)} {one}"
        for count, one in (
            (totals["failed"], "failed or refused"),
            (totals["undone"], "undone"),
        )
        if count
    ]
    if others:
        words += f" {' and '.join(others).capitalize()}."
    return words + back


def kind(code: str) -> str:
    """Return the display name of a kind of file."""
    return KINDS.get(code, code)


def why(code: str) -> str:
    """Return a sentence with the reason why a file is removed or stays."""
    return reasons.EXPLANATIONS.get(code, "")


def run_reason(code: str) -> str:
    return RUN_REASONS.get(code, code)


def shown(report: ReportDocument) -> str:
    """Return a note about which sessions a table shows; empty where it shows all."""
    part = report["shown"]
    if part["sessions"] >= part["of"]:
        return ""
    return (
        f"The {number(part['sessions'])} fullest of {number(part['of'])}; `-o json` has them all."
    )


def notes(report: ReportDocument) -> list[str]:
    """Return the notes about the report itself."""
    told = list(report["about"])
    if report["namesMasked"]:
        told.append("Names that look like phone numbers are masked; `--names` shows them.")
    told.append(
        "No name of a file and no content is in this report. All times are UTC. Counted files are those that limits "
        "compare: not all pre-keys and protected files are among them."
    )
    return told
