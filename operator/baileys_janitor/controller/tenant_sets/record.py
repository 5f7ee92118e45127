"""The record of one set of tenants, and the records of all. Times are Unix seconds."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

from pydantic import ValidationError

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.effective import Effective, EffectiveSettings
from baileys_janitor.api.config.merge import InvalidTenant, effective
from baileys_janitor.api.names import (
    CONFIRM_ANNOTATION,
    SET_KIND,
    SET_PLURAL,
    SET_SINGULAR,
    TOKEN_LENGTH,
)
from baileys_janitor.api.tenant_sets.spec import (
    DEFAULT_LIMIT,
    DEFAULT_PER_DAY,
    Claims,
    Directories,
    TenantSetSpec,
)
from baileys_janitor.api.tenant_sets.status import TenantSetStatus
from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.api.values.error_messages import first_problem
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.tenant_sets.plan import Memory, Plan, Wanted
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.tenants.cleanup_state import CleanupState
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import BaseRecord
from baileys_janitor.tenants.stored_status import StoredStatus

Object = dict[str, Any]

READER = StatusReader(TenantSetStatus)
"""Reads the statuses of sets."""
DEFAULT_INTERVAL_SECONDS = 300.0
_TEMPLATE_DIGITS = 16
_ANY_CLAIM = "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSet(EffectiveSettings):
    """The settings in force for a set."""

    source: Directories | Claims
    template: Object
    """The spec of every tenant without its volume."""
    wanted: Wanted
    interval: float

    def tenant(self, config: OperatorConfig, claim: str) -> Effective:
        """Return the settings of a tenant of the set on a claim: they determine the user of the Job that lists it."""
        return effective(config, self.template | {"volume": {"claimName": claim}}, "tenant")


def effective_set(config: OperatorConfig, spec: Object) -> EffectiveSet:
    """Return the settings of a set; raise InvalidTenant if the spec is invalid."""
    try:
        parsed = TenantSetSpec.model_validate(spec)
    except ValidationError as error:
        name, problem = first_problem(error, TenantSetSpec)
        where = f"spec.{name}" if name else "spec"
        raise InvalidTenant(where, f"{where} {problem}.") from None
    source = parsed.source.directories or parsed.source.claims
    if source is None or (parsed.source.directories and parsed.source.claims):
        raise InvalidTenant("spec.source", "spec.source: give one of directories and claims.")
    template: Object = {}
    if parsed.template is not None:
        template = parsed.template.model_dump(mode="json", by_alias=True, exclude_none=True)
    try:
        shared = effective(config, template | {"volume": {"claimName": _ANY_CLAIM}}, "tenant")
    except InvalidTenant as problem:
        where = problem.field.replace("spec", "spec.template", 1)
        message = problem.message.replace("spec.", "spec.template.", 1)
        raise InvalidTenant(where, message) from None
    limit = DEFAULT_LIMIT if parsed.limit is None else parsed.limit
    of_day = DEFAULT_PER_DAY if parsed.new_per_day is None else parsed.new_per_day
    interval = parsed.interval
    return EffectiveSet(
        suspend=bool(parsed.suspend),
        shared=shared.shared,
        source=source,
        template=template,
        wanted=Wanted(
            confirmed=bool(parsed.confirm),
            limit=limit,
            new_per_day=of_day,
            deletes=parsed.when_gone == "Delete",
            template=hash_of(template),
        ),
        interval=DEFAULT_INTERVAL_SECONDS if interval is None else float(interval.seconds),
    )


def hash_of(template: Object) -> str:
    """Return a short hash of a template."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:_TEMPLATE_DIGITS]


@dataclass(slots=True)
class SetLook:
    """The findings of the last pass, and the memory beyond it."""

    last: float | None = None
    plan: Plan | None = None
    unusable: int = 0
    known: frozenset[str] = frozenset()
    gone: dict[str, float] = field(default_factory=dict)
    handled: str | None = None
    """The last handled token of the annotation."""
    token: str | None = None
    """The present token."""
    more: bool = False
    """Whether so much is left to do that the next pass is due at once."""

    def memory(self) -> Memory:
        """Return the memory for a plan."""
        returning = self.token is not None and self.token != self.handled
        return Memory(self.known, self.gone, returning)

    def take(self, plan: Plan, unusable: int, now: float) -> None:
        """Record the findings and the planned actions."""
        self.plan, self.unusable, self.last = plan, unusable, now
        self.gone, self.more = dict(plan.gone), plan.more

    def settle(self, known: frozenset[str]) -> None:
        """Record the places that have a tenant now, and that the token was handled."""
        self.known, self.handled = known, self.token

    def see_token(self, token: str | None, *, first: bool) -> None:
        """Record the annotation; one that exists at the first sight came with the manifest."""
        self.token = token
        if first:
            self.handled = token

    def forget(self) -> None:
        """Forget the findings of another place."""
        self.plan, self.last, self.gone = None, None, {}

    def load(self, status: Object) -> None:
        """Load a stored status."""
        self.last = from_rfc3339(status["lastLookTime"])
        self.known = frozenset(status["known"] or ())
        self.gone = {
            str(each["mark"]): when
            for each in status["gone"] or ()
            if each.get("mark") and (when := from_rfc3339(each.get("since"))) is not None
        }
        self.handled = status["lastHandledConfirm"]

    def shift(self, step: float) -> None:
        """Move the times with the clock."""
        self.last = None if self.last is None else self.last + step

    def cut(self, now: float) -> None:
        """Cut times in the future."""
        self.last = None if self.last is None else min(self.last, now)
        self.gone = {mark: min(since, now) for mark, since in self.gone.items()}


@dataclass(slots=True)
class SetRecord(BaseRecord[EffectiveSet]):
    """One `BaileysTenantSet`."""

    kind: ClassVar[str] = SET_KIND
    plural: ClassVar[str] = SET_PLURAL
    log_field: ClassVar[str] = "tenantSet"
    unit: ClassVar[str] = "tenant"

    stored: StoredStatus = field(default_factory=lambda: StoredStatus(READER))
    look: SetLook = field(default_factory=SetLook)

    def __post_init__(self) -> None:
        self.cleanup = CleanupState(self.stored, "lastRun")

    @property
    def last_scan(self) -> float | None:
        """When its places were last listed, by any process."""
        return self.look.last

    @property
    def found(self) -> tuple[int, int] | None:
        """Counts of removable items: a set has none."""
        return None

    def load(self, stored: Object | None) -> None:
        """Load the stored status. Values of a wrong type or out of bounds are dropped, and learned again."""
        self.stored.take_anew(stored or {})
        names = ("lastLookTime", "known", "gone", "lastHandledConfirm")
        self.look.load({name: READER.field(stored, name) for name in names})

    def _parts(self) -> tuple[Any, ...]:
        return (*BaseRecord._parts(self), self.look)


class SetCache(RecordCache[SetRecord]):
    """The sets by (namespace, name), kept current by watch events."""

    kind = SET_SINGULAR

    def __init__(self, config: OperatorConfig) -> None:
        super().__init__(0.0)
        self._config = config

    def create(self, namespace: str, name: str, uid: str) -> SetRecord:
        """Return a new record; it replaces an earlier one of that name."""
        return SetRecord(namespace, name, uid)

    def respec(self, record: SetRecord, body: Object, now: float) -> None:
        """Process the spec and the annotation of a set."""
        token = decoding.annotation(body["metadata"], CONFIRM_ANNOTATION, TOKEN_LENGTH)
        first = record.resource.generation == 0
        record.look.see_token(token, first=first and record.new)
        spec = decoding.mapping(body.get("spec"))
        digest = zlib.crc32(repr(spec).encode("utf-8", "surrogatepass"))
        generation = decoding.whole(body["metadata"].get("generation"), 1, 2**62) or 1
        if (record.resource.digest, record.resource.generation) == (digest, generation):
            return
        was = record.effective
        record.resource.set_spec(generation, digest)
        try:
            wanted = effective_set(self._config, spec)
        except InvalidTenant as problem:
            record.resource.set_effective(None, Fault("InvalidSpec", problem.message))
            return
        record.resource.set_effective(wanted)
        if first:
            return
        if record.backoff.hurry(now) or was is None:
            record.backoff.set_fault(None)
        record.jobs.want_scan()
        if was is not None and was.source != wanted.source:
            record.look.forget()
