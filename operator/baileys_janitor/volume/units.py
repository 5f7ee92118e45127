"""Units in the trash: a group's memory file and the tenant's own sender keys go and come back together.

What must never come about is a memory file without its key: the library would then send messages that no
member can read. A key without its memory file is harmless. So keys come back first, and a memory file
only beside its key.
"""

from __future__ import annotations

from ..policy.kinds import SENDER_KEY_MEMORY, classify
from .trash import EXISTS, RESTORED, VANISHED, Planned, look, put_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IN_TRASH = "InTrash"


def by_unit(plan: Sequence[Planned]) -> list[list[Planned]]:
    """The plan's units, in their order."""
    units: dict[int, list[Planned]] = {}
    for each in plan:
        units.setdefault(each.unit, []).append(each)
    return list(units.values())


def settle(
    session: int, run: int, plan: Sequence[Planned], tick: Callable[[], None] | None = None
) -> list[Planned]:
    """Make a run's trash agree with its plan; the files that are rightly in the trash.

    A file that was written to after all goes back, unless the library has made a newer one: then that one
    stands and the old copy stays where it is. A unit of which a file is still in its place goes back as
    a whole. Doing it twice does no harm. Raises OSError.
    """
    settled: list[Planned] = []
    for unit in by_unit(plan):
        if tick is not None:
            tick()
        taken = []
        broken = False
        for each in unit:
            found = look(run, each.name)
            if found is None:
                broken = broken or _is_here(session, each)
            elif each.is_still(found):
                taken.append(each)
            else:
                put_back(session, run, each.name)
                broken = True
        if broken:
            return_unit(session, run, unit)
        else:
            settled += taken
    return settled


def return_unit(session: int, run: int, unit: Sequence[Planned]) -> dict[str, str]:
    """Put what is in the trash of a unit back, keys first: by name, Restored, Exists, Vanished, or
    InTrash for a memory file that has no key to stand beside. Raises OSError."""
    results = {}
    for each in reversed(unit):
        if is_memory(each) and not _has_key(session, unit):
            results[each.name] = IN_TRASH
        else:
            results[each.name] = put_back(session, run, each.name)
    return results


def is_memory(each: Planned) -> bool:
    """Whether a planned file is a group's memory file."""
    return classify(each.name)[0] == SENDER_KEY_MEMORY


def _has_key(session: int, unit: Sequence[Planned]) -> bool:
    return any(each.size > 0 and _is_here(session, each) for each in unit if not is_memory(each))


def _is_here(session: int, each: Planned) -> bool:
    """Whether the very file is in its place, perhaps written to: a new one of that name is another key,
    which the members named in an old memory file do not have."""
    found = look(session, each.name)
    return found is not None and found.st_ino == each.inode


__all__ = ["EXISTS", "IN_TRASH", "RESTORED", "VANISHED", "by_unit", "return_unit", "settle"]
