"""Looking at a session directory: counts, identity, what a cleaning could do. Writes nothing."""

from __future__ import annotations

import os

from ..policy.activity import infer_active_since, next_active_since
from ..policy.census import take_census
from ..policy.identity import read_identity
from ..policy.kinds import KINDS, PRE_KEY, PROTECTED_KINDS
from ..policy.levels import counted_of
from ..policy.outlook import look_ahead
from .household import free_space, open_janitor
from .problems import VolumeProblem
from .reading import read_creds, read_listing
from .report import CleanResult, ScanResult
from .trash import age_mark, open_trash, runs_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..policy.census import Census
    from ..policy.identity import Identity
    from ..policy.settings import Settings
    from .reading import Listing

_NS = 10**9


def scan(
    directory: int,
    settings: Settings,
    *,
    now: float,
    active_since: float | None = None,
    known: bool = False,
    run: str | None = None,
    tick: Callable[[], None] | None = None,
) -> ScanResult:
    """Look at an open session directory.

    `now` and `active_since` are Unix seconds; `known` says that a None of the latter means stopped rather
    than unknown. `run` asks for the journal's record of one run. `tick` is called now and then and may
    raise VolumeProblem to end the look. Raises VolumeProblem; a file system's trouble with the trash or
    the journal alone leaves those fields unknown.
    """
    data, token = read_creds(directory)
    identity = read_identity(data)
    result = _describe(
        directory, read_listing(directory, tick), identity, settings, now, active_since, known
    )
    result.creds_token = token
    _own_affairs(directory, result, run)
    return result


def _describe(
    directory: int,
    listing: Listing,
    identity: Identity,
    settings: Settings,
    now: float,
    active_since: float | None,
    known: bool,
) -> ScanResult:
    result = ScanResult(
        total=listing.total,
        skipped=listing.skipped,
        identity_state=identity.state,
        fingerprint=identity.fingerprint,
    )
    result.free_bytes, result.free_inodes = free_space(directory)
    if listing.entries is None:
        return _counts_only(result, listing, settings)
    census = take_census(listing.entries, now)
    since = running_since(listing, census, now, active_since, known)
    outlook = look_ahead(listing.entries, identity, settings, now, since)
    result.counted = outlook.counted
    result.protected = census.protected
    result.reclaimable = outlook.reclaimable
    result.gain = outlook.emergency_gain
    result.kept = outlook.kept
    result.floor = outlook.floor
    result.active_since = None if since is None else int(since)
    result.newest_activity = _seconds(census.newest_activity_ns)
    result.bytes = census.bytes
    result.pre_key_span = census.upload_span
    result.by_kind = census.by_kind
    result.oldest = _seconds(census.oldest_ns)
    result.newest = _seconds(census.newest_ns)
    result.ages = census.ages
    return result


def running_since(
    listing: Listing, census: Census, now: float, active_since: float | None, known: bool
) -> float | None:
    """Since when the tenant has been running (Unix seconds), None while it is stopped."""
    entries = listing.entries or []
    known = known or active_since is not None
    inferred = None if known else infer_active_since(entries, now)
    newest = None if census.newest_activity_ns is None else census.newest_activity_ns / _NS
    return next_active_since(active_since, known, newest, inferred, now)


def recorded(janitor: int, run: str) -> CleanResult | None:
    """What the journal says about a run: its result, or that it was killed and not yet looked after."""
    from .journal import Journal
    from .problems import KILLED
    from .report import FAILED

    found = Journal(janitor).runs.get(run)
    if found is None:
        return None
    return found.result or CleanResult(run, FAILED, code=KILLED, time=found.time)


def _counts_only(result: ScanResult, listing: Listing, settings: Settings) -> ScanResult:
    by_kind = listing.by_kind or [0] * len(KINDS)
    protected = sum(n for kind, n in zip(KINDS, by_kind, strict=True) if kind in PROTECTED_KINDS)
    pre_keys = by_kind[KINDS.index(PRE_KEY)]
    result.counts_only = True
    result.by_kind = by_kind
    result.protected = protected
    result.counted = counted_of(listing.total, pre_keys, protected, settings)
    result.reclaimable = result.gain = 0
    result.floor = result.counted
    return result


def _own_affairs(directory: int, result: ScanResult, run: str | None) -> None:
    """The trash's figures and the asked run's record, as far as they can be read."""

    try:
        janitor = open_janitor(directory)
    except VolumeProblem:
        return
    result.trash_runs = 0
    if janitor is None:
        return
    trash = None
    try:
        if run is not None:
            result.record = recorded(janitor, run)
        trash = open_trash(janitor)
        if trash is not None:
            runs = runs_in(trash)
            result.trash_runs = len(runs)
            result.trash_oldest = int(age_mark(trash, runs[0])) if runs else None
    except (VolumeProblem, OSError):
        result.trash_runs = None
    finally:
        if trash is not None:
            os.close(trash)
        os.close(janitor)


def _seconds(ns: int | None) -> int | None:
    return None if ns is None else ns // _NS
