"""A session directory as the tests see it: independent of the package's own reading of names."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

#: What no cleanup may change, by the beginning of the name.
UNTOUCHABLE = (
    "creds.json",
    "app-state-sync-",
    "lid-mapping-",
    "device-list-",
    "tctoken-",
    "identity-key-",
)

#: The tenant's own users in every fixture, as they stand in names.
OWN_USERS = ("12015550100", "240000000000000_1")


class Written(NamedTuple):
    """One file's content and time of its last write."""

    digest: str
    mtime_ns: int


def snapshot(session: Path) -> dict[str, Written]:
    """Every regular file directly in the directory."""
    return {
        path.name: Written(
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in session.iterdir()
        if path.is_file() and not path.name.startswith((".cleanup.lock", ".janitor~"))
    }


def untouchable(files: dict[str, Written]) -> dict[str, Written]:
    """Files that must be the same after anything the janitor does."""
    return {name: file for name, file in files.items() if name.startswith(UNTOUCHABLE)}


def names(files: dict[str, Written], prefix: str) -> set[str]:
    """Names of one kind; sender-key-memory is no sender-key."""
    return {
        name
        for name in files
        if name.startswith(prefix)
        and not (prefix == "sender-key-" and name.startswith("sender-key-memory-"))
    }


def age_days(file: Written, now: float) -> float:
    """Days since the last write."""
    return (now - file.mtime_ns / 1e9) / 86_400


def counted(files: dict[str, Written]) -> int:
    """The documented count: what exceeds 50 pre-keys and 65 protected files weighs nothing."""
    pre_keys = len(names(files, "pre-key-"))
    protected = len(untouchable(files)) - ("creds.json.bak" in files)
    return len(files) - max(0, pre_keys - 50) - max(0, protected - 65)


def janitor(command: str, session: Path, *options: str) -> dict[str, Any]:
    """Run the command line on one directory; its JSON document."""
    arguments = [sys.executable, "-m", "baileys_janitor", command, str(session), *options]
    done = subprocess.run([*arguments, "-o", "json"], capture_output=True, text=True)
    assert done.stdout, f"exit code {done.returncode}: {done.stderr}"
    document: dict[str, Any] = json.loads(done.stdout)
    return document
