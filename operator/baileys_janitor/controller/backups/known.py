"""The list of a tenant's own archives, before and after a Job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from baileys_janitor.backup.job.result import FAILED, PUT, MemberResult
from baileys_janitor.backup.names import name_of
from baileys_janitor.policy.archives.known_archives import KnownArchives, PutArchive
from baileys_janitor.tenants.backup_state import Archived

LISTED_SECONDS = 84_600.0
"""Seconds after which a Job gets the list of all archives, so that it can compare it with the repository."""
PENDING_SECONDS, PENDING_MOST = 86_400.0, 32
"""How many seconds an archive is remembered that no repository has listed, since its put may have arrived; and how many
of them, the newest, so that they never take the room of listed ones."""
CLOCKS_SECONDS = 86_400.0
"""Maximum difference between the clocks of a node and of the operator: times further away are invalid."""
NEWEST = 2
"""Number of archives of each repository in the task when no list is made."""


def needs_all(known: KnownArchives, repositories: int, now: float) -> bool:
    """Return whether a Job may list one of so many repositories, so that it needs the list of all archives."""
    fresh = [when for when in known.listed.values() if 0 <= now - when < LISTED_SECONDS]
    return len(fresh) < repositories


def newest(known: KnownArchives) -> KnownArchives:
    """Return only the newest archives of each repository."""
    counts: dict[str, int] = {}
    kept = []
    for each in known.archives:
        if any(counts.get(name, 0) < NEWEST for name in each.held):
            kept.append(each)
        for name in each.held:
            counts[name] = counts.get(name, 0) + 1
    return replace(known, archives=tuple(kept))


def merged(
    known: KnownArchives,
    sent: KnownArchives,
    result: MemberResult,
    repositories: Mapping[int, str],
    recipients: str,
    now: float,
    kept_seconds: float | None,
) -> KnownArchives:
    """Return the known archives after a Job that was given `sent`.

    Args:
        repositories: by place in the task, the name under which a repository is stored.
        recipients: the hash of the recipients that the Job encrypted to.
        kept_seconds: how long the stores keep an object, None if the janitor removes them.
    """
    archives = {_key(each): each for each in known.archives}
    listed = dict(known.listed)
    made = result.archive
    if made is not None:
        archives[_key(made)] = replace(
            made,
            held=_names(result, repositories, verified=False),
            verified=_names(result, repositories, verified=True),
        )
        known = replace(
            known,
            fingerprint=result.fingerprint,
            pairing=result.pairing,
            recipients=_readers(known, result, recipients),
        )
    for place, outcome in result.outcomes.items():
        name = repositories.get(place)
        if name is None or (outcome.held is None and not outcome.put_only):
            continue
        listed[name] = int(min(max(result.time, now - CLOCKS_SECONDS), now))
        if outcome.held is not None:
            _compare(archives, sent.archives, outcome.held, name)
    if made is not None:
        for place, outcome in result.outcomes.items():
            if outcome.outcome == FAILED:
                # Its put may have arrived: the next Job checks.
                listed.pop(repositories.get(place, ""), None)
    pending = sorted((each for each in archives.values() if not each.held), key=_key)
    recent = [each for each in pending[-PENDING_MOST:] if each.time >= now - PENDING_SECONDS]
    left = [each for each in archives.values() if each.held] + recent
    if kept_seconds is not None:
        left = [each for each in left if each.time >= now - kept_seconds]
    return replace(known, archives=tuple(sorted(left, key=_key, reverse=True)), listed=listed)


def archived(known: KnownArchives, repository: str | None, *, listable: bool) -> Archived | None:
    """Return the newest archive in a repository, and figures of the others; None if there is none."""
    there = [each for each in known.archives if repository in each.held]
    if not there:
        return None
    first = there[0]
    return Archived(
        str(name_of(first.time, first.digest, encrypted=first.encrypted)),
        float(first.time),
        first.files,
        first.size,
        len(there) if listable else None,
        float(there[-1].time) if listable else None,
    )


def _compare(
    archives: dict[tuple[int, str], PutArchive],
    sent: Sequence[PutArchive],
    held: Iterable[int],
    name: str,
) -> None:
    """Record a list: each archive in the task exists or not. Archives that were put since are not affected."""
    there = {_key(sent[place]) for place in held if place < len(sent)}
    for each in sent:
        found = archives.get(_key(each))
        if found is None:
            continue
        if _key(each) in there:
            archives[_key(each)] = replace(found, held=found.held | {name})
        else:
            archives[_key(each)] = replace(
                found, held=found.held - {name}, verified=found.verified - {name}
            )


def _names(
    result: MemberResult, repositories: Mapping[int, str], *, verified: bool
) -> frozenset[str]:
    return frozenset(
        repositories[place]
        for place, each in result.outcomes.items()
        if each.outcome == PUT and place in repositories and (each.verified or not verified)
    )


def _readers(known: KnownArchives, result: MemberResult, recipients: str) -> str:
    """Return who can read the newest archives; unknown until every repository has the new one."""
    everywhere = all(each.outcome == PUT for each in result.outcomes.values())
    only = everywhere or not known.archives or known.recipients == recipients
    return recipients if only else ""


def _key(archive: PutArchive) -> tuple[int, str]:
    return archive.time, archive.digest
