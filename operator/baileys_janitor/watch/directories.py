"""Finds the session directories beneath the paths, and names them for logs, messages and metrics.

A name is the path beneath the root, and never a phone number.
"""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass, field

from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.roots import LINK, find_sessions
from baileys_janitor.watch.settings import WatchSettings

COMPANY_PREFIX = "company_"
NAME_MAX = 100
_PHONE = re.compile(r"\d{8,}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._/@+-]")
_SIGN_BYTES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A session directory: `path` beneath `root`, and its name."""

    root: str
    path: str
    name: str

    @property
    def full_path(self) -> str:
        """The absolute path, which identifies the directory."""
        return self.root if self.path == "." else os.path.join(self.root, self.path)  # noqa: PTH118


@dataclass(slots=True)
class Found:
    """The directories beneath the paths. `problems` are codes of `volume.errors` by unsearchable path."""

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


def name_of(root: str, path: str, key: bytes) -> str:
    """Return the name of the directory at `path` beneath `root`.

    The middle of long numbers, which may be phone numbers, is removed; to keep the names unique, a short hash under
    `key` follows. The key is kept in the state file.
    """
    plain = path if path != "." else os.path.basename(root.rstrip("/")) or "root"  # noqa: PTH119
    plain = plain.removeprefix(COMPANY_PREFIX) or plain
    safe = _UNSAFE.sub("_", _PHONE.sub(_hide, plain))[:NAME_MAX]
    return safe if safe == plain else f"{safe}~{signed(plain, key)}"


def signed(text: str, key: bytes) -> str:
    """Return a short hash of a text that cannot be computed without the key."""
    data = text.encode("utf-8", "surrogatepass")
    return hmac.digest(key, data, "sha256")[:_SIGN_BYTES].hex()


def _hide(match: re.Match[str]) -> str:
    number = match.group()
    return f"{number[:2]}...{number[-2:]}"


def label(text: str) -> str:
    """Return a host's name in the form of a label; "server" if that is not possible."""
    return _UNSAFE.sub("-", text).strip("-._/@+")[:63] or "server"
