"""Session directories that forks of Baileys have written, with other names than the library's own.

``tests/baileys/forks`` wrote the fixtures under ``tests/fixtures/forks``; see its README.

    python -m tests.real.forks pack                             write the fixtures again (Node.js)
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.real import sessions

TOOL = sessions.TOOL / "forks"
FIXTURES = sessions.TESTS / "fixtures" / "forks"

#: Fixture: the fork in the tool's package.json, and whether it keeps everything in a single file.
WRITTEN = {
    "whaileys": ("whaileys", False),
    "adiwajshing-5": ("adiwajshing-5", False),
    "adiwajshing-4": ("adiwajshing-4", False),
    "adiwajshing-4-single-file": ("adiwajshing-4", True),
}

unpack = partial(sessions.unpack, fixtures=FIXTURES)


def check(fork: str, session: Path, peers: Path) -> sessions.Report:
    """Start the fork on a copy of `session`, and let its contacts, devices and groups talk with it.

    Returns ``passed``, and of the people how many were read ``atOnce``, ``healed`` or ``lost``; ``ownLost`` of the
    tenant's own devices; how many of the ``waiting`` pre-keys brought ``newContacts``; and ``groups``.
    """
    request = {"library": WRITTEN[fork][0], "session": str(session), "peers": str(peers)}
    return sessions.run(TOOL, "check", request)


def pack() -> None:
    """Write every fixture again with the forks themselves."""
    FIXTURES.mkdir(exist_ok=True)
    for name, (fork, single) in WRITTEN.items():
        with tempfile.TemporaryDirectory() as directory:
            session, peers = Path(directory, "session"), Path(directory, "peers")
            session.mkdir()
            now = float(int(time.time()))
            request = {"library": fork, "out": str(session), "peers": str(peers), "now": now}
            written = sessions.run(TOOL, "write", {**request, "single": single})
            size = sessions.pack(name, session, peers, now, FIXTURES).stat().st_size
            print(f"{name}: {written['files']} files, {size} bytes")


if __name__ == "__main__":
    if sys.argv[1:] != ["pack"]:
        raise SystemExit(__doc__)
    pack()
