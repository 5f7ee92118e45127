"""Which pre-keys may be removed: none with the library that uploads 812, the old ones with its predecessor.

The server can hand out an uploaded pre-key until someone uses it; without its file that person's first message fails.
Up to 7.0.0-rc.5 the library uploaded 30 at a time, since rc.6 812 at first and 5 later. Nothing in the directory names
the library that wrote it, so it is derived from the ids and the times: one upload is written at once, and a key from a
retry receipt stands alone, at least 250 ms from the next. A key that cannot be attributed for certain is kept.
"""

from __future__ import annotations

from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import PRE_KEY
from baileys_janitor.policy.reasons import (
    LARGE_UPLOADS,
    LATEST_PRE_KEY,
    NEWEST_PRE_KEYS,
    PRE_KEYS_IN_DOUBT,
    RETRY_PRE_KEY,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity

#: Pre-keys further apart than this many ids are attributed to the library that uploads 812.
MAX_UPLOAD_SPAN = 100
#: Keys from retry receipts stay for 30 days, as long as WhatsApp keeps an undelivered message.
RETRY_KEY_AGE_NS = 30 * 86_400 * 10**9

_INITIAL_UPLOAD = 812
# Files written within a minute of each other may be one upload (a slow disk), and certainly are one
# within 100 ms: retries wait 250 ms (retryRequestDelayMs).
_SAME_UPLOAD_NS = 60 * 10**9
_SURELY_SAME_NS = 10**8
# The smallest upload (since rc.6), the largest of the old library with some slack for singles beside
# it, and more than two of the small ones together.
_SMALLEST_UPLOAD = 5
_LARGEST_OLD_UPLOAD = 35
_OLD_UPLOAD_EVIDENCE = 11


class _Run:
    """Pre-keys written shortly after one another: their ids, the lowest and the highest."""

    __slots__ = ("highest", "keys", "lowest")

    def __init__(self, keys: list[int]) -> None:
        self.keys = keys
        self.lowest = min(keys)
        self.highest = max(keys)

    @property
    def span(self) -> int:
        return self.highest - self.lowest + 1

    def covers(self, other: _Run) -> bool:
        """Return whether the other run's ids lie within these."""
        return self.lowest <= other.lowest and other.highest <= self.highest


def _runs(written: list[tuple[int, int]], gap_ns: int) -> Iterator[_Run]:
    """Split (mtime_ns, id) pairs in order of time at every gap of more than `gap_ns`."""
    keys: list[int] = []
    last = 0
    for mtime_ns, key in written:
        if keys and mtime_ns - last > gap_ns:
            yield _Run(keys)
            keys = []
        keys.append(key)
        last = mtime_ns
    if keys:
        yield _Run(keys)


def _uploads(written: list[tuple[int, int]]) -> Iterator[_Run]:
    """Yield the runs that are certainly uploads, from (mtime_ns, id) pairs in order of time."""
    for run in _runs(written, _SURELY_SAME_NS):
        if len(run.keys) > 1 and run.span >= _SMALLEST_UPLOAD:
            yield run


def upload_span(entries: Iterable[Entry]) -> int:
    """Return the number of ids that the pre-keys cover, consumed ones between them included; 0 without pre-keys."""
    keys = [int(entry.ident) for entry in listed(entries).of(PRE_KEY)]
    return max(keys) - min(keys) + 1 if keys else 0


class PreKeys:
    """The classification of a directory's pre-keys.

    `doubt` is the reason code that keeps all of them, None when the older ones may be removed. `uploaded`: ids that are
    certainly from an upload, newest first. `singles`: ids that are certainly from retry receipts. The rest can be
    either. Both are empty when in doubt.
    """

    __slots__ = ("_certain", "doubt", "latest", "singles", "uploaded")

    def __init__(self, entries: Iterable[Entry], identity: Identity) -> None:
        # By id first: the times are then nearly sorted already.
        by_id = sorted([(int(each.ident), each.mtime_ns) for each in listed(entries).of(PRE_KEY)])
        written = sorted([(mtime_ns, key) for key, mtime_ns in by_id])
        following = identity.next_pre_key_id
        # The lowest id that must stay: the key that the login checks; all newer ones stay too.
        self.latest = (following or 1) - 1
        if identity.first_unuploaded_pre_key_id is not None:
            self.latest = min(self.latest, identity.first_unuploaded_pre_key_id)
        self.doubt = _doubt(written, following)
        if self.doubt is None and not _times_rise_with_ids(by_id):
            self.doubt = PRE_KEYS_IN_DOUBT
        runs: list[_Run] = []
        uploads: list[_Run] = []
        if self.doubt is None:  # else all stay
            runs = [*_runs(written, _SAME_UPLOAD_NS)]
            uploads = [*_uploads(written)]
        self.uploaded = sorted((key for run in uploads for key in run.keys), reverse=True)
        self._certain = frozenset(self.uploaded)
        self.singles = _singles(runs, [key for key, _ in by_id], following or 0)

    def newest(self, number: int) -> int:
        """Return the lowest id among the newest `number` uploaded ones; ids from there on stay."""
        if number <= 0:
            return self.latest
        return self.uploaded[number - 1] if number <= len(self.uploaded) else 0

    def protects(self, key: int, age_ns: int, floor: int) -> str | None:
        """Return the reason to keep the key of that id and age; `floor` is the result of `newest`."""
        if self.doubt is not None:
            return self.doubt
        if key >= self.latest:
            return LATEST_PRE_KEY
        if key in self.singles:
            return RETRY_PRE_KEY if age_ns <= RETRY_KEY_AGE_NS else None
        if key >= floor:
            return NEWEST_PRE_KEYS
        if age_ns <= RETRY_KEY_AGE_NS and key not in self._certain:
            return RETRY_PRE_KEY
        return None


def _doubt(written: list[tuple[int, int]], following: int | None) -> str | None:
    if not written:
        return None
    if following is None or next(_uploads(written), None) is None:
        return PRE_KEYS_IN_DOUBT  # the server always has some from an upload
    keys = [key for _, key in written]
    highest = max(following - 1, *keys)
    if highest - min(keys) >= MAX_UPLOAD_SPAN:
        return LARGE_UPLOADS
    if highest < _INITIAL_UPLOAD:
        return None  # 812 were never uploaded: ids count from 1
    # These may be the rest of an upload of 812 and of the fives added to it. Only two uploads that are clearly larger
    # than 5, and none above 30, are the old library's own pattern: an upload of 812 leaves no room for a second one so
    # close to it.
    runs, uploads = [*_runs(written, _SAME_UPLOAD_NS)], [*_uploads(written)]
    clear = [
        run
        for run in runs
        if any(run.covers(each) and each.span >= _OLD_UPLOAD_EVIDENCE for each in uploads)
    ]
    old = len(clear) > 1 and max(run.span for run in runs) <= _LARGEST_OLD_UPLOAD
    return None if old else PRE_KEYS_IN_DOUBT


def _times_rise_with_ids(by_id: list[tuple[int, int]]) -> bool:
    """Return whether (id, mtime_ns) pairs have later times for higher ids, as they do unless somebody altered them."""
    latest = min([mtime_ns for _, mtime_ns in by_id], default=0)
    for _, mtime_ns in by_id:
        if mtime_ns < latest - _SAME_UPLOAD_NS:
            return False
        latest = max(latest, mtime_ns)
    return True


def _singles(runs: list[_Run], keys: list[int], following: int) -> frozenset[int]:
    """Return keys written alone, between neighbours too close to leave room for an upload."""
    alone = {run.lowest for run in runs if len(run.keys) == 1}
    borders = [0, *keys, max(following, keys[-1] + 1 if keys else 1)]
    return frozenset(
        key
        for before, key, after in zip(borders, borders[1:], borders[2:], strict=False)
        if key in alone and after - before - 1 < _SMALLEST_UPLOAD
    )
