"""The shape of a report: the output of `report -o json`, and the input of the other renderings.

`schema/report.v1.json` is the same as a JSON Schema; keys are only ever added within a version. Times are RFC 3339 in
UTC, sizes bytes.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NotRequired, TypedDict

SCHEMA: Final = "baileys-janitor/report/v1"

DIRECTORIES: Final = "Directories"
CLUSTER: Final = "Cluster"
SourceKind = Literal["Directories", "Cluster"]

GOOD: Final = "Good"
ATTENTION: Final = "Attention"
NOT_KNOWN: Final = "NotKnown"
Answer = Literal["Good", "Attention", "NotKnown"]

UNKNOWN_LEVEL: Final = "Unknown"
WORST_FIRST: Final = ("Emergency", "Critical", "Unknown", "Warning", "Healthy")
"""Levels in the order of urgency; Unknown is more severe than Warning, because it cannot be assessed."""

NO_CLEANUPS: Final = frozenset({"Repair", "Restore"})
"""Reasons of runs that are no cleanups: they move the files of a request, and their counts are no evidence of growth.
"""
BY_HAND: Final = frozenset({"Requested", *NO_CLEANUPS})
"""Reasons of runs that a person asked for."""
COMMAND_LINE: Final = "CommandLine"
"""The reason of a run of `baileys-janitor clean`: a person's, or a cron line's."""
NOTHING_TO_DO: Final = "NothingToDo"
DONE: Final = frozenset({"Completed", "Capped"})
"""Outcomes of successful runs."""
RUNS_OF_A_SESSION: Final = 10
"""The most runs of one session that a report shows."""


class FindingDocument(TypedDict):
    """A problem of a session or a possible improvement; `severity` is 1 to 3, 3 the most severe."""

    type: str
    severity: int
    message: str


class RunDocument(TypedDict):
    """One finished cleanup. `undone`: its files were put back."""

    run: str
    time: str | None
    reason: str
    outcome: str
    code: str | None
    removed: int
    before: int | None
    after: int | None
    freedBytes: int
    undone: bool


class ForecastDocument(TypedDict):
    """When limits that are not yet reached will be, at the present growth and without a cleanup."""

    warning: str | None
    critical: str | None
    emergency: str | None


class PlanDocument(TypedDict):
    """The removals of a cleanup now; `refused` is the code if nothing may be removed at all."""

    removed: int
    freedBytes: int
    byKind: dict[str, int]
    byReason: dict[str, int]
    left: int
    refused: str | None


class TrashDocument(TypedDict):
    """Removed files that can still be put back."""

    runs: int
    files: int


class CopiesDocument(TypedDict):
    """Kept copies of creds.json."""

    count: int
    newest: str | None


class PeriodDocument(TypedDict):
    """Sums over the cleanups of the period. `byHand` were requested, `commandLine` are those of `clean`."""

    runs: int
    removed: int
    freedBytes: int
    fiveOrMore: int
    failed: int
    byHand: int
    commandLine: int
    automatic: int
    undone: int


class SessionDocument(TypedDict):
    """One session directory, or one BaileysTenant."""

    name: str
    path: str | None
    namespace: str | None
    level: str
    counted: int | None
    limit: int | None
    total: int | None
    protected: int | None
    reclaimable: int | None
    bytes: int | None
    byKind: dict[str, int]
    kept: dict[str, int]
    identity: str | None
    lastActivity: str | None
    lastLook: str | None
    growthPerDay: float | None
    forecast: ForecastDocument
    lastCleanup: str | None
    nextCleanup: str | None
    pairedAgain: bool | None
    recordedSince: str | None
    trash: TrashDocument | None
    credentialsCopies: CopiesDocument | None
    monitored: bool | None
    findings: list[FindingDocument]
    plan: PlanDocument | None
    period: PeriodDocument
    runs: list[RunDocument]


class DayDocument(TypedDict):
    """The cleanups of one day (UTC)."""

    day: str
    runs: int
    removed: int


class FindingGroup(TypedDict):
    """A finding of one type, and the number of sessions with it; some of them are named."""

    type: str
    severity: int
    count: int
    message: str
    sessions: list[str]


class CheckDocument(TypedDict):
    """One item of a checklist with its answer."""

    id: str
    question: str
    answer: Answer
    text: str


class ChecksDocument(TypedDict):
    """The checklists."""

    success: list[CheckDocument]
    weekly: list[CheckDocument]
    monthly: list[CheckDocument]


class MomentDocument(TypedDict):
    """An event or observation in a timeline."""

    time: str
    text: str


class IncidentDocument(TypedDict):
    """A session that was lost: the steps to take, in this order, and the recovery checklist with the known facts."""

    name: str
    steps: list[str]
    checks: list[CheckDocument]
    timeline: list[MomentDocument]


class ThresholdsDocument(TypedDict):
    """The limits in force."""

    warning: int
    critical: int
    trigger: int
    emergency: int
    danger: int


class SummaryDocument(TypedDict):
    """The numbers at the top."""

    sessions: int
    byLevel: dict[str, int]
    belowCritical: int
    needAttention: int
    counted: int
    total: int
    reclaimable: int
    bytes: int
    byKind: dict[str, int]
    growing: int
    growthPerDay: float | None
    reachingLimit: int
    withCopies: int | None
    inTrash: int | None


class CleanupsDocument(TypedDict):
    """The files removed in the period, and why the remaining ones stay."""

    totals: PeriodDocument
    days: list[DayDocument]
    byReason: dict[str, int]
    removedByKind: dict[str, int]
    removedBecause: dict[str, int]
    kept: dict[str, int]


class ProblemDocument(TypedDict):
    """A directory or tenant that could not be read, or only in part."""

    name: str
    code: str
    message: str


class WatchDocument(TypedDict):
    """The watch of this server. `works`: it runs, or has run within the hour; null when that is unknown."""

    works: bool | None
    saved: str | None


class ShownDocument(TypedDict):
    """How many sessions there are, and how many of them are in `sessions`, the fullest first."""

    sessions: int
    of: int


class ReportDocument(TypedDict):
    """A report."""

    schema: str
    time: str
    version: str
    days: int
    source: SourceKind
    about: list[str]
    namesMasked: bool
    thresholds: ThresholdsDocument | None
    watch: WatchDocument | None
    summary: SummaryDocument
    cleanups: CleanupsDocument
    findings: list[FindingGroup]
    checks: ChecksDocument
    shown: ShownDocument
    sessions: list[SessionDocument]
    incident: NotRequired[IncidentDocument]
    problems: list[ProblemDocument]


_CODE: Final = re.compile(r"[A-Za-z]{1,48}")


def code_of(text: object, default: str = "Unknown") -> str:
    """Return a code such as a reason if it is well-formed: others can write the input."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else default
