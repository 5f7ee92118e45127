"""The process of a Job for backups: read the task, handle its members one by one, write the result, exit.

Exit codes are those of `job.main`. The result is written after each member, so that a Job that is
killed loses only the current one.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from baileys_janitor import extras
from baileys_janitor.backup.job import children
from baileys_janitor.backup.job.result import (
    FAILED,
    BadResult,
    JobFailure,
    JobResult,
    MemberResult,
    Outcome,
    decode,
    encode,
)
from baileys_janitor.backup.job.task import BackupTask, Member
from baileys_janitor.backup.job.work import ENDED, Found, carry_out
from baileys_janitor.job.main import BAD_TASK, DONE, UNFORESEEN, Log, Stop, leave
from baileys_janitor.job.task import BadTask
from baileys_janitor.schedule.backup_reasons import OF_STORE

Deal: TypeAlias = Callable[[BackupTask, Member, Sequence[int], Callable[[Found], None]], Found]
"""Handles one member in some of the repositories, as `carry_out` does."""
GIVEN_UP_AFTER: Final = 2
"""After failing for this many members in a row, a repository is skipped for the rest of the Job."""
TOO_SLOW: Final = Outcome(
    FAILED,
    "TooSlow",
    "It took too long and was given up, so that the others had their turn: look at the volume and the store. The next "
    "run tries again.",
)


def main(argv: Sequence[str]) -> int:
    """Carry out the task in `argv` (one JSON argument); return the process's exit code."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.signalled)
    signal.signal(signal.SIGINT, stop.signalled)
    try:
        task = _read(argv)
    except BadTask as problem:
        sys.stderr.write(f"baileys-janitor backup-job: {problem}\n")
        leave(encode(JobFailure("BadTask", str(problem))))
        return BAD_TASK
    try:
        extras.require("backup")
    except extras.ExtraMissing as problem:
        leave(encode(JobFailure("ExtraMissing", str(problem))))
        return UNFORESEEN
    deal_with_members(task, stop, carry_out)
    return DONE


def deal_with_members(task: BackupTask, stop: Stop, deal: Deal) -> None:
    """Handle the members one by one, and write the result after each of them."""
    log = Log()
    run = _Run(task, stop, deal, lambda result: log.write(encode(result)))
    for done in range(len(task.members)):
        result = run.next()
        log.write(encode(result), last=done == len(task.members) - 1)


def _read(argv: Sequence[str]) -> BackupTask:
    if len(argv) != 1:
        raise BadTask("a Job gets its task as one JSON argument")
    return BackupTask.from_json(argv[0])


def _answer(
    deal: Deal, task: BackupTask, member: Member, places: Sequence[int], tell: children.Tell
) -> bytes:
    def written(found: Found) -> bytes:
        result, idents = found
        named = [idents.get(place, "") for place in range(len(task.stores))]
        return encode(JobResult(task.action, named, [result]))

    return written(deal(task, member, places, lambda found: tell(written(found))))


def _read_answer(answer: bytes, places: Sequence[int]) -> tuple[MemberResult, Sequence[str]]:
    """Read the output of `_answer`; raise `Killed` for other bytes: running out of memory may have cut it."""
    try:
        found = decode(answer)
    except BadResult:
        raise children.Killed(in_time=True) from None
    if isinstance(found, JobResult) and len(found.members) == 1:
        result = found.members[0]
        if result is not None and all(place in result.outcomes for place in places):
            return result, found.repositories
    raise children.Killed(in_time=True)


class _Run:
    """The members of a task, one after the other. A repository that fails repeatedly is skipped."""

    def __init__(
        self, task: BackupTask, stop: Stop, deal: Deal, leave: Callable[[JobResult], None]
    ) -> None:
        self._task = task
        self._deal = deal
        self._stop = stop
        self._leave = leave
        self._idents = [""] * len(task.stores)
        self._done: list[MemberResult | None] = []
        self._failing: Counter[int] = Counter()
        self._given_up: dict[int, Outcome] = {}

    def next(self) -> JobResult:
        """Handle the next member; return the result of all so far."""
        member = self._task.members[len(self._done)]
        self._done.append(None if self._stop() is not None else self._result(member))
        return self._so_far(self._done)

    def _so_far(self, done: list[MemberResult | None]) -> JobResult:
        unreached = [None] * (len(self._task.members) - len(done))
        return JobResult(self._task.action, self._idents, [*done, *unreached])

    def _result(self, member: Member) -> MemberResult | None:
        asked = [place for place in member.repositories if place not in self._given_up]
        known = {p: self._given_up[p] for p in member.repositories if p in self._given_up}
        if not asked:
            return MemberResult(0, outcomes=known)
        entered: list[MemberResult] = []

        def hear(told: bytes) -> None:
            # An archive about to be put: record it now, in case this pod is killed.
            result, idents = _read_answer(told, asked)
            self._name(asked, idents)
            entered[:] = [replace(result, outcomes={**result.outcomes, **known})]
            self._leave(self._so_far([*self._done, *entered]))

        try:
            work = partial(_answer, self._deal, self._task, member, asked)
            answer = children.call_telling(work, self._task.seconds, self._stop, hear)
            result, idents = _read_answer(answer, asked)
        except children.Killed as end:
            if self._stop() is not None and not entered:
                return None
            failure = ENDED if end.in_time or self._stop() is not None else TOO_SLOW
            last = entered[0] if entered else MemberResult(0)
            return replace(last, outcomes=known | dict.fromkeys(asked, failure))
        self._name(asked, idents)
        for place in asked:
            self._note(place, result.outcomes[place])
        return replace(result, outcomes={**result.outcomes, **known})

    def _name(self, asked: Sequence[int], idents: Sequence[str]) -> None:
        for place in asked:
            self._idents[place] = idents[place] or self._idents[place]

    def _note(self, place: int, outcome: Outcome) -> None:
        if outcome.code not in OF_STORE:
            self._failing[place] = 0
            return
        self._failing[place] += 1
        if self._failing[place] >= GIVEN_UP_AFTER:
            self._given_up[place] = outcome
