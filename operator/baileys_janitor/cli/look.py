"""One look at a session directory: what is there, who it belongs to, what the rules make of it.

Reads only; a directory looked at is the same byte for byte afterwards.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from baileys_janitor.cli.problems import Problem
from baileys_janitor.cli.targets import Target
from baileys_janitor.policy.activity import infer_active_since
from baileys_janitor.policy.census import Census, take_census
from baileys_janitor.policy.identity import Identity
from baileys_janitor.policy.kinds import KINDS, PROTECTED_KINDS
from baileys_janitor.policy.listing import Entry
from baileys_janitor.volume.credentials import settled_identity
from baileys_janitor.volume.disk_space import free_space, volume_bytes
from baileys_janitor.volume.opening import open_session
from baileys_janitor.volume.problems import VolumeProblem
from baileys_janitor.volume.reading import read_listing
from baileys_janitor.volume.state_names import OwnNames


class Look(NamedTuple):
    """What a look found. `entries` is None beyond 200,000 files, which are only counted by kind.

    `own` are the janitor's own names there. Free bytes and inodes and the volume's size are None when
    unknown.
    """

    entries: list[Entry] | None
    census: Census
    identity: Identity
    active_since: float | None
    free_bytes: int | None
    free_inodes: int | None
    volume_bytes: int | None
    own: OwnNames
    now: float


def look_at(target: Target, now: float | None = None) -> Look:
    """Look at a session directory; a Problem with one sentence when that is not possible."""
    try:
        directory = open_session(target.root, target.path)
        try:
            listing = read_listing(directory)
            identity = settled_identity(directory)
            room = *free_space(directory), volume_bytes(directory), listing.own
        finally:
            os.close(directory)
    except VolumeProblem as problem:
        raise problem_of(target, problem) from problem
    now = time.time() if now is None else now
    if listing.entries is None:
        return Look(None, _counted_only(listing.by_kind or []), identity, None, *room, now)
    census = take_census(listing.entries, now)
    active_since = infer_active_since(listing.entries, now)
    return Look(listing.entries, census, identity, active_since, *room, now)


def problem_of(target: Target, problem: VolumeProblem) -> Problem:
    """What the volume could not do, as a sentence about this directory."""
    return Problem(f"{target.shown}: {problem}", code=problem.code)


def _counted_only(by_kind: list[int]) -> Census:
    census = Census()
    census.by_kind = by_kind or [0] * len(KINDS)
    census.total = sum(census.by_kind)
    census.protected = sum(census.count(kind) for kind in PROTECTED_KINDS)
    return census
