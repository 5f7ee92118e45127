"""The shape of a report: what `report -o json` prints, and what the other renderings are made from.

`schema/report.v1.json` is the same as a JSON Schema; keys are only ever added within a version.
Times are RFC 3339 in UTC, sizes bytes.
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
"""Levels in the order in which a reader wants them; Unknown is graver than Warning, for nobody can judge it."""

NO_CLEANUPS: Final = frozenset({"Repair", "Restore"})
"""Reasons of runs that are no cleanups: they take what was named, and their counts say nothing of growth."""
BY_HAND: Final = frozenset({"Requested", *NO_CLEANUPS})
"""Reasons of runs that a person asked for."""
COMMAND_LINE: Final = "CommandLine"
"""The reason of a run of `baileys-janitor clean`: a person's, or a cron line's."""
NOTHING_TO_DO: Final = "NothingToDo"
DONE: Final = frozenset({"Completed", "Capped"})
"""Outcomes of runs that removed what they could."""
RUNS_OF_A_SESSION: Final = 10
"""Runs that a report shows of one session."""


class FindingDocument(TypedDict):
    """Something that is wrong with a session or could be better; `severity` is 1 to 3, the gravest 3."""

    type: str
    severity: int
    message: str


class RunDocument(TypedDict):
    """One cleanup that is over. `undone`: its files were put back."""

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
    """When limits are reached that are not yet, at the present growth and without a cleanup."""

    warning: str | None
    critical: str | None
    emergency: str | None


class PlanDocument(TypedDict):
    """What a cleanup would remove now; `refused` is the code of why nothing may be removed at all."""

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
    """What cleanups did in the period. `byHand` were asked for, `commandLine` are those of `clean`."""

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
    """What cleanups did on one day (UTC)."""

    day: str
    runs: int
    removed: int


class FindingGroup(TypedDict):
    """A finding of one type, and how many sessions have it; some of them are named."""

    type: str
    severity: int
    count: int
    message: str
    sessions: list[str]


class CheckDocument(TypedDict):
    """One point of a checklist with its answer."""

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
    """Something that happened, or was seen."""

    time: str
    text: str


class IncidentDocument(TypedDict):
    """A session that was lost: what to do, in this order, and the recovery checklist with what is known."""

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
    """What was removed in the period, and why what is there now stays."""

    totals: PeriodDocument
    days: list[DayDocument]
    byReason: dict[str, int]
    removedByKind: dict[str, int]
    removedBecause: dict[str, int]
    kept: dict[str, int]


class ProblemDocument(TypedDict):
    """What could not be looked at, or only in part."""

    name: str
    code: str
    message: str


class WatchDocument(TypedDict):
    """The watch of this server. `works`: it runs, or has run within the hour; null when that cannot be seen."""

    works: bool | None
    saved: str | None


class ShownDocument(TypedDict):
    """How many sessions there are and how many of them `sessions` holds, the fullest first."""

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
    """Return a code such as a reason if it has the form of one: others can write what is read here."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else default
