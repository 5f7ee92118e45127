"""Adds up sessions, one by one, into a report. Only the fullest are kept in memory, however many there are."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from baileys_janitor.report.model import (
    BY_HAND,
    COMMAND_LINE,
    DONE,
    NO_CLEANUPS,
    NOTHING_TO_DO,
    RUNS_OF_A_SESSION,
    SCHEMA,
    UNKNOWN_LEVEL,
    WORST_FIRST,
    DayDocument,
    FindingDocument,
    FindingGroup,
    PeriodDocument,
    ProblemDocument,
    ReportDocument,
    RunDocument,
    SessionDocument,
    SourceKind,
    ThresholdsDocument,
    WatchDocument,
)
from baileys_janitor.report.words import DAY_SECONDS, rfc3339, seconds_of

NAMED_OF_A_FINDING = 20
"""Sessions that are named for one finding."""
REASONS_MOST = 32
"""Reasons of runs that are counted separately."""
FINDINGS_MOST = 64
"""Types of findings."""
PROBLEMS_MOST = 200
"""Problems that are named; further ones are only counted."""
_NOT_PAIRED = frozenset({"Unpaired", "Absent"})
_BELOW_CRITICAL = frozenset({"Healthy", "Warning"})
_FIVE = 5
"""The least number of removed files for which a cleanup counts as effective."""
_WEEK = 7 * DAY_SECONDS


@dataclass(slots=True)
class Facts:
    """The data for the checklists, besides the report itself."""

    now: float
    since: float
    identities: int = 0
    """Sessions whose pairing is known for part of the period."""
    paired_again: list[str] = field(default_factory=list)
    above_before: list[str] = field(default_factory=list)
    """Sessions that a cleanup of the period found at `critical` or above."""
    growth_known: int = 0
    reaching: list[tuple[float, str]] = field(default_factory=list)
    """(when, name): sessions that reach their limit within a week."""
    recorded: int = 0
    """Sessions whose cleanup history covers the whole period."""
    latest_automatic: float | None = None
    automatic_ever: int = 0
    """Sessions with a recorded automatic cleanup."""
    unpaired: int = 0
    many_mappings: list[tuple[int, str]] = field(default_factory=list)
    many_pre_keys: list[tuple[int, str]] = field(default_factory=list)
    fullest: list[tuple[int, str]] = field(default_factory=list)
    above_after: list[str] = field(default_factory=list)
    """Sessions that several cleanups in a row left at `critical` or above."""
    copies_known: int = 0
    without_copies: list[str] = field(default_factory=list)
    """Paired sessions without a kept copy of creds.json."""
    unmonitored: list[str] = field(default_factory=list)
    """Sessions that the watch does not know."""


class Collector:
    """Adds up sessions. `keep`: how many of the fullest it keeps whole; None: all of them."""

    def __init__(self, now: float, days: int, keep: int | None = None) -> None:
        self.facts = Facts(now, now - days * DAY_SECONDS)
        self.problems: list[ProblemDocument] = []
        self._days = days
        self._keep = keep
        self._kept: list[tuple[tuple[int, int, int], int, SessionDocument]] = []
        self._number = 0
        self._levels: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()
        self._by_kind: Counter[str] = Counter()
        self._kept_files: Counter[str] = Counter()
        self._growth: list[float] = []
        self._totals: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._removed_kinds: Counter[str] = Counter()
        self._removed_because: Counter[str] = Counter()
        self._runs_by_day: Counter[str] = Counter()
        self._removed_by_day: Counter[str] = Counter()
        self._findings: dict[str, FindingGroup] = {}
        self._more_problems = 0
        self._troubled: set[int] = set()
        self._trash_known = False

    def add(
        self,
        session: SessionDocument,
        runs: Sequence[RunDocument] = (),
        *,
        critical: int | None = None,
        removed_by_kind: Mapping[str, int] | None = None,
        removed_because: Mapping[str, int] | None = None,
    ) -> int:
        """Add one session and all its known runs, newest first; `session` keeps the latest of them.

        Returns its number, for `add_finding`.
        """
        recent = [run for run in runs if self._in_period(run)]
        session["period"] = period_of(recent)
        session["runs"] = list(runs[:RUNS_OF_A_SESSION])
        self._count(session)
        self._count_runs(recent)
        _add(self._removed_kinds, removed_by_kind or {})
        _add(self._removed_because, removed_because or {})
        for finding in session["findings"]:
            self._find(finding["type"], finding["severity"], finding["message"], session["name"])
        self._learn(session, runs, recent, critical)
        self._hold(session)
        return self._number

    def add_finding(self, number: int, name: str, finding: FindingDocument) -> None:
        """Add a finding that only a comparison of several sessions shows, to the session of that number."""
        self._find(finding["type"], finding["severity"], finding["message"], name)
        if finding["severity"] > 1 and number not in self._troubled:
            self._troubled.add(number)
            self._sums["attention"] += 1
        for _, place, session in self._kept:
            if abs(place) == number:
                session["findings"].append(finding)
                session["findings"].sort(key=lambda one: -one["severity"])

    @property
    def sessions(self) -> int:
        """Return the number of added sessions."""
        return self._number

    def add_problem(self, name: str, code: str, message: str) -> None:
        """Add a directory or tenant that could not be read."""
        if len(self.problems) < PROBLEMS_MOST:
            self.problems.append({"name": name, "code": code, "message": message})
        else:
            self._more_problems += 1

    def document(
        self,
        source: SourceKind,
        version: str,
        *,
        about: Iterable[str] = (),
        names_masked: bool = True,
        thresholds: ThresholdsDocument | None = None,
        watch: WatchDocument | None = None,
    ) -> ReportDocument:
        """Return the report without its checklists."""
        sessions = [each for _, _, each in sorted(self._kept, key=lambda one: one[:2])]
        if self._keep is not None:
            sessions.reverse()
        more = self._more_problems
        told = [*about, *([f"{more} more problems are not listed here."] if more else [])]
        return {
            "schema": SCHEMA,
            "time": rfc3339(self.facts.now) or "",
            "version": version,
            "days": self._days,
            "source": source,
            "about": told,
            "namesMasked": names_masked,
            "thresholds": thresholds,
            "watch": watch,
            "summary": {
                "sessions": self._number,
                "byLevel": {each: self._levels[each] for each in WORST_FIRST},
                "belowCritical": sum(self._levels[each] for each in _BELOW_CRITICAL),
                "needAttention": self._sums["attention"],
                "counted": self._sums["counted"],
                "total": self._sums["total"],
                "reclaimable": self._sums["reclaimable"],
                "bytes": self._sums["bytes"],
                "byKind": dict(self._by_kind),
                "growing": sum(growth > 0 for growth in self._growth),
                "growthPerDay": round(sum(self._growth), 2) if self._growth else None,
                "reachingLimit": len(self.facts.reaching),
                "withCopies": self._sums["copies"] if self.facts.copies_known else None,
                "inTrash": self._sums["trash"] if self._trash_known else None,
            },
            "cleanups": {
                "totals": _period(self._totals),
                "days": self._chart(),
                "byReason": _ordered(self._reasons),
                "removedByKind": _ordered(self._removed_kinds),
                "removedBecause": _ordered(self._removed_because),
                "kept": _ordered(self._kept_files),
            },
            "findings": sorted(
                self._findings.values(), key=lambda one: (-one["severity"], -one["count"])
            ),
            "checks": {"success": [], "weekly": [], "monthly": []},
            "shown": {"sessions": len(sessions), "of": self._number},
            "sessions": sessions,
            "problems": self.problems,
        }

    def _in_period(self, run: RunDocument) -> bool:
        time = seconds_of(run["time"])
        return time is not None and self.facts.since <= time <= self.facts.now

    def _count(self, session: SessionDocument) -> None:
        self._levels[session["level"]] += 1
        if needs_attention(session):
            self._troubled.add(self._number + 1)
            self._sums["attention"] += 1
        for key in ("counted", "total", "reclaimable", "bytes"):
            self._sums[key] += session[key] or 0
        _add(self._by_kind, session["byKind"])
        _add(self._kept_files, session["kept"])
        if session["growthPerDay"] is not None:
            self._growth.append(session["growthPerDay"])
        if session["trash"] is not None:
            self._trash_known = True
            self._sums["trash"] += session["trash"]["files"]
        copies = session["credentialsCopies"]
        if copies is not None:
            self.facts.copies_known += 1
            self._sums["copies"] += copies["count"] > 0
            uncopied = not copies["count"] and session["identity"] == "Paired"
            _name(self.facts.without_copies, session["name"], uncopied)

    def _count_runs(self, recent: Iterable[RunDocument]) -> None:
        for run in recent:
            if run["outcome"] in {NOTHING_TO_DO, "DryRun"} or run["reason"] in NO_CLEANUPS:
                continue
            day = (run["time"] or "")[:10]
            known = run["reason"] in self._reasons or len(self._reasons) < REASONS_MOST
            self._reasons[run["reason"] if known else "Unknown"] += 1
            self._runs_by_day[day] += 1
            self._removed_by_day[day] += run["removed"]
        self._totals.update(period_of(recent))

    def _find(self, type_: str, severity: int, message: str, name: str) -> None:
        if type_ not in self._findings and len(self._findings) >= FINDINGS_MOST:
            return
        group = self._findings.setdefault(
            type_,
            {"type": type_, "severity": severity, "count": 0, "message": message, "sessions": []},
        )
        group["count"] += 1
        group["severity"] = max(group["severity"], severity)
        if len(group["sessions"]) < NAMED_OF_A_FINDING:
            group["sessions"].append(name)

    def _learn(
        self,
        session: SessionDocument,
        runs: Sequence[RunDocument],
        recent: Sequence[RunDocument],
        critical: int | None,
    ) -> None:
        facts, name = self.facts, session["name"]
        if session["pairedAgain"] is not None:
            facts.identities += 1
            _name(facts.paired_again, name, session["pairedAgain"])
        if critical is not None:
            above = any((run["before"] or 0) >= critical for run in recent)
            _name(facts.above_before, name, above)
            done = [
                run["after"] or 0
                for run in runs
                if run["outcome"] in DONE and run["reason"] not in NO_CLEANUPS
            ][:2]
            stays = len(done) == 2 and min(done) >= critical
            _name(facts.above_after, name, stays)
        facts.growth_known += session["growthPerDay"] is not None
        limit = seconds_of(session["forecast"]["emergency"])
        if limit is not None and limit <= facts.now + _WEEK:
            facts.reaching.append((limit, name))
        since = seconds_of(session["recordedSince"])
        facts.recorded += since is not None and since <= facts.since
        automatic = [seconds_of(run["time"]) for run in runs if is_automatic(run)]
        facts.automatic_ever += bool(automatic)
        for time in automatic:
            if time is not None and (facts.latest_automatic or 0) < time <= facts.now:
                facts.latest_automatic = time
        _name(facts.unmonitored, name, session["monitored"] is False)
        facts.unpaired += session["level"] == UNKNOWN_LEVEL and session["identity"] in _NOT_PAIRED
        _most(facts.many_mappings, session["byKind"].get("lidMapping", 0), name)
        _most(facts.many_pre_keys, session["byKind"].get("preKey", 0), name)
        _most(facts.fullest, session["counted"] or 0, name)

    def _hold(self, session: SessionDocument) -> None:
        self._number += 1
        if self._keep is None:
            # The worst first.
            self._kept.append((_worst_first(session), self._number, session))
            return
        level, counted, total = _worst_first(session)
        item = ((-level, -counted, -total), -self._number, session)
        if len(self._kept) < self._keep:
            heapq.heappush(self._kept, item)
        elif self._kept and item[:2] > self._kept[0][:2]:
            heapq.heapreplace(self._kept, item)

    def _chart(self) -> list[DayDocument]:
        days: list[DayDocument] = []
        for back in range(self._days - 1, -1, -1):
            day = (rfc3339(self.facts.now - back * DAY_SECONDS) or "")[:10]
            days.append(
                {"day": day, "runs": self._runs_by_day[day], "removed": self._removed_by_day[day]}
            )
        return days


def needs_attention(session: SessionDocument) -> bool:
    """Return whether a session needs attention: a high or unknown level, or a severe finding.

    An unpaired session has no level, and nothing is wrong with it.
    """
    if any(each["severity"] > 1 for each in session["findings"]):
        return True
    if session["level"] == UNKNOWN_LEVEL:
        return session["identity"] not in _NOT_PAIRED
    return session["level"] not in _BELOW_CRITICAL


def period_of(runs: Iterable[RunDocument]) -> PeriodDocument:
    """Return the sums of runs."""
    sums: Counter[str] = Counter()
    for run in runs:
        if run["outcome"] == "DryRun":
            continue
        sums["automatic"] += is_automatic(run)
        sums["byHand"] += run["reason"] in BY_HAND
        sums["undone"] += run["undone"]
        if run["outcome"] == NOTHING_TO_DO or run["reason"] in NO_CLEANUPS:
            continue
        sums["runs"] += 1
        sums["removed"] += run["removed"]
        sums["freedBytes"] += run["freedBytes"]
        sums["fiveOrMore"] += run["removed"] >= _FIVE
        sums["failed"] += run["outcome"] in {"Failed", "Refused"}
        sums["commandLine"] += run["reason"] == COMMAND_LINE
    return _period(sums)


def _period(sums: Mapping[str, int]) -> PeriodDocument:
    return {
        "runs": sums.get("runs", 0),
        "removed": sums.get("removed", 0),
        "freedBytes": sums.get("freedBytes", 0),
        "fiveOrMore": sums.get("fiveOrMore", 0),
        "failed": sums.get("failed", 0),
        "byHand": sums.get("byHand", 0),
        "commandLine": sums.get("commandLine", 0),
        "automatic": sums.get("automatic", 0),
        "undone": sums.get("undone", 0),
    }


def is_automatic(run: RunDocument) -> bool:
    """Return whether a run started without a request."""
    return run["reason"] in {"Trigger", "Daily", "Emergency"}


def _ordered(numbers: Mapping[str, int]) -> dict[str, int]:
    """Return the non-zero counts, the largest first."""
    found = {name: count for name, count in numbers.items() if count}
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _add(sums: Counter[str], counts: Mapping[str, int]) -> None:
    """Add counts by code; codes beyond the maximum are counted together."""
    for code, count in counts.items():
        sums[code if code in sums or len(sums) < REASONS_MOST else "Unknown"] += count


def _name(names: list[str], name: str, holds: bool) -> None:
    if holds:
        names.append(name)


def _most(heap: list[tuple[int, str]], count: int, name: str) -> None:
    """Keep the three largest."""
    if count:
        heapq.heappush(heap, (count, name))
        if len(heap) > 3:
            heapq.heappop(heap)


def _worst_first(session: SessionDocument) -> tuple[int, int, int]:
    level = session["level"]
    rank = WORST_FIRST.index(level) if level in WORST_FIRST else len(WORST_FIRST)
    return rank, -(session["counted"] or 0), -(session["total"] or 0)
