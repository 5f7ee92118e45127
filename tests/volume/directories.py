"""Session directories for the tests of this room: small, synthetic, of known ages."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from baileys_janitor.policy.settings import MaxRemovals, Settings
from baileys_janitor.volume.files.safe_open import open_session

NOW = float(int(time.time()))  # the trash's age is told by the file system's clock
HOUR = 3600
DAY = 86_400
OWN = "1100"
OWN_LID = "990011"
GROUP = "120363000000000001@g.us"
EVERYTHING = Settings(max_removals=MaxRemovals(100, 5_000))
PROTECTED = (
    "creds",
    "app-state-sync-",
    "lid-mapping-",
    "device-list-",
    "tctoken-",
    "identity-key-",
)


def credentials(key: str = "AAAA", **more: object) -> bytes:
    """The bytes of a paired creds.json."""
    return json.dumps(
        {
            "me": {"id": f"{OWN}:3@s.whatsapp.net", "lid": f"{OWN_LID}:3@lid"},
            "account": {"details": "x"},
            "signedIdentityKey": {"public": {"type": "Buffer", "data": key}},
            "registrationId": 17,
            "nextPreKeyId": 31,
            "firstUnuploadedPreKeyId": 31,
            **more,
        }
    ).encode()


def own_key(group: str = GROUP) -> str:
    return f"sender-key-{group}--{OWN_LID}_1--3.json"


def memory(group: str = GROUP) -> str:
    return f"sender-key-memory-{group}.json"


#: Name to age in seconds. Removable by the normal rules: 6 sessions, 5 sender keys, and one unit of two.
FILES: dict[str, float] = {
    "creds.json": HOUR,
    "app-state-sync-key-AAAAAP____.json": 40 * DAY,
    "app-state-sync-version-regular.json": 3 * DAY,
    "lid-mapping-2201.json": 30 * DAY,
    "lid-mapping-3301_reverse.json": 30 * DAY,
    "device-list-2201.json": 25 * DAY,
    "tctoken-2201@lid.json": 20 * DAY,
    "identity-key-2201.0.json": 28 * DAY,
    f"session-{OWN}.4.json": 29 * DAY,
    **{f"session-22{n:02}.0.json": n * DAY - 2 * HOUR for n in range(1, 21)},
    **{f"sender-key-{GROUP}--33{n:02}_1--0.json": n * DAY - 2 * HOUR for n in range(1, 9)},
    own_key(): 10 * DAY,
    memory(): 10 * DAY,
    own_key("120363000000000002@g.us"): HOUR,
    memory("120363000000000002@g.us"): HOUR,
    "session-2299.0.json": HOUR,
    "notes.txt": 50 * DAY,
}
#: What the default rules remove from FILES.
DUE = frozenset(
    {f"session-22{n:02}.0.json" for n in range(15, 21)}
    | {f"sender-key-{GROUP}--33{n:02}_1--0.json" for n in range(4, 9)}
    | {own_key(), memory()}
)


def content(name: str) -> bytes:
    return credentials() if name == "creds.json" else f'"{name}"'.encode()


def build(path: Path, files: dict[str, float] | None = None, now: float = NOW) -> Path:
    """A session directory with files of the given ages."""
    path.mkdir(parents=True, exist_ok=True)
    for name, age in (FILES if files is None else files).items():
        write(path / name, content(name), now - age)
    return path


def write(path: Path, data: bytes, mtime: float) -> None:
    path.write_bytes(data)
    os.utime(path, (mtime, mtime))


def forget(path: Path) -> None:
    """Take the janitor's memory of running times away: the listing alone decides, as at the first look."""
    (path / ".janitor~activity").unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The directory's descriptor, as the janitor opens it."""
    directory = open_session(str(path))
    try:
        yield directory
    finally:
        os.close(directory)


def held(path: Path) -> dict[str, bytes]:
    """What lies in the session directory itself: regular files by name."""
    return {name: data for name, data in _files(path).items() if not is_own(name)}


def _files(path: Path) -> dict[str, bytes]:
    files = {}
    with os.scandir(path) as found:
        for each in found:
            if each.is_file(follow_symlinks=False):
                with open(each.path, "rb", buffering=0) as file:
                    files[each.name] = file.read()
    return files


def is_own(name: str) -> bool:
    """Whether a name is one that the janitor leaves: its lock, or under its prefix."""
    return name == ".cleanup.lock" or name.startswith(".janitor~")


def trashed(path: Path) -> dict[str, bytes]:
    """What lies in the trash, whatever the run."""
    prefix = ".janitor~run~"
    files = _files(path).items()
    return {name.split("~", 3)[3]: data for name, data in files if name.startswith(prefix)}


def in_trash(path: Path, name: str, run: str = "r1") -> Path:
    """Where a removed file lies."""
    return path / f".janitor~run~{run}~{name}"


def protected(path: Path) -> dict[str, bytes]:
    """The files that no run may ever touch."""
    return {name: data for name, data in held(path).items() if name.startswith(PROTECTED)}


def no_memory_without_its_key(path: Path) -> bool:
    """What must never come about: a group's memory file without the tenant's own key."""
    names = held(path)
    groups = [name[len("sender-key-memory-") : -len(".json")] for name in names if "memory" in name]
    return all(own_key(group) in names for group in groups)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory in memory where there is one: the loops below sync to the disk thousands of times."""
    memory_disk = Path("/dev/shm")
    parent = memory_disk if os.access(memory_disk, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="janitor-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
