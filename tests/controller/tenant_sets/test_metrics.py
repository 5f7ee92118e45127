"""What Prometheus is told of sets of tenants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.metrics.tenant_sets import STATES, SetMetrics
from baileys_janitor.controller.tenant_sets import compose
from baileys_janitor.controller.tenant_sets.names import Place
from baileys_janitor.controller.tenant_sets.plan import make_plan
from baileys_janitor.controller.tenant_sets.reconciler import SetReconciler
from baileys_janitor.controller.tenant_sets.record import SetCache, SetRecord
from baileys_janitor.tenants.fault import Fault
from tests.controller.metrics.fleets import Series, of, series

NOW = 1_795_000_000.0
NAME = "baileys_janitor_tenant_set"


class Told:
    """Sets without a cluster, and their metrics."""

    def __init__(self) -> None:
        self.cache = SetCache(OperatorConfig())
        self.registry = CollectorRegistry()
        self.metrics = SetMetrics(self.registry)
        self.metrics.leads(cast(SetReconciler, SimpleNamespace(cache=self.cache)))

    def a_set(self, name: str, **spec: Any) -> SetRecord:
        meta = {"namespace": "shop", "name": name, "uid": name, "generation": 1}
        source = {"directories": {"claimName": "bots"}}
        return self.cache.observe({"metadata": meta, "spec": {"source": source, **spec}}, NOW)

    def looked(self, record: SetRecord, directories: int) -> None:
        """Have it found so many directories, and the status stored."""
        found = {Place("bots", f"company_{number}") for number in range(directories)}
        assert record.effective is not None
        plan = make_plan(found, [], [], record.look.memory(), record.effective.wanted, NOW)
        record.look.take(plan, 0, NOW)
        self.stored(record)

    def stored(self, record: SetRecord) -> None:
        record.stored.take_anew(compose.compose(record, NOW))

    def read(self) -> Series:
        return series(generate_latest(self.registry).decode())


def test_a_set_says_what_it_found_and_when() -> None:
    told = Told()
    told.looked(told.a_set("bots"), 7)

    found = told.read()

    assert of(found, f"{NAME}_sessions", tenant_set="bots", state="found") == 7
    assert of(found, f"{NAME}_sessions", tenant_set="bots", state="new") == 7
    assert {dict(labels).get("state") for name, labels in found if name == f"{NAME}_sessions"} == {
        *STATES
    }
    assert of(found, f"{NAME}_last_look_timestamp_seconds", tenant_set="bots") == NOW
    assert of(found, f"{NAME}_problem") is None


def test_a_limit_and_a_fault_are_problems_and_a_preview_is_none() -> None:
    told = Told()
    told.looked(told.a_set("limited", confirm=True, limit=3), 12)
    told.looked(told.a_set("preview"), 12)
    broken, strange = told.a_set("broken"), told.a_set("strange")
    broken.fail(Fault("ClaimMissing", "There is none."), NOW)
    strange.fail(Fault("Whatever", "A Job of another version said so."), NOW)
    for each in (broken, strange):
        told.stored(each)

    found = told.read()

    assert of(found, f"{NAME}_problem", tenant_set="limited", reason="LimitReached") == 1
    assert of(found, f"{NAME}_problem", tenant_set="broken", reason="ClaimMissing") == 1
    assert of(found, f"{NAME}_problem", tenant_set="strange", reason="other") == 1
    assert of(found, f"{NAME}_problem", tenant_set="preview") is None


def test_who_stands_by_says_nothing_of_sets() -> None:
    told = Told()
    told.looked(told.a_set("bots"), 1)
    told.metrics.stands_by()

    assert told.read() == {}
