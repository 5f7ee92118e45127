"""The Jobs under way, and Jobs with our labels that this operator did not create."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.names import GROUP
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL, Member
from baileys_janitor.tenants.fault import Fault

Object = dict[str, Any]

LEFTOVERS_MAX = 1_000
"""Maximum number of remembered Jobs; the cluster deletes further ones by their TTL."""
GRACE_SECONDS = 120.0
"""Seconds before a Job is deleted that another operator may still need: the tenants' statuses are read by then."""
CLEANUPS = frozenset({"clean", "keys-clean"})
"""Actions whose run is claimed first."""
BACKUP_ACTIONS = frozenset({"backup", "drill"})
"""Actions of the Jobs of backups."""
OBJECT_STORE_ACTIONS = BACKUP_ACTIONS | {"restore"}
"""Actions of the Jobs that reach object stores."""
DELETE_AGAIN_SECONDS = 60.0
"""Seconds until a deletion that failed is tried again."""
DELETED_AT_ONCE = 4
"""Jobs that are deleted in one pass."""


@dataclass(slots=True)
class Leftover:
    """A Job that this operator does not know; `due` is when it may be deleted, in monotonic seconds.

    `ended`: it has completed or failed.
    """

    namespace: str
    name: str
    uid: str
    action: str
    due: float
    ended: bool = False
    suspended: bool = False


class Leftovers:
    """Those Jobs by uid. `kept` are actions whose Jobs may be adopted; others are created again."""

    def __init__(self, clock: Clock, kept: frozenset[str] = CLEANUPS) -> None:
        self._clock = clock
        self._kept = kept
        self._all: dict[str, Leftover] = {}

    def __len__(self) -> int:
        return len(self._all)

    def note(self, job: Object, *, at_start: bool = False) -> None:
        """Record a Job. Scans and purges that exist at a start are deleted at once: they are created again."""
        meta = decoding.part(job, "metadata")
        namespace, name = decoding.text(meta.get("namespace")), decoding.text(meta.get("name"))
        uid = decoding.text(meta.get("uid"), UID_MAX)
        if not (namespace and name and uid) or meta.get("deletionTimestamp"):
            self._all.pop(uid, None)
            return
        action = decoding.text(decoding.part(meta, "labels").get(ACTION_LABEL))
        kept = action in self._kept or action in BACKUP_ACTIONS
        grace = 0.0 if at_start and not kept else GRACE_SECONDS
        due = self._clock.monotonic() + grace
        known = self._all.get(uid)
        if known is not None:
            known.due, known.ended = min(known.due, due), known.ended or has_ended(job)
            known.suspended = is_suspended(job)
        elif len(self._all) < LEFTOVERS_MAX:
            self._all[uid] = Leftover(
                namespace, name, uid, action, due, has_ended(job), is_suspended(job)
            )

    def forget(self, uid: str) -> None:
        """Remove a Job that is gone."""
        self._all.pop(uid, None)

    def take(self, namespace: str, uid: str) -> Leftover | None:
        """Return the Job with that uid if it may be adopted; its result counts from now on."""
        found = self._all.get(uid)
        if found is None or found.namespace != namespace or found.action not in self._kept:
            return None
        return self._all.pop(uid)

    def of_backups(self) -> list[Leftover]:
        """Return the Jobs of backups and drills."""
        return [one for one in self._all.values() if one.action in BACKUP_ACTIONS]

    def due(self) -> list[Leftover]:
        """Return a few Jobs to delete now; each is returned again later unless `forget` removes it."""
        now = self._clock.monotonic()
        found = [one for one in self._all.values() if one.due <= now][:DELETED_AT_ONCE]
        for one in found:
            one.due = now + DELETE_AGAIN_SECONDS
        return found


JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
UID_MAX = 128
"""Maximum characters of a uid; the API server's have 36."""


@dataclass(slots=True)
class TrackedJob:
    """One Job of the janitor, from its creation until it is deleted."""

    namespace: str
    name: str
    action: str
    members: list[Member]
    run: str | None = None
    created: float = 0.0
    used: frozenset[str] = frozenset()
    """Names of the members whose claim a running pod used when the Job was created."""
    claims: tuple[str, ...] = ()
    """Its claims in the order of the mounts; empty when it was adopted."""
    urgent: bool = False
    """Whether it is an Emergency or a requested cleanup, for which slots are reserved."""
    uid: str | None = None
    """The Job's uid; None while the API server has not answered. A Job with another uid is not this one."""
    overheard: bool = False
    """Whether there may have been events of it that could not be matched yet."""
    heard: int = 0
    """How many states of its pod have been processed."""
    pod: str | None = None
    placed_at: float | None = None
    """Since when its pod has had a node."""
    started: float | None = None
    trouble: Fault | None = None
    suspended: bool = False
    """Whether somebody has suspended it, which removes its pod."""
    failed_at: float | None = None
    """Since when the Job is known to have failed without a pod that reports the reason."""
    asked: bool = False
    ask_at: float = 0.0
    sought: bool = False
    settled: bool = False
    """Whether its result, or its failure, has been recorded; it only remains to delete it."""
    deleting: bool = False
    deleted_at: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name)."""
        return self.namespace, self.name

    @property
    def shared(self) -> bool:
        """Whether several tenants depend on it."""
        return len(self.members) > 1

    @property
    def pending(self) -> bool:
        """Whether its pod has not begun to run."""
        return not self.settled and self.started is None

    def shift(self, step: float) -> None:
        """Move its times with the clock, which was set by `step` seconds."""
        self.created += step
        self.ask_at += step if self.ask_at else 0.0
        for name in ("placed_at", "started", "failed_at", "deleted_at"):
            when = getattr(self, name)
            if when is not None:
                setattr(self, name, when + step)


class JobTracker:
    """The Jobs under way by (namespace, name).

    Only this operator's own Jobs are tracked: those that it has created, and the Job whose uid a tenant's claimed run
    has. Labels and annotations are for people and selectors, since everybody can write them.
    """

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], TrackedJob] = {}

    def __iter__(self) -> Iterator[TrackedJob]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return sum(not tracked.settled for tracked in self._all.values())

    @property
    def pending(self) -> int:
        """The number of Jobs whose pod has not begun to run."""
        return sum(tracked.pending for tracked in self._all.values())

    def add(self, tracked: TrackedJob) -> TrackedJob:
        """Track a Job."""
        self._all[tracked.key] = tracked
        return tracked

    def get(self, namespace: str, name: str | None) -> TrackedJob | None:
        """Return the Job under way with that name."""
        return self._all.get((namespace, name)) if name else None

    def find(self, namespace: str, name: str, uid: str) -> TrackedJob | None:
        """Return the Job under way with that uid; None for another Job of the same name.

        A Job whose creation has not been answered yet records that an event came which may be its own.
        """
        tracked = self._all.get((namespace, name))
        if tracked is None or not uid:
            return None
        if tracked.uid is None:
            tracked.overheard = True
            return None
        return tracked if tracked.uid == uid else None

    def drop(self, tracked: TrackedJob) -> None:
        """Drop a Job that is gone, or was never created."""
        if self._all.get(tracked.key) is tracked:
            del self._all[tracked.key]

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds."""
        for tracked in self._all.values():
            tracked.shift(step)


def job_of(pod: Object) -> tuple[str, str] | None:
    """Return (name, uid) of the Job that controls a pod; None if there is none."""
    for owner in decoding.objects(decoding.part(pod, "metadata").get("ownerReferences")):
        if owner.get("controller") is True and owner.get("kind") == "Job":
            name, uid = decoding.text(owner.get("name")), decoding.text(owner.get("uid"), UID_MAX)
            return (name, uid) if name and uid else None
    return None


OPERATION_LABEL = f"{GROUP}/operation"
"""The label of an operation's Job: the uid of the operation. It is used only to route events."""


def is_of_operation(body: Object) -> bool:
    """Return whether a Job or pod has the label of an operation's Job."""
    return OPERATION_LABEL in decoding.part(body, "metadata", "labels")


STORE_ACTIONS = frozenset({"keys-scan", "keys-clean"})
"""Actions of the Jobs of key stores."""


STORE_BACKUP_ACTIONS = frozenset({"keys-backup", "keys-drill"})
"""Actions of the Jobs of key stores' backups."""

SET_ACTIONS = frozenset({"list"})
"""Actions of the Jobs of tenant sets, which supervise them themselves."""


def is_of_set(body: Object) -> bool:
    """Return whether a Job or pod has the label of a Job of a set of tenants."""
    labels = decoding.part(body, "metadata", "labels")
    return decoding.text(labels.get(ACTION_LABEL)) in SET_ACTIONS


def is_of_backup(body: Object) -> bool:
    """Return whether a Job or pod has the label of a backup's Job."""
    labels = decoding.part(body, "metadata", "labels")
    return decoding.text(labels.get(ACTION_LABEL)) in BACKUP_ACTIONS


def is_of_store(body: Object) -> bool:
    """Return whether a Job or pod has the label of a key store's Job."""
    labels = decoding.part(body, "metadata", "labels")
    return decoding.text(labels.get(ACTION_LABEL)) in STORE_ACTIONS


def is_of_store_backup(body: Object) -> bool:
    """Return whether a Job or pod has the label of a Job of a key store's backups."""
    labels = decoding.part(body, "metadata", "labels")
    return decoding.text(labels.get(ACTION_LABEL)) in STORE_BACKUP_ACTIONS


def is_of_tenant(body: Object) -> bool:
    """Return whether a Job or pod is of none of the other kinds: a scan, cleanup, purge or copy."""
    others = (is_of_store, is_of_store_backup, is_of_backup, is_of_operation, is_of_set)
    return not any(is_of(body) for is_of in others)


def has_ended(job: Object) -> bool:
    """Return whether a Job has completed or failed."""
    conditions = decoding.objects(decoding.part(job, "status").get("conditions"))
    return any(
        decoding.text(one.get("type")) in {"Failed", "Complete"} and one.get("status") == "True"
        for one in conditions
    )


def is_suspended(job: Object) -> bool:
    """Whether somebody has suspended a Job."""
    return decoding.part(job, "spec").get("suspend") is True
