"""One scan of a session directory: its files, its identity, and the state of its credentials.

Reads only; the directory is the same byte for byte afterwards.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from baileys_janitor.cli.arguments.targets import Target
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy.advice import SIGN_CLEANUPS, Cleaned
from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.counts import Census, take_census
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.file_kinds import KINDS, PROTECTED_KINDS
from baileys_janitor.policy.files.identity import Identity
from baileys_janitor.policy.findings import State
from baileys_janitor.policy.settings import Settings
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.errors import problem_of as problem_of_error
from baileys_janitor.volume.files.disk_space import room_on
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.files.state_names import OwnNames
from baileys_janitor.volume.report.results import CAPPED, COMPLETED, NOTHING_TO_DO
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.scanning.activity import Known, activity_of
from baileys_janitor.volume.scanning.credentials import readable_identity
from baileys_janitor.volume.scanning.directory_state import state_of

_CLEANED = frozenset((COMPLETED, CAPPED, NOTHING_TO_DO))


class Look(NamedTuple):
    """The result of a scan. `entries` is None beyond 200,000 files, which are only counted by kind.

    `last_activity` is the time of the newest traffic in Unix seconds. `own` are the janitor's own names there. Free
    bytes and inodes and the volume's size are None when unknown. `state` has owners and modes. `cleaned` holds the
    results of the last cleanups, newest first.
    """

    entries: list[Entry] | None
    census: Census
    identity: Identity
    ages: Ages
    last_activity: int | None
    free_bytes: int | None
    free_inodes: int | None
    volume_bytes: int | None
    own: OwnNames
    state: State
    now: float
    cleaned: Sequence[Cleaned] = ()


def look_at(target: Target, settings: Settings, now: float | None = None) -> Look:
    """Scan a session directory; raise a Problem with one sentence if that is not possible."""
    now = time.time() if now is None else now
    with opened(target) as directory:
        listing = read_listing(directory)
        identity = readable_identity(directory)
        activity = activity_of(directory, listing, identity, settings, now, Known(), to_write=False)
        room = *room_on(directory), listing.own
        state = state_of(directory, listing, now)
        cleaned = _cleaned(directory) if listing.own.has_journal and not state.refused else ()
    ages = activity.ages
    if listing.entries is None:
        return Look(
            None, _counted_only(listing.by_kind or []), identity, ages, None, *room, state, now
        )
    census = take_census(listing.entries, now)
    newest_ns = census.newest_activity_ns
    newest = None if newest_ns is None else newest_ns // 10**9
    if activity.look is not None:
        newest = activity.look.newest
    return Look(listing.entries, census, identity, ages, newest, *room, state, now, cleaned)


def _cleaned(directory: int) -> Sequence[Cleaned]:
    """Return the results of the last cleanups; nothing if this process may not read the journal."""
    try:
        runs = Journal(directory, owners_of(directory)).runs
    except VolumeProblem:
        return ()
    results = [each.result for each in reversed(runs.values()) if each.result is not None]
    known = [each for each in results if each.after is not None and each.outcome in _CLEANED]
    return [Cleaned(each.after or 0, each.removed) for each in known[:SIGN_CLEANUPS]]


@contextmanager
def opened(target: Target) -> Iterator[int]:
    """Open a session directory; within the context, turn each failure of the volume into a Problem."""
    try:
        directory = open_session(target.root, target.path)
        try:
            yield directory
        except OSError as error:
            raise problem_of_error(error) from error
        finally:
            os.close(directory)
    except VolumeProblem as problem:
        raise problem_of(target, problem) from problem


def problem_of(target: Target, problem: VolumeProblem) -> Problem:
    """Return a failure of the volume as a problem with this directory."""
    return Problem(f"{target.shown}: {problem}", code=problem.code)


def _counted_only(by_kind: list[int]) -> Census:
    census = Census()
    census.by_kind = by_kind or [0] * len(KINDS)
    census.total = sum(census.by_kind)
    census.protected = sum(census.count(kind) for kind in PROTECTED_KINDS)
    return census
