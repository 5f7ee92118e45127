"""The status of a tenant as stored in the API server, packed, with the few values that are read often."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from baileys_janitor.api.conditions.backup_conditions import BACKUP_CONDITIONS
from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.tenants.packed_json import RECENT, pack, unpack

Object = dict[str, Any]


@dataclass(slots=True)
class StoredStatus:
    """The stored status of one resource; `reader` reads the statuses of its kind."""

    reader: StatusReader = decoding.TENANT

    packed: bytes = b""
    known: str | None = None
    """The field `backup.known`, kept separately: it is larger than all the rest, and the record has the same text."""
    level: str | None = None
    generation: int = -1
    readiness: str | None = None
    """The reason of the stored condition Ready."""
    counted: int | None = None
    signs: tuple[str, ...] = ()
    """The stored conditions that are True, except Ready and the level: read at every scrape."""
    failing: tuple[tuple[str, str], ...] = ()
    """Type and reason of the stored backup conditions that are False: read at every scrape."""
    sending: Object | None = None
    """The status on its way to the API server, until that has answered."""
    written_at: float = 0.0
    editions: int = 0
    """How often the status was loaded again: at first sight, and whenever another operator has acted."""
    stale: bool = False
    """Whether the resource must be read again before a write."""
    unwritten: bool = False
    """Whether a result has arrived that is not in the status yet."""

    @property
    def status(self) -> Object:
        """The readable part of the stored status. Do not change it in place."""
        return _readable(self.reader, self.packed, self.known)

    def field(self, name: str) -> Any:
        """Return one field of the stored status without unpacking the others. Do not change it."""
        return self.reader.field(_whole(self.packed, self.known), name)

    @property
    def raw(self) -> Object:
        """The status as stored in the API server, valid or not: the base of a patch."""
        return _whole(self.packed, self.known)

    @property
    def promises(self) -> tuple[float | None, float | None]:
        """When the next scan and the next cleanup are due according to the stored status (Unix seconds)."""
        status = self.status
        return from_rfc3339(status.get("nextScanTime")), from_rfc3339(status.get("nextCleanupTime"))

    def take(self, status: Object) -> None:
        """Replace the stored status."""
        self.known = _known(status)
        self.packed = pack(status if self.known is None else _without_known(status))
        read = self.reader.field
        self.level = read(status, "level")
        generation = read(status, "observedGeneration")
        self.generation = -1 if generation is None else generation
        conditions = read(status, "conditions") or []
        self.readiness = (find(conditions, "Ready") or {}).get("reason")
        self.counted = (read(status, "files") or {}).get("counted")
        said = (one["type"] for one in conditions if one["status"] == "True")
        self.failing = tuple(
            (sys.intern(one["type"]), sys.intern(one["reason"]))
            for one in conditions
            if one["status"] == "False" and one["type"] in BACKUP_CONDITIONS
        )
        self.signs = tuple(sys.intern(kind) for kind in said if kind not in {"Ready", self.level})

    def share(self, known: str | None) -> None:
        """Use the record's own text if it is the same."""
        if known == self.known:
            self.known = known

    def take_anew(self, status: Object) -> None:
        """Replace the stored status by one that another operator has written."""
        self.editions += 1
        self.take(status)

    def send(self, status: Object | None) -> None:
        """Record the status that is on its way to the API server; None after the answer."""
        self.sending = status

    def written(self, now: float) -> None:
        """Record that the API server has stored everything."""
        self.written_at = now

    def want_write(self, unwritten: bool = True) -> None:
        """Record whether a change is not in the stored status yet."""
        self.unwritten = unwritten

    def doubt(self, stale: bool = True) -> None:
        """Record whether the resource must be read again before a write."""
        self.stale = stale

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.written_at += step if self.written_at else 0.0

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        self.written_at = min(self.written_at, now)


@lru_cache(RECENT)
def _readable(reader: StatusReader, packed: bytes, known: str | None) -> Object:
    return reader.read(_whole(packed, known))


def _known(status: Object) -> str | None:
    known = decoding.mapping(status.get("backup")).get("known")
    return known if isinstance(known, str) else None


def _without_known(status: Object) -> Object:
    return {**status, "backup": {k: v for k, v in status["backup"].items() if k != "known"}}


def _whole(packed: bytes, known: str | None) -> Object:
    found: Object = unpack(packed) or {}
    if known is None:
        return found
    return {**found, "backup": {**found["backup"], "known": known}}
