"""The record of our archives of a session: `.janitor~backups` in its directory.

Anybody with the public recipient can put archives into a store that look like ours. So retention and `latest` count
only archives in this record: by the name, and by the SHA-256 of the whole object. An archive is entered
before it is put, so that none of ours is ever unknown. The file holds no address and nothing personal; a repository
is identified by a hash of its URL. The record is lost with the directory: then a person states which owner's archives
count.

Any process that can write to the directory can write this file, too, so it is read with bounds, and a file that is not
exactly in our format counts as no record at all.
"""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, NamedTuple

from baileys_janitor.backup.names import ArchiveName, parse_name
from baileys_janitor.backup.stores.location import Location
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.volume.errors import (
    BUSY,
    JANITOR_REFUSED,
    STATE_VANISHED,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.state_files import (
    Owners,
    lookup,
    owners_of,
    read_state,
    remove,
    replace_state,
)
from baileys_janitor.volume.files.state_names import BACKUPS
from baileys_janitor.volume.runs.lock import Lock, acquire

VERSION: Final = 1
MOST_ARCHIVES: Final = 2000
MOST_REPOSITORIES: Final = 16
MOST_NOWHERE: Final = 200
"""The number of archives kept in the record although no listing shows them: they may appear again."""
LIMIT_BYTES: Final = 2 << 20
LISTED_EVERY_SECONDS: Final = 2 * 86_400
"""How often a repository is listed: for retention, and to check that our archives are still there."""

_ON_ITS_WAY_SECONDS: Final = 86_400

NEVER_VERIFIED: Final = 0
"""The value in `KnownArchive.verified` for an archive that a repository lists, but whose put was never confirmed."""

_LATEST: Final = 1 << 33
_HEX: Final = frozenset("0123456789abcdef")
_DIGEST_DIGITS: Final = 64
_SHORT_DIGITS: Final = 16
_TAG_MOST: Final = 128
# A cleanup holds the lock only for a moment.
_BUSY_PAUSES_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 4.0)


class Seen(NamedTuple):
    """An archive in a listing: size in bytes, and the store's tag of its content if it has one."""

    size: int
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class KnownArchive:
    """An archive of ours.

    `digest` is that of its list of files, `sha256` that of the whole object, `size` in bytes; `fingerprint` and
    `pairing` identify the owner, `recipients` the readers, by a hash. `verified` has, by repository, when it was last
    known to be whole there (Unix seconds), and `tags` the store's tag of its content.
    """

    name: ArchiveName
    digest: str
    sha256: str
    size: int
    files: int
    fingerprint: str
    pairing: str
    recipients: str
    verified: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def time(self) -> int:
        """When the session was read, in Unix seconds."""
        return self.name.time

    def shown_by(self, repository: str, seen: Seen | None) -> bool:
        """Return whether a listing shows this archive unaltered, as far as a listing can."""
        if seen is None or seen.size != self.size:
            return False
        tag = self.tags.get(repository)
        return None in (tag, seen.tag) or tag == seen.tag

    def in_(self, repository: str, time: int, tag: str | None) -> KnownArchive:
        """Return this archive as held by a repository."""
        tags = {key: each for key, each in self.tags.items() if key != repository}
        if tag is not None and len(tag) <= _TAG_MOST and tag.isascii() and tag.isprintable():
            tags[repository] = tag
        return replace(self, verified={**self.verified, repository: time}, tags=tags)

    def not_in(self, repository: str) -> KnownArchive:
        """Return this archive as not held by a repository."""
        return replace(
            self,
            verified={key: time for key, time in self.verified.items() if key != repository},
            tags={key: tag for key, tag in self.tags.items() if key != repository},
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The record of one session, the newest archive first.

    `listed` is when each repository was last listed, `surplus` when it had archives that are
    still to be removed, by repository and in Unix seconds. `called` is a hash of the session's name there, empty if
    that cannot change.
    """

    archives: tuple[KnownArchive, ...] = ()
    listed: Mapping[str, int] = field(default_factory=dict)
    surplus: Mapping[str, int] = field(default_factory=dict)
    called: str = ""

    def of(self, called: str) -> Known:
        """Return the record for a session of this name.

        A directory that was renamed, moved or copied includes its record, but under its new name no repository
        holds anything yet. The archives stay in the record: under the old name they are still the session's.
        """
        if called == self.called:
            return self
        archives = tuple(replace(each, verified={}, tags={}) for each in self.archives)
        return Known(archives, called=called)

    def in_repository(self, repository: str) -> list[KnownArchive]:
        """Return the archives that a repository holds, the newest first."""
        return [each for each in self.archives if repository in each.verified]

    def of_name(self, name: ArchiveName) -> KnownArchive | None:
        """Return the archive of that name."""
        return next((each for each in self.archives if each.name == name), None)

    def with_archive(self, archive: KnownArchive) -> Known:
        """Return the record with one archive added or replaced."""
        others = [each for each in self.archives if each.name != archive.name]
        newest_first = sorted([archive, *others], key=lambda each: each.name, reverse=True)
        return replace(self, archives=tuple(newest_first[:MOST_ARCHIVES]))

    def put_in(self, name: ArchiveName, repository: str, time: int, tag: str | None) -> Known:
        """Return the record with an archive put into a repository, and known to be whole there at `time`."""
        found = self.of_name(name)
        return self if found is None else self.with_archive(found.in_(repository, time, tag))

    def listed_in(self, repository: str, seen: Mapping[ArchiveName, Seen], now: int) -> Known:
        """Return the record after a repository was listed.

        An archive that is missing, or was replaced by another object, no longer counts there. One that arrived
        although its put failed is ours as well. Archives that are nowhere stay in the record for a while, the newest
        `MOST_NOWHERE` and those of the last day, which may be in progress: a listing may be that of a disk that is
        not mounted, or a login page.
        """
        kept = []
        nowhere = 0
        for each in self.archives:
            if each.shown_by(repository, seen.get(each.name)):
                time = each.verified.get(repository, NEVER_VERIFIED)
                found = each.in_(repository, time, each.tags.get(repository))
            else:
                found = each.not_in(repository)
            nowhere += not found.verified
            if found.verified or nowhere <= MOST_NOWHERE or now - found.time < _ON_ITS_WAY_SECONDS:
                kept.append(found)
        return replace(self, archives=tuple(kept)).asked(repository, now)

    def with_surplus(self, repository: str, time: int | None) -> Known:
        """Return the record with surplus archives of `time` still to be removed from a repository; None for none."""
        others = {key: each for key, each in self.surplus.items() if key != repository}
        mine = {} if time is None else {repository: time}
        newest = sorted(others, key=lambda each: others[each], reverse=True)
        kept = {each: others[each] for each in newest[: MOST_REPOSITORIES - len(mine)]}
        return replace(self, surplus={**kept, **mine})

    def removed_from(self, repository: str, names: Collection[ArchiveName]) -> Known:
        """Return the record after archives were removed from a repository."""
        kept = [
            each.not_in(repository) if each.name in names else each
            for each in self.archives
            if each.name not in names or each.verified.keys() - {repository}
        ]
        return replace(self, archives=tuple(kept))

    def since(self, time: float) -> Known:
        """Return the record without the archives from before a time, which the store itself has removed."""
        return replace(self, archives=tuple(each for each in self.archives if each.time >= time))

    def asked(self, repository: str, now: int) -> Known:
        """Return the record with a repository listed now, whatever the answer."""
        listed = {**self.listed, repository: now}
        newest = sorted(listed, key=lambda each: listed[each], reverse=True)[:MOST_REPOSITORIES]
        return replace(self, listed={each: listed[each] for each in newest})


def repository_id(location: Location) -> str:
    """Return the key of a repository in the record."""
    place = (
        location.scheme,
        location.bucket,
        location.prefix,
        location.directory,
        location.endpoint,
    )
    return sha256(json.dumps(place).encode()).hexdigest()[:_SHORT_DIGITS]


def called_id(namespace: str, tenant: str) -> str:
    """Return a hash of a session's name in repositories."""
    return sha256(f"{namespace}/{tenant}".encode()).hexdigest()[:_SHORT_DIGITS]


def recipients_id(recipients: Sequence[str]) -> str:
    """Return a hash of an archive's public keys, in any order."""
    keys = sorted(" ".join(each.split()[:2]) for each in recipients)
    return sha256("\n".join(keys).encode()).hexdigest()[:_SHORT_DIGITS]


def read_known(directory: int) -> Known:
    """Return the record of the session in an open directory; an empty one if the file is missing or not ours.

    Raises VolumeProblem if the directory cannot be read.
    """
    try:
        data = read_state(directory, BACKUPS, owners_of(directory), LIMIT_BYTES)
    except VolumeProblem as problem:
        if problem.code != JANITOR_REFUSED:
            raise
        data = None
    return decoded(data) or Known()


def change_known(
    directory: int,
    change: Callable[[Known], Known],
    pause: Callable[[float], None] = clock.sleep,
) -> Known:
    """Change the record under the directory's lock, and return it; `pause` waits for a lock that is held.

    Raises VolumeProblem: Busy, ReadOnly, DiskFull, PermissionDenied, JanitorRefused, StateVanished.
    """
    owners = owners_of(directory)
    lock = _locked(directory, owners, pause)
    try:
        before = read_known(directory)
        after = change(before)
        if after != before:
            _write(directory, after, owners)
        return after
    except OSError as error:
        raise problem_of(error) from error
    finally:
        lock.release()


def _locked(directory: int, owners: Owners, pause: Callable[[float], None]) -> Lock:
    for seconds in _BUSY_PAUSES_SECONDS:
        try:
            return acquire(directory, owners, "baileys-janitor backup")
        except VolumeProblem as problem:
            if problem.code != BUSY:
                raise
            pause(seconds)
    return acquire(directory, owners, "baileys-janitor backup")


def _write(directory: int, known: Known, owners: Owners) -> None:
    replace_state(directory, BACKUPS, encoded(known), owners)
    os.fsync(directory)
    if lookup(directory, CREDS_NAME) is None:  # a bot has cleared its session
        remove(directory, BACKUPS)
        raise VolumeProblem(STATE_VANISHED)


def encoded(known: Known) -> bytes:
    """Return the record as JSON, one archive a line."""
    lines = [
        json.dumps(
            [
                *(str(each.name), each.digest, each.sha256, each.size, each.files),
                *(each.fingerprint, each.pairing, each.recipients),
                *(dict(each.verified), dict(each.tags)),
            ],
            separators=(",", ":"),
        )
        for each in known.archives
    ]
    times = {"listed": dict(known.listed), "surplus": dict(known.surplus)}
    head = json.dumps(
        {"version": VERSION, "called": known.called, **times}, separators=(",", ":")
    ).removesuffix("}")
    archives = ",\n".join(lines)
    return f'{head},"archives":[\n{archives}\n]}}\n'.encode()


def decoded(data: bytes | None) -> Known | None:
    """Return the record from these bytes; None for anything that we have not written. Never raises."""
    if data is None:
        return None
    try:
        document = parse(data.decode("ascii"))
    except (JsonError, UnicodeDecodeError):
        return None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        return None
    listed, surplus = _times(document.get("listed")), _times(document.get("surplus"))
    archives = document.get("archives")
    called = document.get("called", "")
    if listed is None or surplus is None or not (called == "" or _is_hex(called, _SHORT_DIGITS)):
        return None
    if not isinstance(archives, list) or len(archives) > MOST_ARCHIVES:
        return None
    found = [_archive(each) for each in archives]
    whole = [each for each in found if each is not None]
    if len(whole) != len(found) or len({each.name for each in whole}) != len(whole):
        return None
    return Known(
        tuple(sorted(whole, key=lambda each: each.name, reverse=True)),
        listed,
        surplus,
        called,
    )


def _archive(item: object) -> KnownArchive | None:
    if not isinstance(item, list) or len(item) != 10:
        return None
    text, digest, sha, size, files, fingerprint, pairing, recipients, verified, tags = item
    name = parse_name(text) if isinstance(text, str) else None
    times = _times(verified)
    if (
        name is None
        or times is None
        or not _are_tags(tags)
        or not (_is_number(size) and _is_number(files))
    ):
        return None
    if not (_is_hex(digest, _DIGEST_DIGITS) and _is_hex(sha, _DIGEST_DIGITS)):
        return None
    if not all(_is_hex(each, _SHORT_DIGITS) for each in (fingerprint, pairing, recipients)):
        return None
    if not digest.startswith(name.digest8):
        return None
    return KnownArchive(
        name, digest, sha, size, files, fingerprint, pairing, recipients, times, tags
    )


def _times(value: Any) -> dict[str, int] | None:
    if not isinstance(value, dict) or len(value) > MOST_REPOSITORIES:
        return None
    right = all(_is_hex(key, _SHORT_DIGITS) and _is_number(time) for key, time in value.items())
    return value if right else None


def _are_tags(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_REPOSITORIES
        and all(
            _is_hex(key, _SHORT_DIGITS)
            and isinstance(tag, str)
            and len(tag) <= _TAG_MOST
            and tag.isascii()
            for key, tag in value.items()
        )
    )


def _is_hex(value: object, digits: int) -> bool:
    return isinstance(value, str) and len(value) == digits and _HEX.issuperset(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LATEST
