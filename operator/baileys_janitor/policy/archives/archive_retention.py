"""When a session's next archive is due, and which of its archives are deleted.

The newest archive of each of the latest hours, days and months with an archive stays. Periods without an archive do not
count, so a pause makes nothing expire. Anybody who can write to the store can put archives there: unknown archives are
neither counted nor deleted. The same holds for archives with a time in the future.

Which archives stay does not depend on the order of deletions: an archive that stays in a listing stays in every part of
that listing. So two janitors may delete at once, and a listing may be stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from baileys_janitor.policy.clocks import is_ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOUR_SECONDS = 3600
DAY_SECONDS = 86_400

#: No archive is deleted while the newest one has been unverified for this long.
UNVERIFIED_SECONDS = 35 * DAY_SECONDS
#: The maximal age of the newest archive of an unchanged session.
UNCHANGED_SECONDS = 7 * DAY_SECONDS


class StoredArchive(NamedTuple):
    """An archive in a store: when its session was read (Unix seconds), and the digest in its name.

    `known`: this janitor has put it, and it is unaltered. `verified`: when it was last found complete (Unix seconds),
    None if never. An unknown archive belongs to somebody else, or is older than the janitor's memory.
    """

    time: int
    digest: str
    known: bool = True
    verified: int | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many hours, days and months with an archive the newest one is kept."""

    hourly: int = 24
    daily: int = 30
    monthly: int = 12


@dataclass(frozen=True, slots=True)
class UnknownArchives:
    """The number of archives that are ignored, by their likely origin.

    `earlier` are older than every known one: no longer remembered. `among` lie between known ones or after them:
    another janitor writes to the same place, or somebody forges archives. `ahead` have a time in the future.
    """

    earlier: int
    among: int
    ahead: int

    @property
    def suspicious(self) -> int:
        """The number of archives that cannot be our own forgotten ones: somebody else has put them."""
        return self.among + self.ahead


def is_due(
    newest: StoredArchive | None, digest: str, now: float, *, kept_seconds: float | None = None
) -> bool:
    """Return whether to put a new archive: the session has changed, or its newest archive is a week old.

    Args:
        newest: the newest known archive, None where there is none.
        digest: the session's digest now, as long as the archive's.
        now: Unix seconds.
        kept_seconds: how long the store itself keeps an object, if it expires objects: then an unchanged session is put
            again after a third of it, so that its only archive does not expire.
    """
    if newest is None or newest.digest != digest or is_ahead(newest.time, now):
        return True
    wait = UNCHANGED_SECONDS if kept_seconds is None else kept_seconds / 3
    return now - newest.time >= wait


def newest_known(archives: Iterable[StoredArchive], now: float) -> StoredArchive | None:
    """Return the newest known archive that has no time in the future."""
    return max(_counted(archives, now), key=_order, default=None)


def surplus(
    archives: Iterable[StoredArchive], retention: Retention, now: float
) -> list[StoredArchive]:
    """Return the archives of one session to delete, oldest first.

    Never the newest known one, nor the newest verified one. None at all while the newest has been unverified for 35
    days, or none has been verified for so long: if backups have stopped, or nothing verifies them, nothing expires, and
    neither does it while the clock is ahead.
    """
    counted = sorted(set(_counted(archives, now)), key=_order, reverse=True)
    verified = [each for each in counted if each.verified is not None]
    last = max((each.verified or 0 for each in verified), default=0)
    if not verified or now - min(last, _proven(counted[0])) > UNVERIFIED_SECONDS:
        return []
    stays = {counted[0], verified[0]}
    stays.update(_newest_of_each(counted, _hour, retention.hourly))
    stays.update(_newest_of_each(counted, _day, retention.daily))
    stays.update(_newest_of_each(counted, _month, retention.monthly))
    return [each for each in reversed(counted) if each not in stays]


def unknown_archives(archives: Iterable[StoredArchive], now: float) -> UnknownArchives:
    """Return the numbers of archives that are ignored."""
    every = list(archives)
    first = min((each.time for each in every if each.known), default=None)
    unknown = [each for each in every if not each.known and not is_ahead(each.time, now)]
    earlier = sum(first is None or each.time < first for each in unknown)
    ahead = sum(is_ahead(each.time, now) for each in every)
    return UnknownArchives(earlier, len(unknown) - earlier, ahead)


def _counted(archives: Iterable[StoredArchive], now: float) -> list[StoredArchive]:
    return [each for each in archives if each.known and not is_ahead(each.time, now)]


def _proven(newest: StoredArchive) -> int:
    """Return the time since which an archive has been unverified: its creation, or its last verification."""
    return max(newest.time, newest.verified or 0)


def _newest_of_each(
    counted: list[StoredArchive], period_of: Callable[[int], object], most: int
) -> list[StoredArchive]:
    """Return the newest archive of each of the latest periods that have one; `counted` is sorted, newest first."""
    found: dict[object, StoredArchive] = {}
    for each in counted:
        period = period_of(each.time)
        if period not in found:
            if len(found) >= most:
                break
            found[period] = each
    return list(found.values())


def _order(archive: StoredArchive) -> tuple[int, str, int]:
    return archive.time, archive.digest, archive.verified or 0


def _hour(time: int) -> object:
    return time // HOUR_SECONDS


def _day(time: int) -> object:
    return time // DAY_SECONDS


def _month(time: int) -> object:
    moment = datetime.fromtimestamp(time, UTC)
    return moment.year, moment.month
