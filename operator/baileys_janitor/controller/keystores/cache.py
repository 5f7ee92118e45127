"""All key stores, and the workqueue of their due times."""

from __future__ import annotations

import zlib
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.api.keystores.merge import EffectiveKeyStore, effective_store
from baileys_janitor.api.names import STORE_SINGULAR
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.keystore.layout import LayoutError, layout_of
from baileys_janitor.tenants.fault import Fault

Object = dict[str, Any]


class KeyStoreCache(RecordCache[KeyStoreRecord]):
    """The key stores by (namespace, name), kept current by watch events."""

    kind = STORE_SINGULAR

    def __init__(self, config: OperatorConfig) -> None:
        super().__init__(config.daily_jitter.seconds)
        self._config = config

    def create(self, namespace: str, name: str, uid: str) -> KeyStoreRecord:
        """Return a new record; it replaces an earlier one of that name."""
        return KeyStoreRecord(namespace, name, uid)

    def respec(self, record: KeyStoreRecord, body: Object, now: float) -> None:
        """Process the spec of a key store."""
        spec = decoding.mapping(body.get("spec"))
        digest = zlib.crc32(repr(spec).encode("utf-8", "surrogatepass"))
        generation = decoding.whole(body["metadata"].get("generation"), 1, 2**62) or 1
        if (record.resource.digest, record.resource.generation) == (digest, generation):
            return
        first, was = record.resource.generation == 0, record.effective
        record.resource.set_spec(generation, digest)
        try:
            wanted = self._effective(spec, record)
        except InvalidTenant as problem:
            record.resource.set_effective(None, Fault("InvalidSpec", problem.message))
            return
        record.resource.set_effective(wanted)
        record.backup.configure(() if wanted.backup is None else wanted.backup.names, now)
        if first:
            return
        if record.backoff.hurry(now) or was is None:
            record.backoff.set_fault(None)
        record.jobs.want_scan()
        if was is not None and _place(was) != _place(wanted):
            record.scan.forget()

    def _effective(self, spec: Object, record: KeyStoreRecord) -> EffectiveKeyStore:
        wanted = effective_store(self._config, spec, record.name, record.namespace)
        try:
            layout_of(dict(wanted.keys), dict(wanted.credentials))
        except LayoutError as problem:
            text = str(problem)
            raise InvalidTenant(f"spec.{text.partition(':')[0]}", f"spec.{text}.") from None
        return wanted


def _place(settings: EffectiveKeyStore) -> tuple[Any, ...]:
    return settings.access, settings.keys, settings.credentials
