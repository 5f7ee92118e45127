"""The lab of restores: every library, exchanges since the backup and accident, with what the real library makes of it.

Too long for every change (some ten minutes); run it after a change to the rules of restoring:

    python -m tests.real.restore_lab [SCENARIO ...]

Each line is one restore: messages that were read at the first try, recovered by a retry and lost. Exit code 1 when
anything is broken that should hold.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.real import judging, sessions

EXCHANGES = (0, 1, 3)


class World(NamedTuple):
    """A scenario and what is changed in it, and what cannot hold there."""

    scenario: str
    changes: Mapping[str, Any] = {}
    unmet: frozenset[str] = frozenset()


#: Where the server has few pre-keys, contacts soon get those that were uploaded after the backup, and write twice.
FEW_PRE_KEYS = frozenset({"newContacts"})
WORLDS = {
    "rc14": World("restored"),
    "rc14 second devices": World("emergency"),
    "rc9": World("restored", {"library": "rc9"}),
    "rc5": World("old", unmet=FEW_PRE_KEYS),
    "6.7": World("six", unmet=FEW_PRE_KEYS),
}


def judged(world: World, exchanges: int, room: Path) -> Iterator[tuple[str, sessions.Report]]:
    """Restore after each accident; the report of each."""
    room.mkdir()
    life = judging.lived(world.scenario, room, exchanges, **world.changes)
    for number, accident in enumerate(judging.ACCIDENTS):
        session = life.lost_by(accident, room / str(number))
        judging.put_back(life.archive, session)
        yield accident, sessions.judge(session, life.peers, contacts=judging.NEW_CONTACTS)


def main(names: list[str]) -> int:
    """Print a line for each restore."""
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in names or WORLDS:
            for exchanges in EXCHANGES:
                room = Path(scratch, f"{name}-{exchanges}")
                for accident, report in judged(WORLDS[name], exchanges, room):
                    broken = {*judging.broken(report)} - WORLDS[name].unmet
                    failed += bool(broken)
                    row = f"{name}, {exchanges} exchanges, {accident}: {judging.row(report)}"
                    print(row, "BROKEN" if broken else "", *sorted(broken), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
