"""Scanning a session directory: counts, identity, and the effect of a cleaning. Writes nothing."""

from __future__ import annotations

from dataclasses import replace

from baileys_janitor.policy.cleanup.estimate import look_ahead
from baileys_janitor.policy.counts import take_census
from baileys_janitor.policy.files.file_kinds import KINDS, PRE_KEY, PROTECTED_KINDS
from baileys_janitor.policy.files.identity import CORRUPT, PAIRED
from baileys_janitor.policy.levels import counted_of
from baileys_janitor.policy.reasons import CLOCK_SKEW
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.disk_space import room_on
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.report.results import ScanResult
from baileys_janitor.volume.scanning.activity import Activity, Known, activity_of
from baileys_janitor.volume.scanning.credentials import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.ages.running import Memory
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.volume.files.read import Listing
    from baileys_janitor.volume.files.state_names import OwnNames

_NS = 10**9
_MOST_PLANS = 256  # a scan reads the plans of at most this many runs in the trash
_STRETCHES_BROUGHT = 16  # of a tenant that is new to the operator


def scan(
    directory: int,
    settings: Settings,
    *,
    now: float,
    known: Known | None = None,
    tick: Callable[[], None] | None = None,
    whole: bool = False,
) -> ScanResult:
    """Scan an open session directory.

    `now` is Unix seconds, `known` the earlier memory of the tenant's running time. `whole` returns the complete memory
    afterwards, for the scan that ends a cleanup. `tick` is called now and then and may raise VolumeProblem to
    end the scan. Raises VolumeProblem; a file system error in the trash alone leaves those fields unknown.
    """
    creds = Reading(directory)
    listing = read_listing(directory, tick)
    activity = activity_of(
        directory, listing, creds.identity, settings, now, known or Known(), to_write=whole
    )
    result = _describe(directory, listing, creds.identity, settings, now, activity)
    unknown = whole or known is None or known.memory is None
    _remember(result, activity, now, unknown, whole)
    if creds.identity.state == CORRUPT:
        result.creds_token = creds.token
    _describe_trash(directory, listing.own, result, now)
    _describe_copies(directory, listing, result, now)
    return result


def _describe(
    directory: int,
    listing: Listing,
    identity: Identity,
    settings: Settings,
    now: float,
    activity: Activity,
) -> ScanResult:
    result = ScanResult(
        total=listing.total,
        identity_state=identity.state,
        fingerprint=identity.fingerprint,
    )
    result.free_bytes, result.free_inodes, result.volume_bytes = room_on(directory)
    if listing.entries is None:
        return _counts_only(result, listing, settings)
    census = take_census(listing.entries, now)
    refused = CLOCK_SKEW if activity.skewed else None
    outlook = look_ahead(listing.entries, identity, settings, now, activity.ages, refused)
    result.counted = outlook.counted
    result.protected = census.protected
    result.reclaimable = outlook.reclaimable
    result.gain = outlook.emergency_gain
    result.kept = outlook.kept
    result.floor = outlook.floor
    result.held_days = outlook.held_days
    result.newest_activity = _seconds(census.newest_activity_ns)
    result.bytes = census.bytes
    result.pre_key_span = census.upload_span
    result.by_kind = census.by_kind
    result.ages = census.ages
    return result


def _remember(
    result: ScanResult, activity: Activity, now: float, unknown: bool, whole: bool
) -> None:
    """Add the values of this scan that an operator needs to remember."""
    result.looked = int(now)
    result.skewed = activity.skewed
    look, memory = activity.look, activity.memory
    if look is None or memory is None:
        return
    result.newest_activity = look.newest
    if unknown:
        from baileys_janitor.policy.ages.running_text import encode

        result.running = encode(memory if whole else _brief(memory))
    else:
        result.bins = list(look.bins)
        result.put_in = look.put_in


def _brief(memory: Memory) -> Memory:
    """Return the part of a memory that fits into a scan of many tenants."""
    recent = memory.running[-_STRETCHES_BROUGHT:]
    return replace(memory, running=recent, boot=None, seen=None)


def _counts_only(result: ScanResult, listing: Listing, settings: Settings) -> ScanResult:
    by_kind = listing.by_kind or [0] * len(KINDS)
    protected = sum(n for kind, n in zip(KINDS, by_kind, strict=True) if kind in PROTECTED_KINDS)
    pre_keys = by_kind[KINDS.index(PRE_KEY)]
    result.by_kind = by_kind
    result.protected = protected
    result.counted = counted_of(listing.total, pre_keys, protected, settings)
    result.reclaimable = result.gain = 0
    result.floor = result.counted
    return result


def _describe_trash(directory: int, own: OwnNames, result: ScanResult, now: float) -> None:
    """Add the counts of the trash, as far as they can be read. Runs that a purge would leave are not counted."""
    if own.too_many:
        return
    result.trash_runs = len(own.trash)
    if own.trash:
        result.trash_files = own.trashed
        try:
            kept = _kept_rotations(directory, own, now)
            result.trash_runs -= len(kept)
            result.trash_oldest, result.trash_bytes = _read_plans(directory, own, kept)
        except (VolumeProblem, OSError):
            result.trash_runs = None


def _kept_rotations(directory: int, own: OwnNames, now: float) -> dict[str, int]:
    """Return the rotations that are kept for a rollback, with their bytes. Raises VolumeProblem."""
    if not own.rotated:
        return {}
    from baileys_janitor.policy.rotation import is_kept
    from baileys_janitor.volume.files.rotation_record import read_rotation_head
    from baileys_janitor.volume.files.state_files import owners_of

    owners = owners_of(directory)
    kept = {}
    for run in sorted(own.rotated & own.trash.keys())[:_MOST_PLANS]:
        head = read_rotation_head(directory, run, owners)
        if head is not None and is_kept(head.time, head.until, now):
            kept[run] = head.bytes
    return kept


def _describe_copies(directory: int, listing: Listing, result: ScanResult, now: float) -> None:
    """Add the state of the kept copies of creds.json."""
    paired = result.identity_state == PAIRED
    if listing.own.too_many or listing.entries is None:
        return
    if not listing.own.copies:
        result.copies, result.uncopied = 0, paired
        return
    from baileys_janitor.volume.files.newest_copy import newest_in

    result.copies, result.copied, changed = newest_in(directory, listing, now)
    result.uncopied = paired and changed


def _read_plans(directory: int, own: OwnNames, kept: dict[str, int]) -> tuple[int | None, int]:
    """Return the time of the oldest run in the trash that is not `kept`, and the approximate bytes of all."""
    from baileys_janitor.volume.files.run_plan import read_head
    from baileys_janitor.volume.files.state_files import owners_of

    owners = owners_of(directory)
    oldest: int | None = None
    size = sum(kept.values())
    for run, names in list(own.trash.items())[:_MOST_PLANS]:
        if run in kept:
            continue
        try:
            head = read_head(directory, run, owners) if run in own.plans else None
        except VolumeProblem:
            head = None
        if head is None:
            continue
        oldest = head[0] if oldest is None else min(oldest, head[0])
        size += head[2] if head[1] == len(names) else head[2] * len(names) // max(1, head[1])
    return oldest, size


def _seconds(ns: int | None) -> int | None:
    return None if ns is None else ns // _NS
