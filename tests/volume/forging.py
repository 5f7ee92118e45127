"""What somebody hostile who may write to one volume can put there: state as the janitor would have made it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.volume.files.run_plan import Planned, plan_bytes
from baileys_janitor.volume.report.codec import clean_groups
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs import journal as journals
from tests.volume.directories import NOW, credentials, in_trash

FINGERPRINT = read_identity(credentials()).fingerprint


def begin(path: Path, run: str, fingerprint: str = FINGERPRINT, now: float = NOW) -> None:
    """Let the journal say that a run began."""
    append(path, journals._line("begin", int(now), f"{run},Daily,{fingerprint}"))


def end(path: Path, run: str, now: float = NOW, removed: int = 1) -> None:
    """Let the journal say that a run ended."""
    result = CleanResult(run, "Completed", time=int(now), removed=removed)
    append(path, journals._line("end", int(now), ";".join(clean_groups(result, int(now))[:2])))


def append(path: Path, line: str) -> None:
    """Add to the journal."""
    with (path / ".janitor~journal").open("a") as file:
        file.write(line)


def plan(path: Path, run: str, files: Sequence[Planned], now: float = NOW) -> None:
    """Write a plan with a right checksum, whatever it names."""
    (path / f".janitor~plan~{run}").write_bytes(plan_bytes(files, int(now)))


def planned(path: Path, name: str, run: str, unit: int = 0) -> Planned:
    """Return what a plan would say of a file that lies in the trash."""
    found = in_trash(path, name, run).lstat()
    return Planned(name, unit, found.st_ino, found.st_mtime_ns, found.st_size)


def finished_run(path: Path, run: str, names: Sequence[str], now: float = NOW) -> None:
    """Put files into the trash of a run that ended, with plan and journal in order."""
    for name in names:
        in_trash(path, name, run).write_bytes(name.encode())
    files = [planned(path, name, run, unit) for unit, name in enumerate(names)]
    plan(path, run, files, now)
    begin(path, run, now=now)
    end(path, run, now, removed=len(names))


def make_socket(path: Path) -> None:
    """Make a socket; its path may be longer than a socket's can be."""
    here = os.open(".", os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as unix:
        os.chdir(path.parent)
        try:
            unix.bind("s")
            Path("s").rename(path.name)
        finally:
            os.fchdir(here)
            os.close(here)


def make_huge(path: Path) -> None:
    """Make a file that says it has a terabyte, and takes no room."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


def make_directory(path: Path) -> None:
    """Make a directory with something in it."""
    path.mkdir()
    (path / "creds.json").write_text("inside")


#: What can bear a name besides a file of ours.
KINDS: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
    "a link to a file": lambda path: path.symlink_to("creds.json"),
    "a link to a directory": lambda path: path.symlink_to("/"),
    "a hard link": lambda path: path.hardlink_to(path.parent / "notes.txt"),
    "a directory": make_directory,
    "a huge file": make_huge,
    "an empty file": lambda path: path.touch(),
    "a file of another user": lambda path: (
        (path.write_bytes(b"x"), os.chown(path, 4321, 4321))[0] and None
    ),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 99) and None,
}
