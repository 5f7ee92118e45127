"""Jobs with our labels that this operator did not make: an earlier one's, or somebody's who writes our labels.

They count for nothing. A cleanup's Job is taken up where a tenant's claimed run names it by its uid; all others are
deleted, a few at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from baileys_janitor.controller.jobs.tracker import UID_MAX, has_ended
from baileys_janitor.controller.kube import decoding

Object = dict[str, Any]

KEPT = 1_000
"""Jobs that are remembered; of more, the cluster deletes those that end by their TTL."""
GRACE = 120.0
"""Seconds before a Job is deleted that another operator may still count on: the tenants' statuses are read by then."""
AGAIN = 60.0
"""Seconds until a deletion that failed is tried again."""
AT_ONCE = 4
"""Jobs that are deleted at one look."""


@dataclass(slots=True)
class Leftover:
    """A Job that nobody here knows; `due` is when it may be deleted, in monotonic seconds.

    `ended`: it has completed or failed.
    """

    namespace: str
    name: str
    uid: str
    action: str
    due: float
    ended: bool = False


class Leftovers:
    """Those Jobs by uid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, Leftover] = {}

    def __len__(self) -> int:
        return len(self._all)

    def note(self, job: Object, *, at_start: bool = False) -> None:
        """Take note of a Job. Scans and purges that are there at a start are deleted at once: they are made anew."""
        meta = decoding.part(job, "metadata")
        namespace, name = decoding.text(meta.get("namespace")), decoding.text(meta.get("name"))
        uid = decoding.text(meta.get("uid"), UID_MAX)
        if not (namespace and name and uid) or meta.get("deletionTimestamp"):
            self._all.pop(uid, None)
            return
        action = decoding.text(decoding.part(meta, "labels").get(ACTION_LABEL))
        grace = 0.0 if at_start and action != "clean" else GRACE
        due = self._clock.monotonic() + grace
        known = self._all.get(uid)
        if known is not None:
            known.due, known.ended = min(known.due, due), known.ended or has_ended(job)
        elif len(self._all) < KEPT:
            self._all[uid] = Leftover(namespace, name, uid, action, due, has_ended(job))

    def forget(self, uid: str) -> None:
        """Forget a Job that is gone."""
        self._all.pop(uid, None)

    def take(self, namespace: str, uid: str) -> Leftover | None:
        """Return the cleanup's Job with that uid, which is somebody's from now on."""
        found = self._all.get(uid)
        if found is None or found.namespace != namespace or found.action != "clean":
            return None
        return self._all.pop(uid)

    def due(self) -> list[Leftover]:
        """Return a few Jobs that are to be deleted now; each is given again later unless it is forgotten."""
        now = self._clock.monotonic()
        found = [one for one in self._all.values() if one.due <= now][:AT_ONCE]
        for one in found:
            one.due = now + AGAIN
        return found
