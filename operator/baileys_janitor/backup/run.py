"""One backup of one session: read once, packed once, put to each repository independently.

A repository gets only the requests needed, at most two per backup: one PUT; every other day a LIST, to
check that our archives are still there; and a request to remove the surplus found then, in the next backup if this one
puts. A failing repository does not stop the others. A session that is not whole is put nowhere, so a damaged
one never leaves the volume and never displaces a good archive.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.archive.archive import PackedArchive
from baileys_janitor.backup.archive.encryption import Recipients
from baileys_janitor.backup.errors import LISTING_TOO_LONG, READ_FORBIDDEN, BackupProblem
from baileys_janitor.backup.known import (
    LISTED_EVERY_SECONDS,
    NEVER_VERIFIED,
    Known,
    KnownArchive,
    Seen,
    called_id,
    recipients_id,
)
from baileys_janitor.backup.memory import DirectoryMemory, Memory
from baileys_janitor.backup.names import ONE_SERVER, ArchiveName, ArchivePath
from baileys_janitor.backup.results import (
    COMPLETED,
    FAILED,
    NOTHING_TO_DO,
    PUT,
    UNCHANGED,
    BackupResult,
    Destination,
    Keep,
    RepositoryResult,
)
from baileys_janitor.backup.source import Files, Source, SourceProblem
from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.archive_retention import (
    StoredArchive,
    is_due,
    newest_known,
    surplus,
    unknown_archives,
)
from baileys_janitor.volume.copies.snapshot import take_snapshot
from baileys_janitor.volume.errors import BUSY, VolumeProblem

if TYPE_CHECKING:
    pass

_NEVER_PAIRED: Final = frozenset((reasons.NOT_PAIRED, reasons.CREDENTIALS_ABSENT))


def back_up(
    directory: int,
    *,
    tenant: str,
    destinations: Sequence[Destination],
    recipients: Sequence[str],
    keep: Keep,
    now: float,
    namespace: str = ONE_SERVER,
    quiesced: bool = False,
    force: bool = False,
    memory: Memory | None = None,
    tick: Callable[[], None] | None = None,
    pause: Callable[[float], None] = clock.sleep,
) -> BackupResult:
    """Back up the session in an open directory. Never raises for a problem with the volume or a store.

    Args:
        tenant: the tenant's part of the names, from `names.tenant_of`.
        recipients: public keys that it is encrypted to; without any, everybody who can read the store can read it.
        now: Unix seconds.
        quiesced: no process uses the session.
        force: put an archive although the session is unchanged.
        memory: the record of its archives; None for the one in the directory.
    """
    memory = memory or DirectoryMemory(directory, called_id(namespace, tenant), pause)

    def read(now: float) -> Files:
        snapshot = take_snapshot(directory, now=now, quiesced=quiesced, tick=tick, pause=pause)
        return Files(snapshot, namespace, tenant)

    return back_up_source(
        read,
        memory,
        namespace=namespace,
        tenant=tenant,
        destinations=destinations,
        recipients=recipients,
        keep=keep,
        now=now,
        force=force,
    )


def back_up_source(
    read: Callable[[float], Source],
    memory: Memory,
    *,
    namespace: str,
    tenant: str,
    destinations: Sequence[Destination],
    recipients: Sequence[str],
    keep: Keep,
    now: float,
    force: bool = False,
) -> BackupResult:
    """Back up a session that `read` reads at a time (Unix seconds), as `back_up` does for a directory.

    Never raises for a problem with a store, nor for a VolumeProblem or SourceProblem of `read` and `memory`.
    """
    started = clock.monotonic()
    result = BackupResult(time=int(now))
    try:
        known = memory.read()
        while any(each.time == int(now) for each in known.archives):
            now += 1.0  # a name is used only once
        source = read(now)
    except (VolumeProblem, SourceProblem) as problem:
        _refuse(result, problem, memory)
    else:
        session = _Session(tenant, namespace, tuple(recipients))
        _Run(memory, source, known, result, session, keep, now).carry_out(destinations, force=force)
    result.seconds = clock.monotonic() - started
    return result


def _refuse(result: BackupResult, problem: VolumeProblem | SourceProblem, memory: Memory) -> None:
    result.code, result.message = problem.code, reasons.explain(str(problem))
    if problem.code not in _NEVER_PAIRED:
        return
    try:
        if not memory.read().archives:
            result.outcome = NOTHING_TO_DO
    except (VolumeProblem, SourceProblem):
        return


@dataclass(frozen=True, slots=True)
class _Session:
    """The name of a session, and its recipients."""

    tenant: str
    namespace: str
    recipients: tuple[str, ...]


class _Run:
    """One backup of a session that was read."""

    def __init__(
        self,
        memory: Memory,
        source: Source,
        known: Known,
        result: BackupResult,
        session: _Session,
        keep: Keep,
        now: float,
    ) -> None:
        self.memory = memory
        self.source = source
        self.known = known
        self.result = result
        self.session = session
        self.keep = keep
        self.now = now
        self.digest = ""
        self.seen: dict[str, dict[ArchiveName, Seen]] = {}
        self.changes: list[Callable[[Known], Known]] = []
        self.lock = Lock()

    def carry_out(self, destinations: Sequence[Destination], *, force: bool) -> None:
        """List the repositories due for it, put where due, remove the surplus, and record it."""
        try:
            self._describe()
        except BackupProblem as problem:
            self.result.code, self.result.message = problem.code, problem.sentence
            return
        results = {each.ident: RepositoryResult(each.name) for each in destinations}
        self.result.repositories = list(results.values())
        unlisted = [each for each in destinations if self._is_to_be_listed(each)]
        _side_by_side(unlisted, lambda each: self._list(each, results[each.ident]))
        reached = [each for each in destinations if results[each.ident].code is None]
        due = [each for each in reached if force or self._is_due(each)]
        for each in reached:
            if each not in due:
                results[each.ident].outcome = UNCHANGED
        if due:
            self._put(due, results)
        for each in destinations:
            self._look_for_strangers(each, results[each.ident])
        _side_by_side(reached, lambda each: self._thin_out(each, results[each.ident]))
        self._remember()
        for each in destinations:
            self._count(each, results[each.ident])
        if self.result.code is None and all(
            each.outcome != FAILED for each in self.result.repositories
        ):
            self.result.outcome = COMPLETED

    def _describe(self) -> None:
        self.encrypt_to = Recipients(self.session.recipients)
        self.digest = self.source.digest
        credentials = self.source.credentials
        self.result.files = self.source.files
        self.result.missing = self.source.missing
        self.result.unreadable = self.source.unreadable
        self.result.fingerprint = credentials.fingerprint
        self.result.pairing = credentials.pairing

    def _is_to_be_listed(self, destination: Destination) -> bool:
        last = self.known.listed.get(destination.ident)
        return last is None or not 0 <= self.now - last < LISTED_EVERY_SECONDS

    def _list(self, destination: Destination, result: RepositoryResult) -> None:
        """List a repository, if allowed; credentials that may only put are enough for a backup."""
        result.listed = True
        try:
            session, there = self.session, self.known.in_repository(destination.ident)
            listing = destination.repository.list(
                session.namespace, session.tenant, doubt_empty=bool(there)
            )
        except BackupProblem as problem:
            if self.keep.bucket_days is None:
                result.tidied, result.retention_code = True, problem.code
            if problem.code == READ_FORBIDDEN:
                result.put_only = True
                self._change(lambda known: known.asked(destination.ident, int(self.now)))
            elif problem.code != LISTING_TOO_LONG:  # a put would fail in the same way
                result.fail(problem)
            return
        seen = {each.path.name: Seen(each.size, each.tag) for each in listing.archives}
        self.seen[destination.ident] = seen
        self._change(lambda known: known.listed_in(destination.ident, seen, int(self.now)))

    def _is_due(self, destination: Destination) -> bool:
        newest = newest_known(_stored(self.known, destination.ident), self.now)
        if newest is None or self._reader_differs(newest):
            return True
        # A small memory holds only the first digits.
        digest = self.digest[: len(newest.digest)]
        return is_due(newest, digest, self.now, kept_seconds=self.keep.kept_seconds)

    def _reader_differs(self, newest: StoredArchive) -> bool:
        """Return whether the newest archive is encrypted to other keys than the next one would be."""
        here = recipients_id(self.session.recipients)
        return all(
            each.recipients != here
            for each in self.known.archives
            if (each.time, each.digest) == (newest.time, newest.digest)
        )

    def _put(self, due: Sequence[Destination], results: dict[str, RepositoryResult]) -> None:
        packed, busy = self._entered()
        while busy is None and self._is_anothers(packed):
            self._one_second_later()
            packed, busy = self._entered()
        if busy is not None:
            self.result.code, self.result.message = busy.code, str(busy)
            for each in due:
                results[each.ident].code = busy.code
                results[each.ident].message = str(busy)
            return
        _side_by_side(due, lambda each: self._put_one(each, packed, results[each.ident]))

    def _entered(self) -> tuple[PackedArchive, VolumeProblem | SourceProblem | None]:
        """Pack, and enter the archive unless its name is taken; also return the problem if the lock is held."""
        packed = self.source.pack(self.encrypt_to)
        entry = self._entry(packed)
        self._change(
            lambda known: known if known.of_name(entry.name) else known.with_archive(entry)
        )
        return packed, self._remember()

    def _is_anothers(self, packed: PackedArchive) -> bool:
        """Return whether another backup of this session has entered a different archive in the same second."""
        found = self.known.of_name(packed.name)
        return found is not None and found.sha256 != packed.sha256

    def _one_second_later(self) -> None:
        self.now += 1.0
        while any(each.time == int(self.now) for each in self.known.archives):
            self.now += 1.0
        self.source = self.source.at(int(self.now))

    def _put_one(
        self, destination: Destination, packed: PackedArchive, result: RepositoryResult
    ) -> None:
        path = ArchivePath(self.session.namespace, self.session.tenant, packed.name)
        try:
            put = destination.repository.verify(destination.repository.put(path, packed.data))
        except BackupProblem as problem:
            result.fail(problem)
            return
        result.outcome = PUT
        result.verified = put.is_verified
        time = int(self.now) if put.is_verified else NEVER_VERIFIED
        if destination.ident in self.seen:
            self.seen[destination.ident][packed.name] = Seen(put.size, put.tag)
        self._change(lambda known: known.put_in(packed.name, destination.ident, time, put.tag))

    def _entry(self, packed: PackedArchive) -> KnownArchive:
        return KnownArchive(
            name=packed.name,
            digest=self.digest,
            sha256=packed.sha256,
            size=len(packed.data),
            files=self.result.files,
            fingerprint=self.result.fingerprint,
            pairing=self.result.pairing,
            recipients=recipients_id(self.session.recipients),
        )

    def _look_for_strangers(self, destination: Destination, result: RepositoryResult) -> None:
        """Count the archives in a listed repository that are not ours."""
        seen = self.seen.get(destination.ident)
        if seen is None:
            return
        names = {each.name for each in self.known.in_repository(destination.ident)}
        others = [
            StoredArchive(each.time, each.digest8, known=False)
            for each in seen
            if each not in names
        ]
        result.unknown = unknown_archives(
            [*_stored(self.known, destination.ident), *others], self.now
        )

    def _thin_out(self, destination: Destination, result: RepositoryResult) -> None:
        """Remove the surplus found when a repository was listed; if that fails, the backup is still good.

        After a put the next backup removes it. A failed removal is tried again after the next list.
        """
        ident = destination.ident
        if self.keep.bucket_days is not None:
            result.tidied = True
            return
        if ident in self.seen:
            time = int(self.now)
            if result.outcome != UNCHANGED:
                self._change(lambda known: known.with_surplus(ident, time))
                return
        elif ident in self.known.surplus:
            time = self.known.surplus[ident]
        else:
            return
        names = self._surplus(ident, time)
        result.tidied = True
        if names:
            session = self.session
            paths = [ArchivePath(session.namespace, session.tenant, each) for each in names]
            try:
                destination.repository.delete(paths)
            except BackupProblem as problem:
                result.retention_code = problem.code
            else:
                result.removed = len(names)
                self._change(lambda known: known.removed_from(ident, names))
        self._change(lambda known: known.with_surplus(ident, None))

    def _surplus(self, ident: str, time: int) -> list[ArchiveName]:
        """Return the names of the archives that were surplus in a repository at a time."""
        ours = [each for each in _stored(self.known, ident) if each.time <= time]
        going = {(each.time, each.digest) for each in surplus(ours, self.keep.retention, time)}
        there = self.known.in_repository(ident)
        return [each.name for each in there if (each.time, each.digest) in going]

    def _change(self, change: Callable[[Known], Known]) -> None:
        """Change the record in memory, and in the directory at the next `_remember`."""
        with self.lock:
            self.changes.append(change)
            self.known = change(self.known)

    def _remember(self) -> VolumeProblem | SourceProblem | None:
        """Write the changes to the record; return the problem if another process holds the directory.

        An archive without a record is better than none, so any other problem is only reported (`forgotten`).
        """
        changes, self.changes = self.changes, []
        if not changes:
            return None

        def apply(known: Known) -> Known:
            for each in changes:
                known = each(known)
            kept = self.keep.kept_seconds
            return known if kept is None else known.since(self.now - kept)

        try:
            self.known = self.memory.change(apply)
        except (VolumeProblem, SourceProblem) as problem:
            self.result.forgotten = problem.code
            return problem if problem.code == BUSY else None
        return None

    def _count(self, destination: Destination, result: RepositoryResult) -> None:
        ours = self.known.in_repository(destination.ident)
        if ours:
            newest = ours[0]
            result.archive, result.time, result.size = str(newest.name), newest.time, newest.size
        if not result.put_only:
            result.archives = len(ours)
            result.oldest = ours[-1].time if ours else None


def _stored(known: Known, repository: str) -> list[StoredArchive]:
    return [
        StoredArchive(each.time, each.digest, verified=each.verified[repository] or None)
        for each in known.in_repository(repository)
    ]


def _side_by_side(destinations: Sequence[Destination], work: Callable[[Destination], None]) -> None:
    """Run `work` for all repositories at once, so that a slow one does not delay the others."""
    if len(destinations) <= 1:
        for each in destinations:
            work(each)
        return
    with ThreadPoolExecutor(len(destinations)) as pool:
        list(pool.map(work, destinations))
