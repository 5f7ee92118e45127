"""A session, some repositories that count what is asked of them, and time that passes as a test says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.fetch import Wanted
from baileys_janitor.backup.known import read_known
from baileys_janitor.backup.results import BackupResult, Destination, Keep
from baileys_janitor.backup.run import back_up
from baileys_janitor.backup.stores.location import location_of
from baileys_janitor.backup.stores.repository import Repository, open_repository
from baileys_janitor.backup.stores.store import MOST_OBJECTS, PutResult, StoredObject
from tests.backup.sessions import RECIPIENT, session_in
from tests.volume.directories import NOW, opened

HOUR, DAY = 3600, 86_400


class Counted:
    """A store that counts what is asked of it, and refuses what it is told to."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.asked: list[str] = []
        self.refuses: dict[str, str] = {}

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.refuses:
            raise BackupProblem(self.refuses[what])

    def put(self, path: str, data: bytes, *, sha256: str) -> PutResult:
        self._ask("put")
        found: PutResult = self.store.put(path, data, sha256=sha256)
        return found

    def list_objects(
        self, prefix: str, *, most: int = MOST_OBJECTS, doubt_empty: bool = False
    ) -> Sequence[StoredObject]:
        self._ask("list")
        found: Sequence[StoredObject] = self.store.list_objects(prefix, most=most)
        return found

    def get(self, path: str, *, limit_bytes: int) -> Iterator[bytes]:
        self._ask("get")
        found: Iterator[bytes] = self.store.get(path, limit_bytes=limit_bytes)
        return found

    def delete(self, paths: Sequence[str]) -> None:
        self._ask("delete")
        self.store.delete(paths)


class Place:
    """A session and some repositories, and time that passes as a test says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.session = session_in(home / "acme")
        self.now = float(NOW)
        self.stores: dict[str, Counted] = {}
        self.destinations: list[Destination] = []
        self.add("moscow")

    def add(self, name: str) -> Counted:
        path = self.home / name
        path.mkdir()
        location = location_of(str(path))
        counted = Counted(open_repository(str(path), environ={})._store)
        self.stores[name] = counted
        self.destinations.append(Destination(name, Repository(counted, location)))
        return counted

    @property
    def store(self) -> Counted:
        return self.stores["moscow"]

    def back_up(self, **more: Any) -> BackupResult:
        settings: dict[str, Any] = {
            "tenant": "acme",
            "destinations": self.destinations,
            "recipients": [RECIPIENT],
            "keep": Keep(),
            "now": self.now,
            "pause": lambda _: None,
            **more,
        }
        with opened(self.session) as directory:
            return back_up(directory, **settings)

    def archives(self, name: str = "moscow") -> list[str]:
        return sorted(os.listdir(self.home / name / "server" / "acme"))

    def change(self) -> None:
        (self.session / "pre-key-9.json").write_text(f'{{"at":{self.now}}}')


def wanted(place: Place, **more: Any) -> Wanted:
    with opened(place.session) as directory:
        return Wanted("server", "acme", read_known(directory), **more)
