"""What a status promises is what happens: random tenants in virtual time, each promise compared with the deed.

A status says when the next cleanup and the next scan come (`nextCleanupTime`, `nextScanTime`, and the same time in
`next`). Each time that it changes, its promises are noted. A promise is kept when that cleanup or scan begins then,
and none of its kind before; it is void when something else happens meanwhile that nobody could foresee: an edit, a
request, a fault, another count, a restart before an overdue cleanup, an operator that is down at that time.

`PROMISE_TENANTS` and `PROMISE_SEED` choose how many tenants, and which; the gate walks 120, or 400
with `ALL_CHECKS=1`.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.schedule.circuit_breaker import Hold
from tests.all_checks import ALL_CHECKS
from tests.controller.pure.world import DAY, HOUR, NOW
from tests.schedule.simulation import JOB_TAKES, Cluster, Directory

Object = dict[str, Any]

TENANTS = int(os.environ.get("PROMISE_TENANTS", "400" if ALL_CHECKS else "120"))
SEED = int(os.environ.get("PROMISE_SEED", "1"))
BLOCKS = 40
"""The walk is cut into so many tests, for the workers."""
EARLY = 1.0
"""Seconds that a deed may come before its promise, which is told in whole seconds."""
LATE = 3 * JOB_TAKES + 2.0
"""Seconds that it may come after it: a Job under way is waited for, and a first scan."""
ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe")
CRONS = ("0 3 * * *", "30 2 * * *", "*/20 * * * *", "15 1,13 * * 1-5", "0 0 1 * *", "Never")


@dataclass
class Promise:
    """Something that a status has promised: when, and what."""

    kind: str
    when: float
    reason: str
    made: float


@dataclass
class Walk:
    """One tenant's life, and what its statuses promised."""

    made: Cluster
    draw: random.Random
    open: dict[str, Promise] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    checked: int = 0
    seen: int = 0
    scans: int = 0
    causes: int = 0
    scanned: float | None = None
    silent: dict[str, int] = field(default_factory=dict)
    """How many statuses had been written when something happened that the operator cannot know of yet."""

    def promised(self) -> None:
        """Note what the status promises now."""
        status = self.made.status
        if self.made.causes != self.causes:
            self.causes = self.made.causes
            self.void()
        for kind, name in (("cleanup", "nextCleanupTime"), ("scan", "nextScanTime")):
            when = from_rfc3339(status.get(name))
            known = self.open.get(kind)
            reason = str(status.get("nextCleanupReason", "")) if kind == "cleanup" else "Scan"
            if when is None or when <= self.made.now:
                if known is not None and known.when > self.made.now:
                    self.open.pop(kind)  # withdrawn in time: nobody is told a wrong time
                continue
            if self.silent.get(kind) == self.made.writes or (kind == "scan" and self._is_misled()):
                continue
            if known is None or (known.when, known.reason) != (when, reason):
                if known is not None and abs(known.when - when) > EARLY:
                    self._complain(known, f"promised anew, {reason} at {when - NOW:.0f} s")
                self.open[kind] = Promise(kind, when, reason, self.made.now)
                said = str(status["next"])
                elsewhere = "under way" in said or "Automatic cleanups wait until" in said
                if kind == "cleanup" and not elsewhere and str(status[name]) not in said:
                    self._complain(self.open[kind], f"`next` says: {said}")

    def _is_misled(self) -> bool:
        """Whether the operator has yet to see that a pod began to use the claim, or none does any more."""
        tenant = self.made.tenant
        return tenant is not None and (tenant.scan.unused_since is None) != self.made.used

    def void(self, *kinds: str, until_written: bool = False) -> None:
        """Something unforeseen has happened; `until_written`: it shows in no status before the next one is written."""
        for kind in kinds or ("cleanup", "scan"):
            self.open.pop(kind, None)
            if until_written:
                self.silent[kind] = self.made.writes

    def happened(self, kind: str, when: float, reason: str) -> None:
        """Compare a deed with its promise."""
        promise = self.open.pop(kind, None)
        if promise is None or reason == "Requested":
            return
        self.checked += 1
        if not promise.when - EARLY <= when <= promise.when + LATE or reason != promise.reason:
            self._complain(promise, f"{reason} came at {when - promise.when:+.1f} s")

    def overdue(self) -> None:
        """Complain of promises whose time has passed without a deed."""
        for kind, promise in list(self.open.items()):
            if self.made.now > promise.when + LATE:
                del self.open[kind]
                self.checked += 1
                self._complain(promise, "nothing happened")

    def _complain(self, promise: Promise, why: str) -> None:
        at = promise.made - NOW
        self.broken.append(
            f"{promise.reason} promised at {at:.0f} s for {promise.when - NOW:.0f} s: {why}"
        )

    def step(self, seconds: float) -> None:
        """Let time pass, and look at the status and at what was done after every event."""
        until = self.made.now + seconds
        while self.made.now < until:
            if self.made.tenant is None:
                self.made.now = until
                break
            self.made.run_once(until)
            self._deeds()
            self.promised()
            self.overdue()

    def _deeds(self) -> None:
        for when, reason in self.made.begun[self.seen :]:
            self.happened("cleanup", when, reason)
        if len(self.made.begun) > self.seen:
            self.void("scan")  # a cleanup looks at the directory, too
        self.seen = len(self.made.begun)
        for when in self.made.scanned_at[self.scans :]:
            self.happened("scan", when, "Scan")
        self.scans = len(self.made.scanned_at)
        if self.made.tenant is not None and self.made.tenant.scan.last_scan != self.scanned:
            self.scanned = self.made.tenant.scan.last_scan
            self.void("scan")  # what a scan finds decides when the next one comes


def spec(draw: random.Random) -> Object:
    """A tenant's settings."""
    return {
        "mode": draw.choice(["Enforce", "Enforce", "Enforce", "DryRun", "Observe"]),
        "cooldown": draw.choice(["0s", "5m", "6h"]),
        "schedule": {
            "triggerInterval": draw.choice(["10m", "30m", "2h"]),
            "scanInterval": draw.choice(["5m", "20m", "1h"]),
            "dailyCleanup": draw.choice(CRONS),
            "timeZone": draw.choice(ZONES),
            "adaptiveScanInterval": draw.random() < 0.5,
        },
    }


def begin(draw: random.Random) -> Walk:
    """A tenant that an operator has just come to know, at some time of the year."""
    directory = Directory(
        counted=float(draw.choice([90, 149, 160, 172, 178, 195])),
        reclaimable=draw.choice([0, 3, 40]),
        leaves=draw.random() < 0.5,
        cap=draw.choice([None, None, 2]),
    )
    now = NOW + draw.uniform(0, 365 * DAY)
    directory.touched = now
    made = Cluster(directory, spec(draw), now=now)
    made.start()
    return Walk(made, draw)


def disturb(walk: Walk) -> None:
    """Let something happen to the tenant."""
    made, draw = walk.made, walk.draw
    kind = draw.choice(
        [
            *("nothing", "restart", "outage", "pause", "edit", "files", "request", "hold"),
            *("fault", "unused"),
        ]
    )
    if kind in {"restart", "outage"} and made.tenant is not None:
        down = draw.uniform(0, 20) if kind == "restart" else draw.uniform(60, 30 * HOUR)
        failed = made.tenant.fault is not None
        made.stop()
        for promise in list(walk.open.values()):
            if promise.when <= made.now + down + LATE:
                walk.void(promise.kind)
        scan = from_rfc3339(made.status.get("nextScanTime")) or 0.0
        cleanup = from_rfc3339(made.status.get("nextCleanupTime")) or scan
        looks_first = cleanup < scan
        if not made.used or failed or looks_first:
            # A new operator looks at what nothing uses, tries what failed before, and looks before it cleans.
            walk.void("scan", until_written=True)
        made.run(down)
        made.start()
    elif kind == "pause":
        walk.void(until_written=True)
        made.edit(made.spec | {"suspend": True})
        walk.step(draw.uniform(60, 2 * HOUR))
        walk.void(until_written=True)
        made.edit(made.spec | {"suspend": False})
    elif kind == "edit":
        walk.void(until_written=True)
        made.edit(spec(draw))
    elif kind == "files":
        walk.void("cleanup", until_written=True)
        made.directory.counted = float(draw.choice([90, 149, 160, 172, 178, 195]))
        made.directory.reclaimable = draw.choice([0, 3, 40])
    elif kind == "request":
        walk.void(until_written=True)
        made.edit(token=f"t{draw.random()}")
    elif kind == "hold":
        walk.void(until_written=True)
        made.hold = Hold(made.now + draw.uniform(60, 3 * HOUR), fleet=False)
        made.reconsider()
    elif kind == "unused":
        walk.void(until_written=True)
        made.used = not made.used
    elif kind == "fault":
        walk.void(until_written=True)
        made.broken = "JobDeadline"
        walk.step(draw.uniform(60, 2 * HOUR))
        walk.void(until_written=True)
        made.broken = None


def walked(seed: int) -> Walk:
    """One tenant's life of a few days."""
    draw = random.Random(seed)
    walk = begin(draw)
    for _ in range(draw.randint(2, 4)):
        walk.step(draw.choice([5, 600, HOUR, 3 * HOUR, 8 * HOUR]) * draw.uniform(0.5, 1.5))
        disturb(walk)
    walk.step(2 * HOUR)
    return walk


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_promise_is_kept(block: int) -> None:
    each = max(1, TENANTS // BLOCKS)
    checked, broken = 0, []
    for number in range(block * each, (block + 1) * each):
        walk = walked(SEED * 1_000_003 + number)
        checked += walk.checked
        broken += [f"tenant {number}: {one}" for one in walk.broken]
    assert broken == []
    assert checked > each
