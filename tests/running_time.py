"""What a janitor that has looked for long remembers of a session directory, for tests that clean at once.

Without it, a cleanup has the listing alone to go by, which shows the last write of each file only.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from baileys_janitor.policy.ages.running import Memory, recount
from baileys_janitor.policy.ages.running_text import encode
from baileys_janitor.policy.files.file_entry import Entry

DAY = 86_400
#: Scenarios of the fixtures whose tenant was not running all the time.
SLEPT = ("awake", "stopped")


def always_running(now: float, days: int = 90) -> Memory:
    """What is known of a tenant with daily traffic, whatever lies in its directory now."""
    return Memory(int(now) - days * DAY, ((int(now) - days * DAY, int(now)),))


def remembered(session: Path, now: float | None = None, days: int = 90) -> str:
    """The line of a look at a directory whose tenant has had traffic every day."""
    at = int(time.time() if now is None else now)
    entries = [_entry(each) for each in session.iterdir() if each.is_file()]
    traffic = [
        entry.mtime_ns // 10**9 for entry in entries if entry.kind in ("session", "senderKey")
    ]
    newest = max((each for each in traffic if each <= at), default=None)
    return encode(recount(Memory(at, ((at - days * DAY, at),), newest), entries))


def remember(session: Path, now: float | None = None, days: int = 90) -> Path:
    """Leave that line on the volume, as a cleanup does. Returns the directory."""
    line = session / ".janitor~activity"
    line.write_text(remembered(session, now, days) + "\n")
    line.chmod(0o600)
    found = session.stat()
    os.chown(line, found.st_uid, found.st_gid)
    return session


def _entry(path: Path) -> Entry:
    found = path.stat()
    return Entry.of(path.name, found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev)
