"""Repositories in virtual time, and the process that backs up to them: archives, failures, kills, endless puts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.tenants.backup_state import Archived
from baileys_janitor.watch.backups.protocol import Result, Task

DAY = 86_400.0


class Hands:
    """What the vault needs of a clock."""

    wall: float
    even: float


@dataclass
class Put:
    """An archive that was put."""

    time: float
    tenant: str
    repository: str
    digest: str


@dataclass
class Vault:
    """Archives, and how the repositories are today."""

    puts: list[Put] = field(default_factory=list)
    tries: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(time, what, tenant, repository) of every attempt."""
    digests: dict[str, str] = field(default_factory=dict)
    """What a tenant's session is like; unset: another one at every look."""
    broken: dict[str, str] = field(default_factory=dict)
    """Codes by repository, or by tenant."""
    undrilled: dict[str, str] = field(default_factory=dict)
    """Codes of drills by repository."""
    seconds: float = 0.5
    """How long one task takes."""
    dies: Callable[[Task], bool] = lambda _task: False
    """Whether the process is killed in the middle of that task."""
    starts: list[int] = field(default_factory=list)
    """How many tasks each process had."""
    kept_days: float = 7.0
    under_way: Process | None = None

    def start(self, hands: Any, tasks: list[Task], seconds: float) -> Process:
        self.starts.append(len(tasks))
        self.under_way = Process(self, hands, tasks, seconds)
        return self.under_way

    def ends_in(self, hands: Any) -> float:
        """In how many seconds the process ends."""
        return math.inf if self.under_way is None else max(0.0, self.under_way.ends - hands.even)

    def of(self, tenant: str, repository: str = "main") -> list[Put]:
        return [
            each for each in self.puts if (each.tenant, each.repository) == (tenant, repository)
        ]

    def tried(self, what: str, tenant: str, repository: str = "main") -> list[float]:
        return [t for t, *rest in self.tries if rest == [what, tenant, repository]]

    def do(self, task: Task, now: float) -> dict[str, Result]:
        done = {}
        for repository in task.repositories:
            self.tries.append((now, task.do, task.name, repository))
            do = self._back_up if task.do == "Backup" else self._drill
            done[repository] = do(task, repository, now)
        return done

    def _back_up(self, task: Task, repository: str, now: float) -> Result:
        code = self.broken.get(repository) or self.broken.get(task.name)
        if code == "NothingToDo":
            return Result("NothingToDo", time=now)
        if code:
            return Result("Failed", code, f"It says {code}: do what helps.")
        digest = self.digests.get(task.name) or f"{len(self.puts):08x}"
        before = self.of(task.name, repository)
        fresh = (
            not before
            or before[-1].digest != digest
            or now - before[-1].time >= self.kept_days * DAY
        )
        if fresh:
            self.puts.append(Put(now, task.name, repository, digest))
        there = self.of(task.name, repository)
        newest = there[-1]
        return Result(
            "Put" if fresh else "Unchanged",
            time=now,
            seconds=self.seconds,
            newest=Archived(
                f"archive-{int(newest.time)}.tar.gz.age",
                newest.time,
                906,
                89_000,
                len(there),
                there[0].time,
            ),
        )

    def _drill(self, task: Task, repository: str, now: float) -> Result:
        code = self.undrilled.get(repository)
        if code:
            return Result("Failed", code, f"It says {code}: do what helps.", time=now)
        newest = self.of(task.name, repository)[-1]
        return Result(
            "Passed",
            time=now,
            seconds=0.2,
            archive=f"archive-{int(newest.time)}.tar.gz.age",
            files=900,
        )


class Process:
    """A process that does its tasks in virtual time."""

    def __init__(self, vault: Vault, hands: Any, tasks: list[Task], budget: float) -> None:
        self._vault, self._hands, self._tasks = vault, hands, tasks
        self._at = hands.even
        self._budget = budget
        self._number = 0
        self._killed = False
        self._ending: str | None = None

    @property
    def ends(self) -> float:
        """When (monotonic) the task under way ends."""
        return self._at + min(self._vault.seconds, self._budget)

    def poll(self) -> tuple[list[tuple[int, dict[str, Result]]], str | None]:
        answers = []
        while self._ending is None and self._hands.even >= self.ends:
            task = self._tasks[self._number]
            if self._vault.dies(task):
                self._ending = "Killed"
            elif self._vault.seconds >= self._budget:
                self._ending = "TooSlow"
            else:
                self._at = self.ends
                answers.append((self._number, self._vault.do(task, self._hands.wall)))
                self._number += 1
                if self._number == len(self._tasks):
                    self._ending = ""
        if self._ending is not None:
            self._vault.under_way = None
        return answers, self._ending

    def wait(self, seconds: float) -> None:
        self._hands.pass_(min(seconds, max(0.0, self.ends - self._hands.even)))

    def kill(self) -> None:
        self._ending = self._ending if self._ending is not None else "Killed"
