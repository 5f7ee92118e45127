"""Sessions, keys and a repository for the tests of `backup`, `archives`, `drill` and `restore --from`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.backup.sessions import RECIPIENT, SECRET
from tests.cli.conftest import Run
from tests.cli.sessions import Done
from tests.cli.test_output import VALIDATOR


@dataclass
class Backups:
    """A root of sessions, and a directory that is the repository; `run` is the command in this process."""

    run: Run
    home: Path
    sessions: Path

    @property
    def store(self) -> Path:
        return self.home / "store"

    @property
    def key(self) -> Path:
        return self.home / "backup.key"

    def prepare(self) -> Backups:
        self.store.mkdir()
        self.key.write_text(f"# a comment\n{SECRET}\n")
        return self

    def back_up(self, *more: object, path: Path | None = None) -> Done:
        return self.run(
            "backup", path or self.sessions, "--to", self.store, "--recipient", RECIPIENT, *more
        )

    def archives(self, tenant: str) -> list[Path]:
        found = self.store / "server" / tenant
        return sorted(found.iterdir()) if found.exists() else []

    def record(self) -> Path:
        path = self.home / "fingerprints.txt"
        path.write_text(self.run("backup", "fingerprints", self.sessions).out)
        return path

    def restore(self, *arguments: object) -> Done:
        return self.run("restore", *arguments, "--from", self.store, "--identity", self.key)

    def drill(self, *arguments: object) -> Done:
        return self.run("drill", *arguments, "--from", self.store, "--identity", self.key)


def documents(done: Done) -> list[dict[str, Any]]:
    """The documents of a command that printed JSON, which keeps to the schema."""
    found = json.loads(done.out)
    VALIDATOR.validate(found)
    directories: list[dict[str, Any]] = found["directories"]
    return directories


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))


def names_in(path: Path) -> set[str]:
    """The session files of a directory, without the janitor's own."""
    return {name for name in os.listdir(path) if not name.startswith((".janitor~", ".cleanup"))}
