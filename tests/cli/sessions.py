"""Real session directories for the command line's tests, and ways to run it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.policy.files.own_groups import own_groups
from tests.real.sessions import unpack
from tests.running_time import remember

STEERING = ("BAILEYS_", "DRY_RUN", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_")
"""How the variables begin that change what the command line does."""


class Done(NamedTuple):
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """The environment without anything that steers the command line, plus `variables`."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(STEERING)}
    return {**plain, "TERM": "xterm", **variables}


def janitor(*arguments: object, env: Mapping[str, str] | None = None) -> Done:
    """Run `baileys-janitor` as its users do, in a process of its own with both streams piped."""
    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", *map(os.fsencode, map(str, arguments))],
        capture_output=True,
        env=environment(**(env or {})),
        timeout=60,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def terminal(
    *arguments: object, env: Mapping[str, str] | None = None, columns: int = 0
) -> tuple[int, str]:
    """Run `baileys-janitor` at a terminal of its own; the exit code and all that it showed.

    The terminal has so many columns; with 0 it does not tell.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "baileys_janitor", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**(env or {})),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 1 << 16):
            shown += part
    except OSError:  # Linux ends a terminal that nobody holds any more with EIO
        pass
    finally:
        os.close(ours)
    return process.wait(timeout=60), shown.decode()


def company(root: Path, name: str, scenario: str) -> Path:
    """A `company_*` directory beneath `root` that holds a genuine session.

    Its tenant is known to have run for months, so that a cleanup finds all that is old. Besides the
    fixtures: `corrupt` and `stopped` (for 20 days) are the small session `old`, made so. Each has a pairing of its own
    and is closed to other users.
    """
    session = root / f"company_{name}"
    if scenario == "corrupt":
        unpack("old", session)
        os.truncate(session / "creds.json", 100)
    elif scenario == "stopped":
        unpack("old", session, now=time.time() - 20 * 86_400)
        paired_anew(session)
    else:
        unpack(scenario, session)
        paired_anew(session)
        remember(session)
    session.chmod(0o700)
    return session


def paired_anew(session: Path) -> None:
    """Give a session's creds.json another pairing, so that no two directories hold the same; the time stays."""
    file = session / "creds.json"
    creds, found = json.loads(file.read_bytes()), file.stat()
    creds["registrationId"] = zlib.crc32(os.fsencode(session))
    file.write_text(json.dumps(creds))
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def mended(session: Path) -> Path:
    """Remove memory files whose group has lost its key, as a cleanup does."""
    identity = read_identity((session / "creds.json").read_bytes())
    entries = [Entry.of(path.name, path.stat().st_size, 0, 0, 0) for path in session.iterdir()]
    for group in own_groups(entries, identity).values():
        if group.broken and group.memory is not None:
            (session / group.memory.name).unlink()
    return session


def snapshot(directory: Path) -> dict[str, tuple[bytes, int, int]]:
    """Everything beneath a directory: content, modification time and inode of every file."""
    return {
        str(path.relative_to(directory)): (
            path.read_bytes() if path.is_file() else b"",
            path.lstat().st_mtime_ns,
            path.lstat().st_ino,
        )
        for path in sorted(directory.rglob("*"))
    }


def files_of(session: Path) -> set[bytes]:
    """The names of a directory's session files, without the janitor's own."""
    names = os.listdir(os.fsencode(session))
    return {name for name in names if not name.startswith((b".janitor~", b".cleanup"))}


def numbers_in_names(directories: Sequence[Path]) -> set[str]:
    """Every user and group number that the names of these directories' files hold."""
    numbers: set[str] = set()
    for directory in directories:
        for path in directory.rglob("*"):
            digits = "".join(c if c.isdigit() else " " for c in path.name).split()
            numbers.update(number for number in digits if len(number) > 6)
    return numbers
