"""A million files are counted in bounded memory and little time; cleaning them is refused.

The ordinary run takes 400,000, twice as many as may be cleaned.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.all_checks import ALL_CHECKS
from tests.volume.directories import build

MANY = 1_000_000 if ALL_CHECKS else 400_000
MEMORY_MIB = 160

LOOK = """
import sys
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations
from baileys_janitor.volume.files.safe_open import open_session
directory = open_session(sys.argv[1])
clean = operations.clean(directory, DEFAULTS, run="r1", now=2e9)
scan = clean.scan
# Not getrusage: that counts what the process was before it became this program, a whole test worker.
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
print(scan.total, scan.bytes, scan.by_kind[4], clean.outcome, clean.code, peak)
"""


def look(path: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def make(path: Path, files: int) -> Path:
    """Names are what counts, so all are links to one empty file: quick to make and to forget."""
    directory = os.open(build(path, {"creds.json": 3600}), os.O_RDONLY)
    os.close(os.open("session-1.0.json", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    for number in range(2, files):
        os.link(
            "session-1.0.json",
            f"session-{number}.0.json",
            src_dir_fd=directory,
            dst_dir_fd=directory,
        )
    os.close(directory)
    return path


def test_too_many_files_are_counted_and_cleaning_is_refused(
    small_disk: Callable[[str], Path],
) -> None:
    session = make(small_disk("size=1g,nr_inodes=0") / "session", MANY)
    total, size, in_sessions, outcome, code, peak = look(session)
    assert (total, size, in_sessions) == (str(MANY), "None", str(MANY - 1))
    assert (outcome, code) == ("Refused", "TooManyFiles")
    assert int(peak) < MEMORY_MIB
