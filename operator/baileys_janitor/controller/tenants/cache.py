"""All tenants, and the workqueue of their due times."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.effective import Effective
from baileys_janitor.api.config.last_valid import InForce, in_force
from baileys_janitor.api.names import SINGULAR
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.tenants.directories import Directories, age
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.notify.routes import labels_asked
from baileys_janitor.tenants.record import Key, TenantRecord

Object = dict[str, Any]


class TenantCache(RecordCache[TenantRecord]):
    """The tenants by (namespace, name), kept current by watch events."""

    kind = SINGULAR

    def __init__(self, config: OperatorConfig) -> None:
        super().__init__(config.daily_jitter.seconds)
        self._config = config
        self._labels_asked = labels_asked(config.notifications)
        self.tenants = self.records
        self._by_namespace: dict[str, dict[str, TenantRecord]] = {}
        self._directories = Directories()

    def create(self, namespace: str, name: str, uid: str) -> TenantRecord:
        """Return a new record; it replaces an earlier one of that name."""
        known = self.tenants.get((namespace, name))
        if known is not None:
            self._forget_directory(known)
        tenant = TenantRecord(namespace, name, uid)
        self._by_namespace.setdefault(namespace, {})[name] = tenant
        return tenant

    def routed_by(self, meta: Object) -> dict[str, str] | None:
        """Return the labels that notification routes select by; None for none."""
        labels = decoding.part(meta, "labels") if self._labels_asked else {}
        asked = {k: decoding.text(labels[k]) for k in self._labels_asked if k in labels}
        return asked or None

    def restored(self, record: TenantRecord) -> None:
        """Start again if the stored figures are of another directory."""
        if record.effective is not None and _elsewhere(record.stored.status, record.effective):
            record.move()

    def first_seen(self, record: TenantRecord, stored: Object) -> None:
        """Load the last valid spec from the status."""
        record.resource.remember(decoding.status_field(stored, "lastValid"))

    def respec(self, record: TenantRecord, body: Object, now: float) -> None:
        """Process the spec of a tenant."""
        spec = decoding.mapping(body.get("spec"))
        digest = zlib.crc32(repr(spec).encode("utf-8", "surrogatepass"))
        generation = decoding.whole(body["metadata"].get("generation"), 1, 2**62) or 1
        if record.resource.digest == digest and record.resource.generation == generation:
            return
        first = record.resource.generation == 0
        record.resource.set_spec(generation, digest)
        was = record.effective
        found = in_force(self._config, spec, record.name, record.resource.last_valid)
        self._set_in_force(record, found, now)
        wanted = found.effective
        if wanted is None:
            return
        if not first:
            if record.backoff.hurry(now) or was is None:
                record.backoff.set_fault(None)
            record.jobs.want_scan()
        # With figures of an earlier operator, or a spec that was invalid meanwhile, compare with the stored status.
        here = _place(wanted)
        stored = decoding.mapping(body.get("status"))
        if _elsewhere(stored, wanted) if was is None else _place(was) != here:
            record.move()
        elif was is not None and was.suspend:
            # No scan was missed while scans were suspended.
            record.scan.resume(now)

    def _set_in_force(self, tenant: TenantRecord, found: InForce, now: float) -> None:
        self._forget_directory(tenant)
        if found.effective is not None:
            self._directories.add(tenant.namespace, tenant.name, found.effective)
        tenant.resource.set_in_force(found)
        effective = tenant.effective
        if effective is not None and not effective.scans_only:
            backups = effective.backup
            tenant.backup.configure(() if backups is None else backups.names, now)

    def _forget_directory(self, tenant: TenantRecord) -> None:
        if tenant.effective is not None:
            self._directories.remove(tenant.namespace, tenant.name, tenant.effective)

    def elder(self, tenant: TenantRecord) -> TenantRecord | None:
        """Return the oldest tenant whose directory equals, contains or is inside this tenant's directory.

        None if this tenant is the oldest of them.
        """
        if tenant.effective is None:
            return None
        names = self._directories.overlapping(tenant.namespace, tenant.effective)
        same = self._by_namespace.get(tenant.namespace, {})
        eldest = min((same[name] for name in names if name in same), key=age, default=tenant)
        return None if eldest is tenant else eldest

    def forget(self, key: Key, uid: str) -> TenantRecord | None:
        """Drop a tenant that was deleted; None when it is unknown or a namesake."""
        tenant = super().forget(key, uid)
        if tenant is not None:
            self._forget_directory(tenant)
            soon_due = self._by_namespace[tenant.namespace]
            soon_due.pop(tenant.name, None)
            if not soon_due:
                del self._by_namespace[tenant.namespace]
        return tenant

    def namespaces(self) -> int:
        """Return the number of namespaces with tenants."""
        return len(self._by_namespace)

    def in_namespace(self, namespace: str) -> Iterable[TenantRecord]:
        """Return the tenants of one namespace."""
        return self._by_namespace.get(namespace, {}).values()


def _place(effective: Effective) -> tuple[str, str]:
    return effective.claim_name, effective.path


def _elsewhere(stored: Object, effective: Effective) -> bool:
    """Return whether the stored figures are of another directory."""
    volume = decoding.status_field(stored, "volume") or {}
    if not volume.get("claimName"):
        return False
    return (volume["claimName"], volume.get("path")) != _place(effective)
