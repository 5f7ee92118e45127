"""The status that an earlier operator would have left, composed by the operator's own code."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.result import COMPLETED, CleanResult
from baileys_janitor.schedule.context import Intervals
from baileys_janitor.schedule.tenant_backups import schedule_of
from baileys_janitor.status import advice
from baileys_janitor.status.backup import context_of
from baileys_janitor.status.compose import StatusContext, compose
from baileys_janitor.tenants import record_result
from benchmarks.operator import backing_up
from benchmarks.operator.directories import Directory
from benchmarks.operator.plan import DAY, Company, Plan

Object = dict[str, Any]
CLEANUPS = 10
"""Daily cleanups in the history: its maximum, which a fleet reaches after ten days."""


class Predecessor:
    """An operator that managed the fleet until `plan.lag` seconds before `plan.now`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._config = OperatorConfig.model_validate(configuration(plan))
        self._fleet = TenantCache(self._config)
        self._around = StatusContext(
            plan.now - 11 * DAY,
            Intervals(self._config.daily_jitter.seconds, DAY, self._config.status_interval.seconds),
            None,
            advice.Limits.of(self._config),
        )

    def status(self, body: Object, company: Company) -> Object:
        """Return the status that it left of a tenant. `body` is the resource as stored, without a status."""
        plan = self._plan
        last = plan.now - plan.lag
        tenant = self._fleet.observe({**body, "status": {}}, last - 11 * DAY)
        directory = Directory(company, plan.now)
        # Every cleanup is in the past, except after an outage, whose slots are still due.
        for days in range(CLEANUPS, 0, -1):
            when = last - days * DAY + DAY / 2 if not plan.overdue else last - days * DAY
            removed = round(company.growth)
            if removed:
                tenant.cleanup.run = {"id": f"bench-{days}", "reason": "Daily"}
                record_result.cleaned(tenant, _cleaned(days, removed, directory, when), when, True)
            else:
                record_result.unanswered(tenant, "Daily", "NothingToDo", "Nothing was old.", when)
        record_result.scanned(tenant, directory.scan(last, known=False), last, True)
        tenant.scan.growth = company.growth
        around = self._around
        if plan.backed_up and tenant.effective is not None and tenant.effective.backup is not None:
            backing_up.leave(tenant, last)
            jitter = self._config.daily_jitter.seconds
            schedule = schedule_of(tenant.namespace, tenant.effective, jitter)
            if schedule is not None:
                context = context_of(schedule, tenant.effective.backup.group, around.started)
                around = replace(around, backup=context)
        tenant.cleanup.cooldown_until = tenant.cleanup.emergency_cooldown_until = None
        tenant.timers.trigger_slot = tenant.timers.daily_slot = last
        composed = compose(tenant, last, around)
        self._fleet.forget(tenant.key, tenant.uid)
        return composed


def _cleaned(days: int, removed: int, directory: Directory, when: float) -> CleanResult:
    # Each cleanup removes one day's growth: the count is the same each morning.
    before = math.floor(directory.company.files) + removed
    return CleanResult(
        f"bench-{days}",
        COMPLETED,
        time=int(when),
        removed=removed,
        removed_by_kind=[0, 0, 0, 0, removed, 0, 0, 0, 0, 0, 0],
        kept={"Fresh": 4, "Young": 60},
        before=before,
        after=before - removed,
        freed_bytes=removed * 1900,
        duration_ms=14,
        applied=True,
        scan=directory.scan(when, known=False),
    )


def configuration(plan: Plan) -> Object:
    """Return the operator's configuration for a plan, except for the parts that depend on the machine."""
    schedule = {"adaptive": plan.adaptive, "dailyCleanup": plan.cron}
    found: Object = {"defaults": {"schedule": schedule}}
    if plan.backed_up:
        jitter = float(OperatorConfig().daily_jitter.seconds)
        cron = backing_up.cron_at(plan.now + plan.first_backup, plan.namespace(0), jitter)
        found["defaults"]["backup"] = backing_up.settings(cron)
    return found
