"""The list of directories to look after: additions and removals are each logged once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from baileys_janitor.tenants.record import Key
from baileys_janitor.volume.errors import SENTENCES
from baileys_janitor.watch.directories import Found, Place
from baileys_janitor.watch.record import DirectoryRecord

logger = logging.getLogger("janitor.watch")

FORGET_SECONDS = 86_400.0
"""Seconds for which a missing directory is remembered."""
NAMED_MAX = 5
"""The limit on new directories named in the log when many are added at once."""


class Roster:
    """The records of all directories, by key and by path; `problems` are codes by the paths that cannot be searched."""

    def __init__(self) -> None:
        self.records: dict[Key, DirectoryRecord] = {}
        self.by_path: dict[str, DirectoryRecord] = {}
        self.problems: dict[str, str] = {}

    def is_free(self, server: str, place: Place) -> bool:
        """Return whether the name is free."""
        return (server, place.name) not in self.records

    def put(self, place: Place, record: DirectoryRecord) -> None:
        """Add a record."""
        self.records[record.key] = record
        self.by_path[place.full_path] = record

    def update(
        self,
        server: str,
        roots: tuple[str, ...],
        found: Found,
        now: float,
        add: Callable[[Place], None],
        back: Callable[[DirectoryRecord], None],
    ) -> bool:
        """Compare with the result of a search; return whether that changed the list.

        `add` is called for each new one, `back` for each missing one that exists again.
        """
        self._tell_problems(roots, found.problems)
        here = {place.full_path: place for place in found.places}
        new = [
            place
            for path, place in here.items()
            if path not in self.by_path and self.is_free(server, place)
        ]
        for place in new:
            add(place)
        _tell_new(new)
        changed = bool(new)
        for path, record in list(self.by_path.items()):
            if path in here:
                if record.gone_since is not None:
                    logger.info("The session directory is back", extra={"tenant": record.name})
                    record.find_again()
                    back(record)
            elif record.root not in found.problems:
                changed = self._lose(path, record, now) or changed
        return changed

    def _lose(self, path: str, record: DirectoryRecord, now: float) -> bool:
        if record.gone_since is None:
            record.lose(now)
            logger.warning("A session directory is gone", extra={"tenant": record.name})
            return True
        if now - record.gone_since < FORGET_SECONDS or record.run is not None:
            return False
        logger.info("A session directory that is gone is forgotten", extra={"tenant": record.name})
        del self.by_path[path], self.records[record.key]
        return True

    def _tell_problems(self, roots: tuple[str, ...], problems: dict[str, str]) -> None:
        for root, code in problems.items():
            if self.problems.get(root) != code:
                number = roots.index(root) + 1
                said = SENTENCES.get(code, code)
                logger.warning("No directories can be looked for beneath path %d: %s", number, said)
        for root in self.problems.keys() - problems.keys():
            if root in roots:
                logger.info("Path %d can be searched again", roots.index(root) + 1)
        self.problems = dict(problems)


def _tell_new(new: list[Place]) -> None:
    if len(new) > NAMED_MAX:
        logger.info("%d more session directories are looked after", len(new))
        return
    for place in new:
        logger.info("A session directory is looked after", extra={"tenant": place.name})
