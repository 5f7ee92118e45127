"""The record of one operation: the request, the stored answer, and the changes still to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from baileys_janitor.api.operations.spec import OperationSpec
from baileys_janitor.api.operations.status import ENDED, PENDING, OperationStatus
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.api.values.timestamps import from_rfc3339

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name)."""
UID_MAX = 128
GENERATION_MAX = 2**62

READER = StatusReader(OperationStatus)
"""Reads the statuses of operations."""


@dataclass(slots=True, eq=False)
class OperationRecord:
    """One unfinished `BaileysOperation`. Times are Unix seconds."""

    namespace: str
    name: str
    uid: str
    created: float
    seen_at: float
    generation: int
    tenant_name: str
    spec: OperationSpec | None
    """None if this operator does not understand it."""
    status: Object
    """The valid part of the stored status."""
    version: str = ""
    owners: tuple[Object, ...] = ()
    wanted: Object | None = None
    """The status to be written; None if it is the stored one."""
    busy: bool = False
    """Whether a step for it is under way."""
    doubtful: bool = False
    """Whether the stored status is unknown, so that it must be read again first."""
    retry_at: float = 0.0
    """No attempt before this time."""
    failures: int = 0
    """Failed attempts in a row."""
    attempts: int = 0
    """Jobs without a result."""
    job: str | None = None
    """Name of the Job under way."""
    asked_at: float | None = None
    """Since when its backup or its drill is requested; None while this operator has not passed that on."""
    in_doubt: bool = False
    """Whether another Job of it may exist whose result nobody has read."""

    @property
    def action(self) -> str:
        """The requested action; empty if it is not understood."""
        return "" if self.spec is None else self.spec.action

    @property
    def key(self) -> Key:
        """(namespace, name)."""
        return self.namespace, self.name

    @property
    def tenant_key(self) -> Key:
        """(namespace, name) of the tenant."""
        return self.namespace, self.tenant_name

    @property
    def text(self) -> str:
        """namespace/name, for logs."""
        return f"{self.namespace}/{self.name}"

    @property
    def current(self) -> Object:
        """The status as it is, or is to be."""
        return self.status if self.wanted is None else self.wanted

    @property
    def phase(self) -> str:
        """Its phase; an operation that was never processed is pending."""
        return str(self.current.get("phase") or PENDING)

    @property
    def ended(self) -> bool:
        """Whether it is finished, even if that is not stored yet."""
        return self.phase in ENDED

    @property
    def phase_since(self) -> float:
        """Since when it waits for its turn; after its beginning, since then."""
        begun = from_rfc3339(self.current.get("startTime"))
        return self.created if begun is None or self.phase == PENDING else begun

    @property
    def run(self) -> str | None:
        """The id of the claimed run."""
        return self.current.get("run")

    @property
    def job_uid(self) -> str | None:
        """The uid of its Job."""
        return decoding.part(self.current, "job").get("uid")

    @property
    def order(self) -> tuple[bool, float, str]:
        """The sort key of the operations of one tenant: one that has begun comes first, then the oldest."""
        return self.phase == PENDING, self.created, self.name

    def take(self, body: Object) -> None:
        """Read the resource from an event or an answer; the caller has checked that it is this operation's."""
        meta = decoding.part(body, "metadata")
        self.version = decoding.text(meta.get("resourceVersion"))
        self.owners = tuple(decoding.objects(meta.get("ownerReferences")))
        status = READER.read(decoding.mapping(body.get("status")))
        if self.wanted is not None and status != self.status:
            # This operator's own write, or another operator has acted: the stored status counts.
            self.wanted = None
        self.status = status

    def wait(self, until: float) -> None:
        """Make no attempt before a time."""
        self.retry_at = until

    def shift(self, step: float) -> None:
        """Move the times with the clock, which was set by `step` seconds."""
        self.seen_at += step
        self.asked_at = None if self.asked_at is None else self.asked_at + step
        self.retry_at += step if self.retry_at else 0.0


def read(body: Object, now: float) -> OperationRecord:
    """Return the record of an operation that is seen for the first time."""
    meta = decoding.part(body, "metadata")
    given = decoding.mapping(body.get("spec"))
    found = OperationRecord(
        namespace=decoding.text(meta.get("namespace")),
        name=decoding.text(meta.get("name")),
        uid=decoding.text(meta.get("uid"), UID_MAX),
        created=from_rfc3339(meta.get("creationTimestamp")) or now,
        seen_at=now,
        generation=decoding.whole(meta.get("generation"), 1, GENERATION_MAX) or 1,
        tenant_name=decoding.text(given.get("tenant")),
        spec=_spec(given),
        status={},
    )
    found.take(body)
    return found


def _spec(given: Object) -> OperationSpec | None:
    """Return the spec; None if it is not understood, as with a CRD of another version."""
    try:
        return OperationSpec.model_validate(given)
    except ValidationError:
        return None
