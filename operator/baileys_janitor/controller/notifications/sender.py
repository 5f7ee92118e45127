"""Sends one target its messages: one at a time, whatever its channel does.

There is no queue that could run over. While a message is under way, or fails, what comes to hold waits in the
difference of what holds and what was sent, and goes into the next one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from baileys_janitor.api.notification_config import Notifications
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.notifications.incidents import ActiveIncidents, place_of
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.notify import (
    cleanups,
    delivery_state,
    document,
    key_stores,
    render,
    summary,
)
from baileys_janitor.notify.channels.http import Channel, Undelivered
from baileys_janitor.notify.delivery_state import HOUR, DeliveryState, Pace
from baileys_janitor.notify.routes import Target
from baileys_janitor.notify.secrets import NoSecret
from baileys_janitor.notify.words import DAY, Reader
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.slots import daily_slot, next_daily

Object = dict[str, Any]
logger = logging.getLogger("janitor.notifications")

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 15.0, 900.0
"""Until a message that did not arrive is composed again: doubled each time, up to the second."""
REST_SECONDS = 0.0005
"""Seconds of rest after a comparison, for each incident that holds: about twenty times what it takes."""
SAME_SECONDS = 300.0
"""Seconds for which a message that may have arrived unheard is sent again as it is, under its own id."""
LAST_SEND_SECONDS = 1.5
"""Seconds that a message under way may take when the operator ends."""
EVERY_FEW = 100
"""Tenants after which a walk over the fleet lets others work."""


SENT, FAILED = "sent", "failed"


@dataclass(slots=True)
class Count:
    """What became of a channel's messages. `heard` is called with each: SENT or FAILED.

    `failing`: the last one did not arrive.
    """

    sent: int = 0
    failed: int = 0
    failing: bool = False
    heard: Callable[[str], None] | None = None

    def arrived(self) -> None:
        """Count a message that the endpoint has taken."""
        self.sent += 1
        self.failing = False
        if self.heard is not None:
            self.heard(SENT)

    def missed(self) -> None:
        """Count one that it has not, after all attempts of a round."""
        self.failed += 1
        self.failing = True
        if self.heard is not None:
            self.heard(FAILED)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be sent, and what is to be noted when it has arrived."""

    document: Object
    arrived: Callable[[float], None]


class Sender:
    """One target's work. `wake` has it compare again; `changed` is called when its delivery state is to be stored."""

    def __init__(
        self,
        target: Target,
        channel: Channel,
        book: DeliveryState,
        config: Notifications,
        reader: Reader,
        cache: TenantCache,
        active: ActiveIncidents,
        clock: Clock,
        count: Count,
        changed: Callable[[], None],
        stores: RecordCache[Any] | None = None,
    ) -> None:
        self._target = target
        self._channel = channel
        self._book = book
        self._config = config
        self._reader = reader
        self._cache = cache
        self._active = active
        self._clock = clock
        self._count = count
        self._changed = changed
        self._stores = stores
        self._pace = Pace(
            config.group_wait.seconds,
            config.group_interval.seconds,
            config.repeat_interval.seconds,
            config.warning_repeat_interval.seconds,
            config.resolve_after.seconds,
            config.messages_per_hour,
        )
        self._started = clock.now()
        self._wake = asyncio.Event()
        self._again = math.inf
        self._failures = 0
        self._retry_at = 0.0
        self._doubtful: tuple[float, Message] | None = None
        """Until when, and which message: whether it has arrived is not known."""
        self._cleaned: float | None = self._started
        self._hurry = False
        if book.mark is None:
            # What ended before the first look is not sent.
            book.mark = self._started - cleanups.LATE_SECONDS
            changed()
        if book.day is None:
            book.day = self._slot(self._started)

    def wake(self) -> None:
        """Have it compare again."""
        self._wake.set()

    def cleaned(self, removed: int) -> None:
        """Take note that a cleanup is over."""
        now = self._clock.now()
        self._cleaned = self._cleaned or now
        self._hurry = self._hurry or removed > self._config.large_removal
        self.wake()

    async def run(self) -> None:
        """Send messages, forever."""
        while True:
            self._wake.clear()
            now = self._clock.now()
            self._again = math.inf
            try:
                message = await self._next(now)
            except Exception:
                # What cannot be composed must not keep all else from being sent.
                logger.exception("Notifications to %s: unforeseen", self._target.name)
                self._failed("unforeseen", None)
                message = None
                self._later(self._retry_at)
            if message is not None:
                await self._deliver(message)
                continue
            # To compare is work, and a thousand changes are one message.
            rest = len(self._active.incidents) * REST_SECONDS
            await self._clock.wait(asyncio.Event(), self._clock.now() + rest)
            until = None if math.isinf(self._again) else self._again
            await self._clock.wait(self._wake, until)

    async def _next(self, now: float) -> Message | None:
        if now < self._retry_at:
            # All that the delivery state must do meanwhile is to remember what comes and goes.
            self._later(self._retry_at)
            self._incidents(now)
            return None
        if self._doubtful is not None:
            # An endpoint that took it knows it by its id; one about the same and more it could not know.
            until, message = self._doubtful
            if now < until:
                return message
            self._doubtful = None
        return self._incidents(now) or await self._summary(now) or await self._cleanups(now)

    def _later(self, when: float) -> None:
        self._again = min(self._again, when)

    # What is to be sent

    def _incidents(self, now: float) -> Message | None:
        watched = self._active.incidents
        wanted = {i: each for i, each in watched.items() if self._wants(each)}
        plan = delivery_state.plan(
            wanted,
            lambda id_: self._active.fate(id_, self._target, now),
            self._book,
            self._pace,
            now,
            self._started,
            self._retry_at,
            self._target.route.resolved,
        )
        if plan.owes and self._failures:
            # It may be over, and this operator too, before the channel works again.
            self._changed()
        if not plan.changes:
            self._later(plan.again)
            return None
        told = document.incidents(
            self._target.name, plan.changes, self._active.status, self._reader, now
        )
        return Message(told, lambda at: delivery_state.settle(self._book, plan.changes, at))

    def _wants(self, incident: Any) -> bool:
        return self._target.wants(incident.place, incident.kind)

    def _slot(self, now: float) -> float | None:
        schedule = self._config.summary.schedule
        if not self._target.route.tells_summary or schedule == "Never":
            return None
        return daily_slot(schedule, self._config.time_zone, 0.0, now)

    async def _summary(self, now: float) -> Message | None:
        slot = self._slot(now)
        if slot is None or (self._book.day is not None and slot <= self._book.day):
            if slot is not None:
                upcoming = next_daily(
                    self._config.summary.schedule, self._config.time_zone, 0.0, now
                )
                self._later(math.inf if upcoming is None else upcoming)
            return None
        # A fleet that is only half known makes no summary.
        ready = max(self._retry_at, self._started + self._pace.group_wait)
        if now < ready:
            self._later(ready)
            return None
        day = summary.Day(slot - DAY)
        for number, tenant in enumerate(list(self._cache.tenants.values())):
            place = place_of(tenant)
            if self._target.hears(place) and not tenant.resource.muted:
                ages = tenant.look.ages if tenant.look is not None else None
                day.add(place, tenant.stored.status, tenant.cleanup.history, ages)
            if number % EVERY_FEW == 0:
                await asyncio.sleep(0)
        for store in self._stores.records.values() if self._stores is not None else ():
            place = place_of(store)
            if self._target.hears(place) and not store.resource.muted:
                day.add_store(place, store.stored.status, store.cleanup.history)
        told = summary.message(self._target.name, day, slot, self._reader, now)

        def arrived(at: float) -> None:
            self._book.day = slot
            self._book.sent.append(at)

        return Message(told, arrived)

    async def _cleanups(self, now: float) -> Message | None:
        if self._cleaned is None or not self._target.route.tells_cleanups:
            return None
        when = self._cleanups_due()
        if now < when:
            self._later(when)
            return None
        report = self._key_store(now)
        if report is not None:
            return report
        self._cleaned, self._hurry = None, False
        done: list[cleanups.Done] = []
        for number, tenant in enumerate(list(self._cache.tenants.values())):
            place = place_of(tenant)
            if not tenant.resource.muted and self._target.hears_cleanups(place):
                done += cleanups.untold(place, tenant.cleanup.history, self._book)
            if number % EVERY_FEW == 0:
                await asyncio.sleep(0)
        if not done:
            return None
        told = cleanups.message(
            self._target.name, done, self._config.large_removal, self._reader, now
        )

        def arrived(at: float) -> None:
            cleanups.settle(self._book, done, at)
            self._book.sent.append(at)

        return Message(told, arrived)

    def _key_store(self, now: float) -> Message | None:
        """Return the report of a key store's last cleanup; those of others, and of tenants, come after it."""
        for record in self._stores.records.values() if self._stores is not None else ():
            place, status = place_of(record), record.stored.status
            if record.resource.muted or not self._target.hears_cleanups(place):
                continue
            done = key_stores.untold(place, status, self._book)
            if done is not None:
                told = key_stores.message(self._target.name, done, status, self._reader, now)
                return Message(told, partial(key_stores.settle, self._book, done))
        return None

    def _cleanups_due(self) -> float:
        assert self._cleaned is not None
        assert self._book.mark is not None
        wait, interval = self._pace.group_wait, self._config.cleanup_interval.seconds
        last = self._book.mark + cleanups.LATE_SECONDS
        when = self._cleaned + wait if self._hurry else max(self._cleaned + wait, last + interval)
        sent, most = self._book.sent, self._pace.per_hour
        full = sent[-most] + HOUR if len(sent) >= most else 0.0
        return max(when, full, self._retry_at)

    # Telling it

    async def _deliver(self, message: Message) -> None:
        sending = asyncio.ensure_future(
            self._channel.send(render.finished(message.document, self._reader))
        )
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # What has nearly arrived is not sent again by the next operator.
            await asyncio.wait([sending], timeout=LAST_SEND_SECONDS)
            if sending.done() and sending.exception() is None:
                self._arrived(message)
            sending.cancel()
            raise
        except Undelivered as error:
            self._failed(str(error), error.retry_after, None if error.lasting else message)
        except NoSecret as error:
            self._failed(str(error), None)
        except Exception as error:  # noqa: BLE001 - whatever a channel's library raises
            # Its text may contain an address, which is a secret.
            self._failed(f"unforeseen ({type(error).__name__})", None)
        else:
            self._arrived(message)

    def _arrived(self, message: Message) -> None:
        now = self._clock.now()
        message.arrived(now)
        self._count.arrived()
        if self._failures:
            logger.info("Notifications to %s arrive again", self._target.name)
        self._failures, self._retry_at, self._doubtful = 0, 0.0, None
        self._changed()

    def _failed(self, why: str, asked: float | None, doubtful: Message | None = None) -> None:
        now = self._clock.now()
        until = now + SAME_SECONDS if self._doubtful is None else self._doubtful[0]
        self._doubtful = None if doubtful is None else (until, doubtful)
        self._count.missed()
        # Whatever the message was about is still there to be sent.
        self._cleaned = self._cleaned or now
        if not self._failures:
            logger.warning(
                "Notifications to %s do not arrive: %s. What they tell is kept and sent later",
                self._target.name,
                why,
            )
        pause = backoff_seconds(self._failures, FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS)
        self._retry_at = now + max(pause, min(asked or 0.0, 6 * HOUR))
        self._failures += 1
        self._changed()
