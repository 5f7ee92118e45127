"""The daily summary: one day of the fleet on one page. Pure; tenants are added one by one."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from baileys_janitor.api.conditions.backup_conditions import BACKED_UP, RESTORABLE
from baileys_janitor.notify import document, words
from baileys_janitor.notify.cleanups import Done, Entry
from baileys_janitor.notify.incidents import Place, moment, states
from baileys_janitor.notify.words import DAY, Reader
from baileys_janitor.policy.levels import LEVELS

Object = dict[str, Any]

_LEVELS = (*LEVELS, "Unknown")
AGES = ("under 1 day", "1 to 7 days", "7 to 14 days", "14 to 30 days", "over 30 days")
"""The buckets of `policy.census`."""
WORST = 5
AHEAD_DAYS = 7.0
"""The horizon of the forecast in days."""


@dataclass(slots=True)
class Stores:
    """The key stores and their cleanups; `troubled`: the number of stores that cannot be counted or cleaned."""

    count: int = 0
    keys: int = 0
    troubled: int = 0
    cleanups: int = 0
    removed: int = 0


MONTH = 31 * DAY


@dataclass(slots=True)
class Archives:
    """The backups: the number of sessions by the state of their backups."""

    sessions: int = 0
    backedUp: int = 0  # noqa: N815 - as the message has it
    fresh: int = 0
    """Sessions with an archive put since the previous summary."""
    archives: int = 0
    files: int = 0
    bytes: int = 0
    drilled: int = 0
    drilledOfLate: int = 0  # noqa: N815 - as the message has it
    """Sessions with a successful drill of an archive within the last month."""
    drillsFailed: int = 0  # noqa: N815
    """Sessions whose last drill failed."""
    slowestDrill: float = 0.0  # noqa: N815
    """The duration of the slowest of these drills, in seconds."""
    oldest: str = ""

    def add(self, status: Mapping[str, Any], since: float) -> None:
        """Add the backups of one session; `since` is the beginning of the day (Unix seconds)."""
        repositories = (status.get("backup") or {}).get("repositories") or ()
        if not repositories:
            return
        self.sessions += 1
        true = {c["type"] for c in status.get("conditions") or () if c.get("status") == "True"}
        self.backedUp += BACKED_UP.type in true
        self.drilled += RESTORABLE.type in true
        self.fresh += any((moment(each.get("archiveTime")) or 0.0) > since for each in repositories)
        self.archives += sum(each.get("archives") or 0 for each in repositories)
        self.files += max(each.get("files") or 0 for each in repositories)
        self.bytes += max(each.get("bytes") or 0 for each in repositories)
        drills = [each["drill"] for each in repositories if each.get("drill")]
        late = since + DAY - MONTH
        recent = [each for each in drills if (moment(each.get("time")) or 0.0) > late]
        self.drilledOfLate += bool(recent)
        self.drillsFailed += any(each.get("failures") for each in drills)
        took = [each.get("seconds") or 0.0 for each in recent]
        self.slowestDrill = max([self.slowestDrill, *took])
        known = [each["oldestTime"] for each in repositories if each.get("oldestTime")]
        self.oldest = min([*known, *filter(None, [self.oldest])], default="")

    def add_store(self, status: Mapping[str, Any], since: float) -> None:
        """Add the backups of all sessions of a key store."""
        before = self.sessions, self.backedUp, self.drilled, self.drilledOfLate
        self.add(status, since)
        counted = (status.get("backup") or {}).get("sessions") or {}
        total, good = counted.get("count") or 0, counted.get("backedUp") or 0
        if self.sessions == before[0] or not total:
            return
        # The store's state applies to all its counted sessions.
        self.sessions = before[0] + total
        self.backedUp = before[1] + good
        self.drilled = before[2] + total * (self.drilled - before[2])
        self.drilledOfLate = before[3] + total * (self.drilledOfLate - before[3])


@dataclass(slots=True)
class Day:
    """The fleet, and its cleanups since `since` (Unix seconds)."""

    since: float
    levels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    ages: list[int] = field(default_factory=lambda: [0] * len(AGES))
    aged: int = 0
    """Tenants whose ages are known."""
    cleanups: int = 0
    failed: int = 0
    removed: int = 0
    freed: int = 0
    growth: float = 0.0
    worst: list[tuple[float, str, Place, int, int]] = field(default_factory=list)
    """(share of the limit, name, tenant, counted, limit): a heap of the worst."""
    soonest: list[tuple[float, str, Place, float]] = field(default_factory=list)
    """(-days, name, tenant, growth a day): a heap of those that will reach their limit first."""
    reaching: int = 0
    stores: Stores = field(default_factory=Stores)
    backups: Archives = field(default_factory=Archives)

    def add_store(self, place: Place, status: Mapping[str, Any], history: Iterable[Entry]) -> None:
        """Add one key store."""
        self.stores.count += 1
        self.stores.keys += (status.get("keys") or {}).get("total") or 0
        self.stores.troubled += any(each.kind for each in states(status, place.kind))
        self.backups.add_store(status, self.since)
        for done in _since(self.since, place, history):
            self.stores.cleanups += 1
            self.stores.removed += done.removed

    def add(
        self,
        place: Place,
        status: Mapping[str, Any],
        history: Iterable[Entry],
        ages: Iterable[int] | None = None,
    ) -> None:
        """Add one tenant; `ages`: its files by age, if its last scan reported them."""
        self.levels[status.get("level") or "Unknown"] += 1
        self.reasons.update(state.kind.name for state in states(status) if state.kind is not None)
        files = status.get("files") or {}
        self.files += files.get("total") or 0
        self.bytes += files.get("bytes") or 0
        if ages is not None:
            self.ages = [a + b for a, b in zip(self.ages, ages, strict=True)]
            self.aged += 1
        for done in _since(self.since, place, history):
            self.cleanups += 1
            self.failed += done.outcome == "Failed"
            self.removed += done.removed
            self.freed += done.freed
        self.backups.add(status, self.since)
        self._weigh(place, files, float(status.get("growthPerDay") or 0.0))

    def _weigh(self, place: Place, files: Mapping[str, Any], growth: float) -> None:
        counted, limit = files.get("counted"), files.get("limit")
        if counted is None or not limit:
            return
        name = words.name(place)
        _keep(self.worst, (counted / limit, name, place, counted, limit))
        self.growth += growth
        if growth > 0 and counted < limit:
            days = (limit - counted) / growth
            if days <= AHEAD_DAYS:
                self.reaching += 1
                _keep(self.soonest, (-days, name, place, growth))

    @property
    def tenants(self) -> int:
        """The number of added tenants."""
        return self.levels.total()


def _since(since: float, place: Place, history: Iterable[Entry]) -> Iterator[Done]:
    """Yield the cleanups after a time that removed something for good or tried to, the newest first."""
    for entry in history:
        done = Done.of(place, entry)
        if done is not None and done.time <= since:
            return
        if done is not None and done.outcome != "DryRun":
            yield done


def _keep(heap: list[Any], item: tuple[Any, ...]) -> None:
    if len(heap) < WORST:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def message(target: str, day: Day, slot: float, reader: Reader, now: float) -> Object:
    """Return the summary for a slot of its schedule."""
    troubled = sum(day.levels[level] for level in ("Warning", "Critical", "Emergency"))
    state = f"{words.number(troubled)} above a threshold" if troubled else "none above a threshold"
    title = f"Daily summary, {reader.day(slot)}: {words.several(day.tenants, 'tenant')}, {state}"
    return document.message(
        "summary",
        target,
        str(int(slot)),
        title,
        now,
        summary={
            **({"keyStores": asdict(day.stores)} if day.stores.count else {}),
            **({"backups": _of_archives(day.backups)} if day.backups.sessions else {}),
            "tenants": day.tenants,
            "levels": {level: day.levels[level] for level in _LEVELS},
            "reasons": dict(sorted(day.reasons.items())),
            "cleanups": day.cleanups,
            "failed": day.failed,
            "removed": day.removed,
            "freedBytes": day.freed,
            "files": day.files,
            "bytes": day.bytes,
            "growthPerDay": round(day.growth, 1),
            "ages": dict(zip(AGES, day.ages, strict=True)) if day.aged else {},
            "worst": [
                {**_place(place), "counted": counted, "limit": limit}
                for _, _, place, counted, limit in sorted(day.worst, reverse=True)
            ],
            "forecast": [
                {**_place(place), "daysToEmergency": round(-days, 1), "growthPerDay": growth}
                for days, _, place, growth in sorted(day.soonest, reverse=True)
            ],
        },
        lines=[
            *_lines(day),
            *_of_stores(day.stores),
            *_of_backups(day.backups, reader),
            *_of_drills(day.backups, reader, slot),
        ],
    )


def _of_archives(found: Archives) -> Object:
    return {key: value for key, value in asdict(found).items() if value != ""}


def _of_drills(found: Archives, reader: Reader, slot: float) -> Iterator[str]:
    """Yield the report of the last month, on the first day of the next one."""
    if not found.sessions or not reader.begins_month(slot):
        return
    passed = words.number(found.drilledOfLate)
    failed = f"{words.number(found.drillsFailed)} failed" if found.drillsFailed else "none failed"
    slowest = f", the slowest in {found.slowestDrill:.1f} s" if found.drilledOfLate else ""
    yield (
        f"Drills of the last month: archives of {passed} of {words.several(found.sessions, 'session')} were restored "
        f"in a rehearsal{slowest}; {failed}"
    )


def _of_backups(found: Archives, reader: Reader) -> Iterator[str]:
    if not found.sessions:
        return
    late = found.sessions - found.backedUp
    state = f"{words.number(late)} not" if late else "none missing"
    oldest = moment(found.oldest)
    since = "" if oldest is None else f", the oldest of {reader.day(oldest)}"
    yield (
        f"Backups: {words.number(found.backedUp)} of {words.several(found.sessions, 'session')} up to date, {state}; "
        f"{words.number(found.fresh)} with a new archive of the last day"
    )
    yield (
        f"Archives: {words.number(found.archives)}{since}; the newest hold {words.several(found.files, 'file')} in "
        f"{words.size(found.bytes)}; {words.number(found.drilled)} restored in a drill"
    )


def _of_stores(stores: Stores) -> Iterator[str]:
    if stores.count:
        troubled = f", {stores.troubled} with trouble" if stores.troubled else ""
        done = f"{words.several(stores.cleanups, 'cleanup')} removed {words.several(stores.removed, 'key')}"
        keys, each = words.several(stores.keys, "key"), words.several(stores.count, "key store")
        yield f"Key stores: {keys} in {each}{troubled}; last day: {done}"


def _place(place: Place) -> Object:
    return {"namespace": place.namespace, "name": place.name, "companyId": place.company}


def _lines(day: Day) -> Iterable[str]:
    levels = [f"{words.number(day.levels[name])} {name}" for name in _LEVELS if day.levels[name]]
    yield f"Levels: {', '.join(levels) or 'no tenants'}"
    others = [f"{words.number(n)} {name}" for name, n in sorted(_besides(day).items())]
    if others:
        yield f"Also: {', '.join(others)}"
    done = f"{words.several(day.cleanups, 'cleanup')} removed {words.several(day.removed, 'file')}"
    yield f"Last day: {done} and freed {words.size(day.freed)}; {day.failed or 'none'} failed"
    yield (
        f"Files: {words.number(day.files)}, {words.size(day.bytes)}; the counted ones grow by "
        f"{words.number(round(day.growth))} a day"
    )
    total = sum(day.ages)
    if total:
        shares = [f"{100 * n / total:.0f} % {name}" for n, name in zip(day.ages, AGES, strict=True)]
        scope = "" if day.aged == day.tenants else f" (of {words.several(day.aged, 'tenant')})"
        yield f"Ages{scope}: {', '.join(shares)}"
    worst = [f"{name} {n} of {limit}" for _, name, _, n, limit in sorted(day.worst, reverse=True)]
    if worst:
        yield f"Nearest to their limits: {'; '.join(worst)}"
    if day.reaching:
        first = [
            f"{name} in {words.span(-days * DAY)}"
            for days, name, *_ in sorted(day.soonest, reverse=True)
        ]
        yield (
            f"Forecast: without a cleanup {words.several(day.reaching, 'tenant')} would reach the limit within "
            f"{AHEAD_DAYS:.0f} days: {'; '.join(first)}"
        )
    else:
        yield f"Forecast: no tenant reaches its limit within {AHEAD_DAYS:.0f} days"


def _besides(day: Day) -> dict[str, int]:
    levels = {f"Tenant{level}" for level in _LEVELS}
    return {name: count for name, count in day.reasons.items() if name not in levels}
