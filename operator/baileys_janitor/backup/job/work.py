"""One member of a Job's task: backup or drill. The only module here that loads a store's library."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from baileys_janitor.backup.errors import (
    CLOCK_WRONG,
    CREDENTIALS_MALFORMED,
    CREDENTIALS_MISSING,
    CREDENTIALS_UNREADABLE,
    IDENTITY_UNREADABLE,
    NAME_UNKNOWN,
    TLS_FAILED,
    UNREACHABLE,
    BackupProblem,
)
from baileys_janitor.backup.failures import failure_of, read_identities, session_directory
from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.job.memory import archive_of, known_of
from baileys_janitor.backup.job.result import (
    FAILED,
    NOTHING_TO_DO,
    PASSED,
    MemberResult,
    Outcome,
)
from baileys_janitor.backup.job.task import BACKUP, BackupTask, Member
from baileys_janitor.policy.archives.known_archives import KnownArchives, decode

OF_SECRET: Final[Mapping[str, str]] = {
    CREDENTIALS_MISSING: "give it {names}.",
    CREDENTIALS_MALFORMED: "correct {name}.",
    CREDENTIALS_UNREADABLE: "its keys are to be short texts.",
    IDENTITY_UNREADABLE: "put the age identity there, as the key identity.",
}
"""For problems with a Secret, which has no name here: only the remedy."""
IN_A_CLUSTER: Final[Mapping[str, str]] = {
    CLOCK_WRONG: "The store refuses requests from the node's clock: set the clock right (NTP).",
    NAME_UNKNOWN: "The host name of the store is not known: check the endpoint, and the cluster's DNS.",
    TLS_FAILED: "TLS with the store failed: its certificate is for another host, has expired or is of a CA that is not "
    "trusted there (put that into the Secret as ca.crt), or the endpoint is served without TLS.",
    UNREACHABLE: "The store cannot be reached: check host and port of its endpoint, and that NetworkPolicies let the "
    "Jobs of backups through (networkPolicy.objectStores of the chart).",
}
"""Sentences for a cluster, for codes whose usual ones are about the machine of the command line."""

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.drill import DrillResult
    from baileys_janitor.backup.fetch import Wanted
    from baileys_janitor.backup.known import Known, KnownArchive
    from baileys_janitor.backup.results import BackupResult, Destination, RepositoryResult
    from baileys_janitor.backup.stores.repository import Repository


Rehearsal: TypeAlias = "Callable[[Repository, Wanted, Identities | None, float], DrillResult]"
"""Drills one archive from a repository at a time (Unix seconds)."""


Found = tuple[MemberResult, dict[int, str]]
"""The result of a member, and each repository's key in the record."""
ENDED: Final = Outcome(
    FAILED,
    "Interrupted",
    "The process that did it has ended in the middle of it, perhaps for lack of memory. The next run tries again.",
)


def carry_out(
    task: BackupTask,
    member: Member,
    places: Sequence[int],
    tell: Callable[[Found], None],
    rehearse: Rehearsal | None = None,
) -> Found:
    """Handle one member in these repositories; return its result.

    `tell` is called before an archive is put, with the result to keep if this process is killed then. `rehearse` is
    the drill to use, unless archives are of files. Never raises: problems are in the result.
    """
    now = max(time.time(), float(task.time))
    try:
        if task.action == BACKUP:
            return _back_up(task, member, places, now, tell)
        return _drill(task, member, places, now, rehearse)
    except BackupProblem as problem:
        failure = Outcome(FAILED, problem.code, _said(problem))
    except Exception as error:  # noqa: BLE001 - the other members go on
        failure = Outcome(FAILED, *failure_of(error))
    return MemberResult(int(now), outcomes=dict.fromkeys(places, failure)), {}


def _known(member: Member) -> KnownArchives:
    return decode(member.known) or KnownArchives()


def _back_up(
    task: BackupTask,
    member: Member,
    places: Sequence[int],
    now: float,
    tell: Callable[[Found], None],
) -> Found:
    from baileys_janitor.backup.job.memory import TaskMemory
    from baileys_janitor.backup.results import Keep
    from baileys_janitor.backup.run import back_up

    destinations, outcomes = opened(task.stores, places)
    idents = {place: each.ident for place, each in destinations.items()}
    if not destinations:
        return MemberResult(int(now), outcomes=outcomes), idents
    told = _known(member)
    known = known_of(told)
    if not member.whole:
        # Without a complete list of our archives, a listing cannot be judged.
        for ident in idents.values():
            known = known.asked(ident, int(now))
    before = known.listed

    def entered(archive: KnownArchive) -> None:
        owner = archive.fingerprint, archive.pairing
        failed = dict.fromkeys(places, ENDED)
        put = archive_of(archive)
        tell((MemberResult(archive.time, archive.files, 0, put, *owner, failed), idents))

    memory = TaskMemory(known, entered)
    with session_directory(member.volume, member.path) as directory:
        found = back_up(
            directory,
            tenant=member.tenant,
            namespace=member.namespace,
            destinations=list(destinations.values()),
            recipients=task.recipients,
            keep=Keep(task.retention, task.bucket_days),
            now=now,
            force=member.anew,
            memory=memory,
        )
    after = memory.known
    by_name = {each.name: each for each in found.repositories}
    for place, each in destinations.items():
        was_listed = after.listed.get(each.ident) != before.get(each.ident)
        held = _held(told, after, each.ident) if was_listed else None
        outcomes[place] = _outcome(found, each.name, by_name.get(each.name), held)
    made = next((each for each in after.archives if each.time == found.time), None)
    is_new = made is not None and known.of_name(made.name) is None
    return (
        MemberResult(
            found.time,
            found.files,
            int(found.seconds * 1000),
            archive_of(made) if made is not None and is_new else None,
            found.fingerprint,
            found.pairing,
            outcomes,
        ),
        idents,
    )


def _said(problem: BackupProblem) -> str:
    of_secret = OF_SECRET.get(problem.code)
    if of_secret is not None:
        return of_secret.format(**problem.details)
    return IN_A_CLUSTER.get(problem.code, problem.sentence)


def _held(told: KnownArchives, known: Known, ident: str) -> frozenset[int]:
    """Return the indexes of the task's archives that a repository still holds."""
    there = {(each.time, each.digest) for each in known.in_repository(ident)}
    return frozenset(
        place for place, each in enumerate(told.archives) if (each.time, each.digest) in there
    )


def _outcome(
    whole: BackupResult, name: str, of_one: RepositoryResult | None, held: frozenset[int] | None
) -> Outcome:
    if whole.outcome == NOTHING_TO_DO:
        return Outcome(NOTHING_TO_DO)
    failure = whole.failure_in(name)
    if failure is not None:
        code, message = failure
        return Outcome(FAILED, code, IN_A_CLUSTER.get(code, message), held=held)
    assert of_one is not None
    return Outcome(
        of_one.outcome,
        of_one.retention_code or "",
        verified=of_one.verified,
        put_only=of_one.put_only,
        tidied=of_one.tidied,
        unknown=of_one.suspicious,
        held=held,
    )


def _drill(
    task: BackupTask,
    member: Member,
    places: Sequence[int],
    now: float,
    rehearse: Rehearsal | None,
) -> Found:
    from baileys_janitor.backup.drill import drill
    from baileys_janitor.backup.fetch import Wanted

    identities = _identities(task)
    destinations, outcomes = opened(task.stores, places)
    wanted = Wanted(member.namespace, member.tenant, known_of(_known(member)))
    for place, each in destinations.items():
        found = (rehearse or drill)(each.repository, wanted, identities, now)
        message = found.message or ""
        outcomes[place] = Outcome(
            PASSED if found.outcome == PASSED else FAILED,
            found.code or "",
            IN_A_CLUSTER.get(found.code or "", message) if rehearse is None else message,
            archive=found.archive or "",
            files=sum(found.restorable.values()),
            ms=int(found.seconds * 1000),
        )
    return MemberResult(int(now), outcomes=outcomes), {}


def _identities(task: BackupTask) -> Identities | None:
    if task.identity is None:
        return None
    return read_identities(
        task.identity,
        "key identity of the Secret config.backup.drill.identitySecretName",
        "put the age identity there",
    )


def opened(
    stores: Sequence[Store], places: Sequence[int]
) -> tuple[dict[int, Destination], dict[int, Outcome]]:
    """Return the repositories that can be used, and the failures of the others."""
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.backup.stores.repository import open_repository

    found, outcomes = {}, {}
    for place in places:
        store = stores[place]
        # A file system path would be one inside this container.
        if "://" not in store.url or store.url.startswith("file:"):
            outcomes[place] = Outcome(FAILED, "UrlInvalid", "The URL names no object store.")
            continue
        try:
            repository = open_repository(
                store.url,
                endpoint=store.endpoint,
                region=store.region,
                credentials=store.credentials,
                environ={},
            )
        except BackupProblem as problem:
            outcomes[place] = Outcome(FAILED, problem.code, _said(problem))
        else:
            found[place] = Destination(store.name, repository)
    return found, outcomes
