"""Watches active incidents, and notifies every target of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.kube.leader_election import own_namespace
from baileys_janitor.controller.notifications.sender import Count, Sender
from baileys_janitor.controller.notifications.state_store import StateStore
from baileys_janitor.controller.shards.layout import ALL, Shards
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.controller.tenants.shard_records import ShardRecords
from baileys_janitor.notify.active_incidents import KNOWN_AFTER_SECONDS, ActiveIncidents
from baileys_janitor.notify.channels.factory import opened
from baileys_janitor.notify.channels.http import Channel, Undelivered
from baileys_janitor.notify.delivery_state import DeliveryState
from baileys_janitor.notify.incidents import identify
from baileys_janitor.notify.routes import targets
from baileys_janitor.notify.secrets import NoSecret
from baileys_janitor.notify.words import Reader
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.status.changes import (
    Change,
    CleanupFinished,
    ConditionChanged,
    LevelChanged,
)
from baileys_janitor.tenants.record import AnyRecord

logger = logging.getLogger("janitor.notifications")

OF_RECORDS = (LevelChanged, ConditionChanged, CleanupFinished)
"""Changes of one tenant or key store."""
PASS_SECONDS = 5.0
"""Seconds between two checks without a change."""
PASS_MIN_SECONDS = 1.0
"""Minimum seconds between two checks: a thousand changes cause one."""
WRITE_AGAIN_SECONDS = 30.0
"""Seconds until the record is written again after a failure; the client has made several attempts before."""
CHECK_SECONDS = 60.0
"""Seconds between two checks of the Secret's content."""
RESTART_SECONDS = 60.0
"""Seconds until notifications restart after an internal error."""


class NotificationManager:
    """Runs until cancelled. `counts` has the outcomes of each channel's messages.

    `holds` returns the hold of the circuit breakers; `heard` is called with each message's channel and outcome.
    """

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        clock: Clock,
        cache: TenantCache,
        holds: Callable[[float], Hold | None],
        heard: Callable[[str, str], None] | None = None,
        stores: RecordCache[Any] | None = None,
        shards: Shards = ALL,
    ) -> None:
        self._config = config.notifications
        self._clock = clock
        self._shards = shards
        self._cache = ShardRecords(cache, shards)
        self._holds = holds
        self._stores = None if stores is None else ShardRecords(stores, shards)
        caches = [self._cache, *([self._stores] if self._stores is not None else [])]
        self._active = ActiveIncidents(caches, clock.now())
        election = config.leader_election
        self._state_store = StateStore(
            kube,
            election.namespace or own_namespace(os.environ),
            f"{election.name}-notifications",
            shards,
        )
        self._reader = Reader(ZoneInfo(self._config.time_zone), self._config.runbook_base_url)
        self._targets = targets(self._config)
        self._senders: list[Sender] = []
        self._deliveries: dict[str, DeliveryState] = {}
        self._dirty: dict[int, AnyRecord] = {}
        self._news = asyncio.Event()
        self._unkept = asyncio.Event()
        self._unusable: set[str] = set()
        self.counts = {
            each.name: Count(heard=partial(heard, each.name) if heard else None)
            for each in self._config.channels
        }

    def hear(self, change: Change) -> None:
        """Process a change."""
        if isinstance(change, OF_RECORDS) and not self._shards.has(change.tenant.namespace):
            return
        if isinstance(change, OF_RECORDS):
            self._dirty[id(change.tenant)] = change.tenant
            self._news.set()
        if isinstance(change, CleanupFinished):
            for sender in self._senders:
                sender.cleaned(int(change.entry.get("removed") or 0))

    def failing(self) -> dict[str, bool]:
        """Return for each channel whether nothing can be sent to it, or the last message did not arrive."""
        return {
            name: count.failing or name in self._unusable for name, count in self.counts.items()
        }

    async def run(self) -> None:
        """Watch and notify, forever."""
        while True:
            try:
                await self._work()
            except Exception:
                # A failure of notifications must not affect the tenants.
                logger.exception("Notifications: unexpected error; they start again")
                await self._rest(RESTART_SECONDS)

    async def _work(self) -> None:
        known = await self._state_store.read() or await self._of_another_layout()
        channels = opened(self._config, os.environ, self._reader)
        # Drop the state of targets that are no longer configured.
        self._deliveries = {
            each.name: known.get(each.name) or DeliveryState() for each in self._targets
        }
        self._senders = [
            Sender(
                target,
                channels[target.channel],
                self._deliveries[target.name],
                self._config,
                self._reader,
                self._cache,
                self._active,
                self._clock,
                self.counts[target.channel],
                self._unkept.set,
                self._stores,
            )
            for target in self._targets
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for sender in self._senders:
                    group.create_task(sender.run())
                group.create_task(self._check(channels))
                group.create_task(self._watch())
                group.create_task(self._keep())
        finally:
            await self._end(channels)

    async def _of_another_layout(self) -> dict[str, DeliveryState]:
        """Return the messages sent about the tenants of this shard while the fleet was divided otherwise.

        The record identifies tenants by hashes alone, so all tenants of the shard are needed to find theirs in it.
        """
        if not self._state_store.has_another_layout():
            return {}
        await self._rest(KNOWN_AFTER_SECONDS)
        caches = [self._cache, *([self._stores] if self._stores is not None else [])]
        own = {
            identify(each.namespace, each.name, each.uid)
            for cache in caches
            for each in cache.records.values()
        }
        return self._state_store.read_others(own)

    async def _check(self, channels: dict[str, Channel]) -> None:
        while True:
            for name, channel in channels.items():
                try:
                    channel.check()
                except (NoSecret, Undelivered) as problem:
                    if name not in self._unusable:
                        logger.warning("Nothing can be sent to %s: %s", name, problem)
                    self._unusable.add(name)
                else:
                    if name in self._unusable:
                        logger.info("Messages can be sent to %s now", name)
                    self._unusable.discard(name)
            await self._rest(CHECK_SECONDS)

    async def _watch(self) -> None:
        started, version = self._clock.now(), -1
        while True:
            self._news.clear()
            now = self._clock.now()
            dirty, self._dirty = self._dirty, {}
            for record in dirty.values():
                if self._active.is_known(record):
                    self._active.look(record, now)
            if now < started + KNOWN_AFTER_SECONDS:
                for _ in self._active.look_at_new(now):
                    await asyncio.sleep(0)
            else:
                self._active.go_round(now)
            self._active.hold(self._own_hold(now), now)
            if self._active.version != version:
                version = self._active.version
                for sender in self._senders:
                    sender.wake()
            await self._rest(PASS_MIN_SECONDS)
            await self._clock.wait(self._news, now + PASS_SECONDS)

    def _own_hold(self, now: float) -> Hold | None:
        hold = self._holds(now)
        if hold is None or hold.fleet or any(map(self._shards.has, hold.namespaces)):
            return hold
        return None

    async def _keep(self) -> None:
        while True:
            await self._unkept.wait()
            self._unkept.clear()
            try:
                written = await self._state_store.write(self._deliveries)
            except asyncio.CancelledError:
                # The operator ends during the write: it is unknown whether it arrives.
                self._unkept.set()
                raise
            if not written:
                self._unkept.set()
                await self._rest(WRITE_AGAIN_SECONDS)

    async def _rest(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)

    async def _end(self, channels: dict[str, Channel]) -> None:
        if self._unkept.is_set():
            await self._state_store.write_last(self._deliveries)
        for channel in channels.values():
            with contextlib.suppress(Exception):
                await channel.close()


def failing(managers: Sequence[NotificationManager]) -> dict[str, bool]:
    """Return for each channel whether any shard's messages fail to reach it."""
    found: dict[str, bool] = {}
    for each in managers:
        for name, fails in each.failing().items():
            found[name] = fails or found.get(name, False)
    return found


def wanted(config: OperatorConfig) -> bool:
    """Return whether any notification is configured."""
    return bool(targets(config.notifications))
