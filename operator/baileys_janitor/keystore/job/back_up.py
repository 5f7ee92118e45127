"""Backs up the sessions of a store one after another, in a process of its own.

Sessions are ordered by six digits of a hash of their names, so that a Job which ends early can report where the next
one continues, without naming a session. A failing session or repository does not affect the others: a session that
takes too long is given up together with its process, and another process continues after it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.backup.failures import failure_of
from baileys_janitor.backup.job import children
from baileys_janitor.backup.job.main import GIVEN_UP_AFTER
from baileys_janitor.backup.job.result import FAILED, NOTHING_TO_DO, PUT, UNCHANGED, Outcome
from baileys_janitor.backup.job.work import ENDED, IN_A_CLUSTER, opened
from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.job.backup_result import SAMPLE_MOST, BackedUp, Tally
from baileys_janitor.keystore.job.words import in_a_cluster
from baileys_janitor.schedule.backup_reasons import OF_STORE

if TYPE_CHECKING:
    from baileys_janitor.backup.job.task import BackupTask
    from baileys_janitor.backup.results import BackupResult, Destination
    from baileys_janitor.job.main import Stop
    from baileys_janitor.keystore.backup.run import BackingUp
    from baileys_janitor.keystore.job.task import StoreTask
    from baileys_janitor.keystore.postgres.connect import Database

Send = Callable[[list[Any]], None]

KILLED_MOST: Final = 5
"""Consecutive processes that may end without a single result."""
PLACE_DIGITS: Final = 6
OF_DATABASE: Final = frozenset(
    {
        *(errors.CONNECTION_LOST, errors.RIGHTS_MISSING, errors.TABLE_MISSING),
        *(errors.COLUMN_MISSING, errors.DISK_FULL, errors.REPLICA, errors.ROW_SECURITY),
    }
)
"""Problems of the database itself, which affect every session."""
_TOO_SLOW: Final = (
    "TooSlow",
    (
        "It took too long and was given up, so that the others had their turn: look at the database and the store. The "
        "next run tries again."
    ),
)
_ENDED: Final = (ENDED.code, ENDED.message)
_DAY_SECONDS: Final = 86_400


def place_of(session: str) -> str:
    """Return a session's place in the order."""
    digest = sha256(session.encode("utf-8", "surrogatepass")).hexdigest()
    return digest[:PLACE_DIGITS]


def back_up(
    task: StoreTask,
    backup: BackupTask,
    stop: Stop,
    authority: str | None,
    report: Callable[[BackedUp], None],
) -> BackedUp:
    """Back up the sessions after `task.after`; `report` receives the intermediate result before each session."""
    return _Parent(task, backup, stop, authority, report).run()


class _Patience:
    """Tracks unresponsive repositories: one that fails for several sessions in a row is skipped for the rest."""

    def __init__(self) -> None:
        self.given_up: dict[int, str] = {}
        self._failing: Counter[int] = Counter()

    def note(self, place: int, code: str) -> None:
        """Note the outcome of one session in a repository."""
        if code not in OF_STORE:
            self._failing[place] = 0
            return
        self._failing[place] += 1
        if self._failing[place] >= GIVEN_UP_AFTER:
            self.given_up[place] = code


class _Parent:
    """Counts the messages of the worker processes."""

    def __init__(
        self,
        task: StoreTask,
        backup: BackupTask,
        stop: Stop,
        authority: str | None,
        report: Callable[[BackedUp], None],
    ) -> None:
        self._task = task
        self._backup = backup
        self._stop = stop
        self._authority = authority
        self._report = report
        self._places = backup.members[0].repositories
        self._patience = _Patience()
        self._sample: dict[str, tuple[str, str]] = {}
        self._at: str | None = None
        self._ended = False
        self.found = BackedUp(
            time=max(int(time.time()), backup.time),
            after=task.after,
            repositories=[Tally() for _ in backup.stores],
        )

    def run(self) -> BackedUp:
        """Back up all sessions that the time allows."""
        started = time.monotonic()
        killed = 0
        while not self._ended and self._stop() is None:
            done = self.found.done
            try:
                self._follow()
            except children.Killed as end:
                if self._stop() is not None:
                    break
                killed = 1 if self.found.done > done else killed + 1
                self._lose(too_slow=not end.in_time, last=killed >= KILLED_MOST)
        if self.found.done == 0 and self._at is not None and self._stop() is not None:
            # Otherwise the next Job would get stuck at the same session.
            self._lose(too_slow=True, last=False)
        self.found.under_way = False
        chosen = sorted(self._sample.items())[:SAMPLE_MOST]
        self.found.sample = [session for _, session in chosen]
        self.found.ms = int((time.monotonic() - started) * 1000)
        return self.found

    def _follow(self) -> None:
        work = partial(
            _work, self._task, self._backup, self._authority, self.found.after, self._patience
        )
        seconds = min(float(self._backup.seconds), self._task.duration)
        for message in children.stream(lambda send: work(_sender(send)), seconds, self._stop):
            self._take(json.loads(message))
        self._ended = True

    def _take(self, message: list[Any]) -> None:
        kind, *rest = message
        found = self.found
        if kind == "all":
            found.sessions, found.left = rest
        elif kind == "at":
            (self._at,) = rest
            before, found.after, found.under_way = found.after, rest[0], True
            found.left -= 1
            self._report(found)
            found.after, found.under_way = before, False
            found.left += 1
        elif kind == "did":
            self._count(*rest)
        else:
            found.failure, self._ended = (rest[0], rest[1]), True

    def _count(self, outcomes: list[list[Any]], last: bool, sampled: list[str] | None) -> None:
        found = self.found
        told: dict[int, list[Any]] = {each[0]: each[1:] for each in outcomes}
        failing = False
        for place in self._places:
            tally = found.repositories[place]
            if place not in told:
                tally.fail(self._patience.given_up.get(place, "Interrupted"), "")
                failing = True
                continue
            outcome, code, message, tallied = told[place]
            tally.add(Tally(**tallied))
            if outcome == FAILED:
                tally.fail(code, message)
                failing = True
            self._patience.note(place, code if outcome == FAILED else "")
        found.failing += failing
        found.nothing += any(each[0] == NOTHING_TO_DO for each in told.values())
        if sampled is not None:
            self._sample[sampled[0]] = (sampled[1], sampled[2])
        self._pass(last=last)

    def _pass(self, *, last: bool) -> None:
        self.found.done += 1
        self.found.left = max(0, self.found.left - 1)
        if last and self._at is not None:
            self.found.after, self._at = self._at, None

    def _lose(self, *, too_slow: bool, last: bool) -> None:
        """Count the session under way as failed; end the run where there is none, or after too many processes."""
        code, message = _TOO_SLOW if too_slow else _ENDED
        if self._at is None or last:
            self.found.failure, self._ended = (code, message), True
        if self._at is None:
            return
        for place in self._places:
            self.found.repositories[place].fail(code, message)
        self.found.failing += 1
        self._pass(last=True)


def _sender(send: Callable[[bytes], None]) -> Send:
    return lambda message: send(json.dumps(message, separators=(",", ":")).encode())


# In the worker process


def _work(
    task: StoreTask,
    backup: BackupTask,
    authority: str | None,
    after: str,
    patience: _Patience,
    send: Send,
) -> None:
    """Back up one session after another, and send the outcome of each."""
    try:
        _deal(task, backup, authority, after, patience, send)
    except KeystoreProblem as problem:
        send(["failed", problem.code, in_a_cluster(problem.sentence)])
    except Exception as error:  # noqa: BLE001  # report a reason in any case
        send(["failed", *failure_of(error)])


def _deal(
    task: StoreTask,
    backup: BackupTask,
    authority: str | None,
    after: str,
    patience: _Patience,
    send: Send,
) -> None:
    from baileys_janitor.keystore.layout import layout_of
    from baileys_janitor.keystore.postgres.checks import inspect
    from baileys_janitor.keystore.postgres.connect import Database, Limits, read_url

    limits = Limits(
        task.batch, task.pause, task.statement_timeout, task.lock_timeout, task.duration
    )
    member = backup.members[0]
    asked = [place for place in member.repositories if place not in patience.given_up]
    destinations, closed = opened(backup.stores, asked)
    with Database(read_url(task.url_file), authority, limits) as database:
        facts = inspect(database, layout_of(dict(task.keys), dict(task.credentials)))
        backing = _backing(task, backup, database, facts, list(destinations.values()))
        _Sessions(backing, backup, destinations, closed, patience, send).run(after)


def _backing(
    task: StoreTask,
    backup: BackupTask,
    database: Database,
    facts: Any,
    destinations: Sequence[Destination],
) -> BackingUp:
    from baileys_janitor.backup.names import tenant_of
    from baileys_janitor.backup.results import Keep
    from baileys_janitor.keystore.backup.memory import StoreMemory
    from baileys_janitor.keystore.backup.run import BackingUp

    member = backup.members[0]
    if not task.memory and backup.bucket_days is None:
        raise KeystoreProblem(
            "MemoryMissing",
            "With spec.memory None it is remembered nowhere which archives are ours, so none could be removed: set "
            "spec.backup.retention to by: Bucket with bucketDays, or leave spec.memory out.",
        )
    return BackingUp(
        database,
        facts,
        destinations=destinations,
        recipients=backup.recipients,
        keep=Keep(backup.retention, backup.bucket_days),
        memory=StoreMemory(database, facts, task.schema) if task.memory else None,
        namespace=member.namespace,
        named=lambda session: f"{member.tenant}.{tenant_of(session)}",
    )


class _Sessions:
    """Backs up the sessions, and sends the outcome of each."""

    def __init__(
        self,
        backing: BackingUp,
        backup: BackupTask,
        destinations: dict[int, Destination],
        closed: dict[int, Outcome],
        patience: _Patience,
        send: Send,
    ) -> None:
        self._backing = backing
        self._backup = backup
        self._destinations = dict(destinations)
        self._closed = closed
        self._patience = patience
        self._send = send
        self._best: list[str] = []

    def run(self, after: str) -> None:
        """Back up the sessions after `after`."""
        ordered = sorted((place_of(each), each) for each in self._backing.sessions)
        ahead = [each for each in ordered if each[0] > after]
        self._send(["all", len(ordered), len(ahead)])
        for (place, session), following in _with_next(ahead):
            self._send(["at", place])
            if not self._deal(session, last=following is None or following[0] != place):
                return

    def _deal(self, session: str, *, last: bool) -> bool:
        """Back up one session; return False where the database cannot be used any more."""
        outcomes = [
            [place, FAILED, each.code, each.message, {}] for place, each in self._closed.items()
        ]
        sampled = None
        if self._destinations:
            memory = self._backing.memory_of(session)
            now = max(time.time(), float(self._backup.time))
            found = self._backing.back_up(session, now, memory)
            code = found.forgotten or found.code
            if code in OF_DATABASE:
                message = found.message or "The archives could not be remembered."
                self._send(["failed", code, in_a_cluster(message)])
                return False
            outcomes += [_outcome(place, each, found) for place, each in self._destinations.items()]
            sampled = self._sampled(session, found, memory)
        self._send(["did", outcomes, last, sampled])
        self._note(outcomes)
        return True

    def _note(self, outcomes: Collection[list[Any]]) -> None:
        for place, outcome, code, *_ in outcomes:
            if place in self._destinations:
                self._patience.note(place, code if outcome == FAILED else "")
        for place in self._patience.given_up:
            self._destinations.pop(place, None)
        self._backing.destinations = list(self._destinations.values())

    def _sampled(self, session: str, found: BackupResult, memory: Any) -> list[str] | None:
        """Return a session and its archives if a drill may open it: a different sample every day."""
        from baileys_janitor.backup.job.memory import text_of
        from baileys_janitor.backup.source import SourceProblem

        if found.code is not None or not any(each.archive for each in found.repositories):
            return None
        tenant = self._backing.named(session)
        day = self._backup.time // _DAY_SECONDS
        order = sha256(f"{day}/{tenant}".encode()).hexdigest()[:16]
        if len(self._best) >= SAMPLE_MOST and order > self._best[-1]:
            return None
        self._best = sorted([*self._best, order])[:SAMPLE_MOST]
        try:
            return [order, tenant, text_of(memory.read())]
        except SourceProblem:
            return None


def _with_next(
    sessions: Sequence[tuple[str, str]],
) -> Iterator[tuple[tuple[str, str], tuple[str, str] | None]]:
    for number, each in enumerate(sessions):
        yield each, sessions[number + 1] if number + 1 < len(sessions) else None


def _outcome(place: int, destination: Destination, found: BackupResult) -> list[Any]:
    """Return the outcome of a session in one repository: outcome, code, message, and the addition to the tally."""
    of_one = next((each for each in found.repositories if each.name == destination.name), None)
    tally: dict[str, Any] = {}
    if of_one is not None and of_one.archive is not None:
        tally = {
            "held": 1,
            "archives": of_one.archives or 0,
            "bytes": of_one.size or 0,
            "rows": found.files,
            "unknown": of_one.suspicious,
            "oldest": of_one.oldest or 0,
            "newest": of_one.archive,
            "kept": of_one.retention_code or "",
            "put_only": of_one.put_only,
        }
    if found.outcome == NOTHING_TO_DO:
        return [place, NOTHING_TO_DO, "", "", tally]
    failure = found.failure_in(destination.name)
    if failure is None and found.forgotten is not None:
        failure = found.forgotten, "The archive was put and could not be remembered."
    if failure is not None:
        code, message = failure
        return [place, FAILED, code, in_a_cluster(IN_A_CLUSTER.get(code, message)), tally]
    assert of_one is not None
    tally |= {"put": int(of_one.outcome == PUT), "unchanged": int(of_one.outcome == UNCHANGED)}
    return [place, of_one.outcome, "", "", tally]
