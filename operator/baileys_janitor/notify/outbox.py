"""Composes the next message of one target: the difference between active and sent incidents.

There is no queue that could overflow. While a message is being sent or fails, new incidents wait in that difference,
and go into the next message. Sending and waiting are up to the caller.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.notify import cleanups, delivery_state, document, key_stores, summary
from baileys_janitor.notify.active_incidents import ActiveIncidents, place_of
from baileys_janitor.notify.delivery_state import HOUR, DeliveryState, Pace
from baileys_janitor.notify.routes import Target
from baileys_janitor.notify.words import DAY, Reader
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.slots import daily_slot, next_daily
from baileys_janitor.tenants.record import AnyRecord, TenantRecord

Object = dict[str, Any]
Steps = Generator[None, None, "Message | None"]
logger = logging.getLogger("janitor.notifications")

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 15.0, 900.0
"""Seconds before an undelivered message is composed again: doubled each time, up to the second value."""
SAME_SECONDS = 300.0
"""Seconds for which a message without a confirmed delivery is sent again unchanged, under its own id."""
EVERY_FEW = 100
"""Tenants after which an iteration over the fleet yields to other work."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send, and the callback for its delivery."""

    document: Object
    arrived: Callable[[float], None]


class Outbox:
    """One target's messages. Times are Unix seconds.

    `tenants` and `stores` return the records that messages are about; `changed` is called when the delivery state must
    be stored. `again` is when to compose again if nothing happens meanwhile.
    """

    def __init__(
        self,
        target: Target,
        book: DeliveryState,
        config: Notifications,
        reader: Reader,
        active: ActiveIncidents,
        tenants: Callable[[], Iterable[TenantRecord]],
        now: float,
        changed: Callable[[], None],
        stores: Callable[[], Iterable[AnyRecord]] = tuple,
    ) -> None:
        self.target = target
        self.book = book
        self.again = math.inf
        self.failures = 0
        self.retry_at = 0.0
        self._config = config
        self._reader = reader
        self._active = active
        self._tenants = tenants
        self._stores = stores
        self._changed = changed
        self._pace = Pace(
            config.group_wait.seconds,
            config.group_interval.seconds,
            config.repeat_interval.seconds,
            config.warning_repeat_interval.seconds,
            config.resolve_after.seconds,
            config.messages_per_hour,
        )
        self._started = now
        self._doubtful: tuple[float, Message] | None = None
        """The deadline of a message whose delivery is unconfirmed, and the message."""
        self._cleaned: float | None = now
        self._hurry = False
        if book.mark is None:
            # Cleanups that ended before the first evaluation are not sent.
            book.mark = now - cleanups.LATE_SECONDS
            changed()
        if book.day is None:
            book.day = self._slot(now)

    def cleaned(self, removed: int, now: float) -> None:
        """Note that a cleanup has finished."""
        self._cleaned = self._cleaned or now
        self._hurry = self._hurry or removed > self._config.large_removal

    def compose(self, now: float) -> Steps:
        """Return the message to send now, None for none; yield between two parts of the work."""
        self.again = math.inf
        if now < self.retry_at:
            # Meanwhile the delivery state only has to track incidents that begin and end.
            self.later(self.retry_at)
            self._incidents(now)
            return None
        if self._doubtful is not None:
            # An endpoint that received it recognises its id; a new message with the same content would be a duplicate.
            until, message = self._doubtful
            if now < until:
                return message
            self._doubtful = None
        return (
            self._incidents(now)
            or (yield from self._summary(now))
            or (yield from self._cleanups(now))
        )

    def later(self, when: float) -> None:
        """Compose again at `when` at the latest."""
        self.again = min(self.again, when)

    def _incidents(self, now: float) -> Message | None:
        watched = self._active.incidents
        wanted = {i: each for i, each in watched.items() if self._wants(each)}
        plan = delivery_state.plan(
            wanted,
            lambda id_: self._active.fate(id_, self.target, now),
            self.book,
            self._pace,
            now,
            self._started,
            self.retry_at,
            self.target.route.resolved,
        )
        if plan.owes and self.failures:
            # The incident and this operator may be gone before the channel works again.
            self._changed()
        if not plan.changes:
            self.later(plan.again)
            return None
        told = document.incidents(
            self.target.name, plan.changes, self._active.status, self._reader, now
        )
        return Message(told, lambda at: delivery_state.settle(self.book, plan.changes, at))

    def _wants(self, incident: Any) -> bool:
        return self.target.wants(incident.place, incident.kind)

    def _slot(self, now: float) -> float | None:
        schedule = self._config.summary.schedule
        if not self.target.route.tells_summary or schedule == "Never":
            return None
        return daily_slot(schedule, self._config.time_zone, 0.0, now)

    def _summary(self, now: float) -> Steps:
        slot = self._slot(now)
        if slot is None or (self.book.day is not None and slot <= self.book.day):
            if slot is not None:
                upcoming = next_daily(
                    self._config.summary.schedule, self._config.time_zone, 0.0, now
                )
                self.later(math.inf if upcoming is None else upcoming)
            return None
        # Send no summary while part of the fleet is unknown.
        ready = max(self.retry_at, self._started + self._pace.group_wait)
        if now < ready:
            self.later(ready)
            return None
        day = summary.Day(slot - DAY)
        for number, tenant in enumerate(list(self._tenants())):
            place = place_of(tenant)
            if self.target.hears(place) and not tenant.resource.muted:
                ages = tenant.look.ages if tenant.look is not None else None
                day.add(place, tenant.stored.status, tenant.cleanup.history, ages)
            if number % EVERY_FEW == 0:
                yield
        for store in self._stores():
            place = place_of(store)
            if self.target.hears(place) and not store.resource.muted:
                day.add_store(place, store.stored.status, store.cleanup.history)
        told = summary.message(self.target.name, day, slot, self._reader, now)

        def arrived(at: float) -> None:
            self.book.day = slot
            self.book.sent.append(at)

        return Message(told, arrived)

    def _cleanups(self, now: float) -> Steps:
        if self._cleaned is None or not self.target.route.tells_cleanups:
            return None
        when = self._cleanups_due()
        if now < when:
            self.later(when)
            return None
        report = self._key_store(now)
        if report is not None:
            return report
        self._cleaned, self._hurry = None, False
        done: list[cleanups.Done] = []
        for number, tenant in enumerate(list(self._tenants())):
            place = place_of(tenant)
            if not tenant.resource.muted and self.target.hears_cleanups(place):
                done += cleanups.untold(place, tenant.cleanup.history, self.book)
            if number % EVERY_FEW == 0:
                yield
        if not done:
            return None
        told = cleanups.message(
            self.target.name, done, self._config.large_removal, self._reader, now
        )

        def arrived(at: float) -> None:
            cleanups.settle(self.book, done, at)
            self.book.sent.append(at)

        return Message(told, arrived)

    def _key_store(self, now: float) -> Message | None:
        """Return the report of a key store's last cleanup; one store at a time, tenants afterwards."""
        for record in self._stores():
            place, status = place_of(record), record.stored.status
            if record.resource.muted or not self.target.hears_cleanups(place):
                continue
            done = key_stores.untold(place, status, self.book)
            if done is not None:
                told = key_stores.message(self.target.name, done, status, self._reader, now)
                return Message(told, partial(key_stores.settle, self.book, done))
        return None

    def _cleanups_due(self) -> float:
        assert self._cleaned is not None
        assert self.book.mark is not None
        wait, interval = self._pace.group_wait, self._config.cleanup_interval.seconds
        last = self.book.mark + cleanups.LATE_SECONDS
        when = self._cleaned + wait if self._hurry else max(self._cleaned + wait, last + interval)
        sent, most = self.book.sent, self._pace.per_hour
        full = sent[-most] + HOUR if len(sent) >= most else 0.0
        return max(when, full, self.retry_at)

    # Delivery

    def arrived(self, message: Message, now: float) -> bool:
        """Record the delivery of a message; return whether earlier attempts had failed."""
        message.arrived(now)
        again = self.failures > 0
        self.failures, self.retry_at, self._doubtful = 0, 0.0, None
        self._changed()
        return again

    def failed(self, asked: float | None, doubtful: Message | None, now: float) -> bool:
        """Record that a message was not delivered; return whether that is the first failure.

        `asked` is the number of seconds that the endpoint asked to wait; `doubtful` the message, if it may have
        arrived.
        """
        until = now + SAME_SECONDS if self._doubtful is None else self._doubtful[0]
        self._doubtful = None if doubtful is None else (until, doubtful)
        # The content of the message still waits to be sent.
        self._cleaned = self._cleaned or now
        pause = backoff_seconds(self.failures, FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS)
        self.retry_at = now + max(pause, min(asked or 0.0, 6 * HOUR))
        self.failures += 1
        self._changed()
        return self.failures == 1
