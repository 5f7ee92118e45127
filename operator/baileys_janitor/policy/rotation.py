"""Rotate a session: select the files to move so that the tenant can be paired anew in place, and when they may return.

A rotation takes everything that belongs to the pairing. LID mappings stay, because they are valid for any pairing, and
so do files with unknown names, which the janitor does not judge. creds.json goes first and comes back last: the library
uses no session without it, so a process that is started in between asks for a pairing and never uses half a session.
"""

from __future__ import annotations

from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.guards import guard_name, identity_problem
from baileys_janitor.policy.cleanup.plan import Removal
from baileys_janitor.policy.clocks import is_ahead
from baileys_janitor.policy.files.file_kinds import CREDS, LID_MAPPING, PAIRING_KINDS
from baileys_janitor.policy.files.identity import ABSENT, CORRUPT, PAIRED, TOO_LARGE, UNPAIRED
from baileys_janitor.policy.files.own_groups import own_groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity

_DAY = 86_400
UNDO_SECONDS = 7 * _DAY
"""Time in which a rotation can be rolled back, unless another is given."""
UNDO_MOST_SECONDS = 28 * _DAY
"""The longest time that may be given: the journal keeps a run for 30 days."""
MOST_FILES = 50_000
"""Files of one rotation: all of them are planned in memory."""

ROTATED_OUT = "RotatedOut"
CARRIED = "Carried"
TOO_MANY_TO_ROTATE = "TooManyToRotate"
PAIRED_SINCE = "PairedSince"
NOTHING_ROTATED = "NothingRotated"

EXPLANATIONS = {
    ROTATED_OUT: "It belongs to the pairing that the rotation ends.",
    CARRIED: "A LID mapping: it applies to any pairing, so the new session keeps it.",
    TOO_MANY_TO_ROTATE: "More than 50,000 files belong to the pairing, more than one rotation moves, so nothing was"
    " moved. Pair the tenant in a new directory, or remove pre-keys first.",
    PAIRED_SINCE: "The tenant has been paired again since the rotation, so the old session stays in the trash: its"
    " files belong to another identity.",
    NOTHING_ROTATED: "This directory holds no rotated session that could come back.",
}


class RotationPlan:
    """The files that a rotation moves.

    `removals` in order, creds.json first, a unit's files next to each other. `carried` and `unknown` count the files
    that stay: LID mappings, and names that the library does not write. `refused`: why nothing may be moved.
    """

    __slots__ = ("carried", "refused", "removals", "unknown")

    def __init__(self) -> None:
        self.removals: list[Removal] = []
        self.carried = 0
        self.unknown = 0
        self.refused: str | None = None

    @property
    def kept(self) -> dict[str, int]:
        """How many files stay for each reason code."""
        found = {CARRIED: self.carried, reasons.UNKNOWN_FILE: self.unknown}
        return {reason: number for reason, number in found.items() if number}


def make_rotation_plan(entries: Sequence[Entry], identity: Identity) -> RotationPlan:
    """Return the plan for a rotation of these files.

    Refused while creds.json is not that of a paired account: an absent or unpaired one has no pairing to end, and one
    that cannot be read must be saved first.
    """
    plan = RotationPlan()
    plan.refused = identity_problem(identity)
    if plan.refused is not None:
        return plan
    going = []
    for entry in entries:
        if entry.kind == LID_MAPPING:
            plan.carried += 1
        elif belongs_to_pairing(entry):
            going.append(entry)
        else:
            plan.unknown += 1
    if len(going) > MOST_FILES:
        plan.refused = TOO_MANY_TO_ROTATE
        return plan
    units = _units(going, identity)
    plan.removals = [
        Removal(entry, ROTATED_OUT, number) for number, unit in enumerate(units) for entry in unit
    ]
    return plan


def belongs_to_pairing(entry: Entry) -> bool:
    """Return whether a rotation moves a file; its kind and id must match its name."""
    return entry.kind in PAIRING_KINDS and guard_name(entry) is None


def rollback_refusal(identity: Identity, fingerprint: str) -> str | None:
    """Return why a rotation of the pairing `fingerprint` may not be rolled back, None when it may.

    `identity` is that of creds.json now. The file may be absent or unpaired, or hold the very same pairing (a process
    that was not stopped has written it again). An unreadable one could be a new pairing.
    """
    if identity.state in (ABSENT, UNPAIRED):
        return None
    if identity.state == CORRUPT:
        return reasons.CREDENTIALS_CORRUPT
    if identity.state == TOO_LARGE:
        return reasons.CREDENTIALS_TOO_LARGE
    same = bool(fingerprint) and identity.fingerprint == fingerprint
    return None if same else PAIRED_SINCE


def is_same_pairing(identity: Identity, fingerprint: str) -> bool:
    """Return whether creds.json holds the pairing that was rotated out."""
    return identity.state == PAIRED and bool(fingerprint) and identity.fingerprint == fingerprint


def is_kept(time: float, until: float, now: float) -> bool:
    """Return whether the files moved by a rotation at `time` are to be kept at `now` (Unix seconds).

    False for a time in the future, which only a wrong clock writes, and for a longer time than can be requested.
    """
    return not is_ahead(time, now) and now < until and until - time <= UNDO_MOST_SECONDS


def _units(going: Sequence[Entry], identity: Identity) -> list[list[Entry]]:
    """Return the files by unit: creds.json, then each group's memory file with the own sender keys, then the rest."""
    groups = own_groups(going, identity)
    paired: set[str] = set()
    units = [[each] for each in going if each.kind == CREDS]
    for name in sorted(groups):
        unit = groups[name].files
        paired.update(each.name for each in unit)
        units.append(unit)
    units += [[each] for each in going if each.kind != CREDS and each.name not in paired]
    return units
