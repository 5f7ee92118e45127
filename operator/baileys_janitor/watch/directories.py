"""Finds the session directories beneath the paths, again and again: new ones come, and old ones go."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.roots import LINK, find_sessions
from baileys_janitor.watch.names import COMPANY_PREFIX, name_of, signed
from baileys_janitor.watch.settings import WatchSettings


@dataclass(frozen=True, slots=True)
class Place:
    """A session directory: `path` beneath `root`, and what it is called."""

    root: str
    path: str
    name: str

    @property
    def full_path(self) -> str:
        """Where it is: what a directory is known by."""
        return self.root if self.path == "." else os.path.join(self.root, self.path)  # noqa: PTH118


@dataclass(slots=True)
class Found:
    """What lies beneath the paths. `problems` are codes of `volume.errors` by the paths that cannot be searched."""

    places: list[Place] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def find(settings: WatchSettings, key: bytes) -> Found:
    """Return the session directories beneath the paths, each once; names are unique."""
    found = Found()
    seen: set[str] = set()
    taken: set[str] = set()
    for root in settings.roots:
        try:
            paths = _beneath(root, settings)
        except VolumeProblem as problem:
            found.problems[root] = problem.code
            continue
        for path in paths:
            name = name_of(root, path, key)
            place = Place(root, path, name)
            if place.full_path in seen or not _is_wanted(path, root, settings):
                continue
            seen.add(place.full_path)
            if name in taken:
                place = Place(root, path, f"{name}~{signed(place.full_path, key)}")
            taken.add(place.name)
            found.places.append(place)
    return found


def _beneath(root: str, settings: WatchSettings) -> list[str]:
    if not settings.nested:
        return ["."]
    sessions = find_sessions(root, settings.config.pattern).sessions
    return [each.path for each in sessions if each.looks != LINK]


def _is_wanted(path: str, root: str, settings: WatchSettings) -> bool:
    if not settings.companies:
        return True
    last = os.path.basename(root.rstrip("/") if path == "." else path)  # noqa: PTH119
    wanted = {each.removeprefix(COMPANY_PREFIX) for each in settings.companies}
    return bool(wanted & {last.removeprefix(COMPANY_PREFIX), path.removeprefix(COMPANY_PREFIX)})
