"""A tenant's running time: the stored memory, and how a scan updates it. Jobs get a copy of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.job.result import ScanResult
from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.ages.put_in import BINS
from baileys_janitor.policy.ages.running import Look, Memory, advance, identity_mark
from baileys_janitor.policy.ages.running_text import decode, encode

if TYPE_CHECKING:
    from baileys_janitor.policy.ages.put_in import Bins

Boot = tuple[str, int]

LATE_SECONDS = 3600
"""A result older than the memory by less than this arrived late; by more, the clock was set back."""


def remember(
    running: str | None, look: ScanResult, limit: float, boot: Boot | None = None
) -> str | None:
    """Return the memory, as text, after a Job's scan; unchanged if the scan adds nothing to it.

    `limit` is the longest age limit in seconds. `boot` identifies this machine's boot: it shows when its clock was set.
    """
    if look.skewed or look.looked is None or look.identity_state != "Paired":
        return running
    known = decode(running)
    if look.running is not None:
        told = decode(look.running)
        if told is None or _is_late(known, told.looked):
            return running
        told.boot = boot
        return encode(told)
    if known is None or look.bins is None or _is_late(known, look.looked):
        return running
    return encode(advance(known, _learned(look, look.looked, boot), limit))


def active_since(running: str | None) -> int | None:
    """Return the start of the latest stretch of traffic; None while the tenant is stopped or nothing is known."""
    known = decode(running)
    return None if known is None else Ages(known, known.looked).since


def to_take_along(running: str | None, *, everything: bool) -> str | None:
    """Return the part of a memory that goes into a Job's task: all, or the part that fits a scan of many tenants."""
    known = decode(running)
    if known is None or everything or known.seen is None:
        return running if known is not None else None
    known.seen = None
    return encode(known)


def _is_late(known: Memory | None, looked: int) -> bool:
    return known is not None and 0 < known.looked - looked <= LATE_SECONDS


def _learned(look: ScanResult, looked: int, boot: Boot | None) -> Look:
    newest = look.newest_activity
    newest = None if newest is None else min(newest, looked)
    put_in = None if look.put_in is None else min(look.put_in, looked)
    return Look(
        looked,
        () if newest is None else ((newest, newest),),
        newest,
        bins=_bins(look.bins),
        put_in=put_in,
        boot=boot,
        identity=identity_mark(look.fingerprint),
    )


def _bins(told: list[int] | None) -> Bins:
    counts = [max(0, count) for count in told or ()][:BINS]
    return tuple(counts + [0] * (BINS - len(counts)))
