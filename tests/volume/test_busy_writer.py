"""Beside a busy process none of its writes is lost. (Listing and then unlinking loses one in four.)"""

from __future__ import annotations

import os
import time
from pathlib import Path

from baileys_janitor.policy.settings import MaxRemovals, Settings
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files.run_plan import read_plan
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import DAY, NOW, build, opened

WRITES = 10_000
NAMES = [f"session-77{n:02}.0.json" for n in range(40)]
OLD = int((NOW - 20 * DAY) * 1e9)
SETTINGS = Settings(max_removals=MaxRemovals(100, 100_000))


def write_as_the_library_does(path: Path) -> None:
    """Open with truncation, write, close; then age the file, so that it may be removed again at once."""
    for number in range(WRITES):
        name = str(path / NAMES[number * 7 % len(NAMES)])
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(file, b"%d" % number)
        # Through the descriptor: the file may have moved away under the writer's hands.
        os.utime(file, ns=(OLD + number, OLD + number))
        os.close(file)


def test_none_of_ten_thousand_writes_is_lost(room: Path) -> None:
    path = build(room / "session")
    last = {NAMES[number * 7 % len(NAMES)]: number for number in range(WRITES)}
    writer = os.fork()
    if writer == 0:
        write_as_the_library_does(path)
        os._exit(0)
    removed = changed = runs = 0
    running = True
    with opened(path) as directory:
        while running:
            running = os.waitpid(writer, os.WNOHANG) == (0, 0)
            result = sessions.clean(
                directory,
                SETTINGS,
                run=f"r{runs}",
                now=time.time(),
                known=Known(always_running(time.time())),
            )
            runs += 1
            assert result.outcome in ("Completed", "NothingToDo"), result
            removed += result.removed
            changed += (result.kept or {}).get("Changed", 0)
    assert removed > len(NAMES)
    for name, number in last.items():
        if (path / name).exists():
            assert (path / name).read_bytes() == b"%d" % number
        else:
            assert at_rest_in_the_trash(path, name) == b"%d" % number


def at_rest_in_the_trash(path: Path, name: str) -> bytes:
    """The copy that the last run to take the file has, which must be the file as it was planned."""
    copies = list(path.glob(f".janitor~run~*~{name}"))
    newest = max(copies, key=lambda copy: copy.stat().st_mtime_ns)
    with opened(path) as directory:
        plan = read_plan(directory, newest.name.split("~")[2], owners_of(directory))
    assert plan is not None
    assert next(each for each in plan.files if each.name == name).is_still(newest.lstat())
    return newest.read_bytes()
