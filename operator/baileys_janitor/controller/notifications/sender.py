"""Sends one target its messages: one at a time, independent of other channels. `notify.outbox` composes them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.tenants.shard_records import ShardRecords
from baileys_janitor.notify import render
from baileys_janitor.notify.active_incidents import ActiveIncidents
from baileys_janitor.notify.channels.http import Channel, Undelivered
from baileys_janitor.notify.delivery_state import DeliveryState
from baileys_janitor.notify.outbox import Message, Outbox
from baileys_janitor.notify.routes import Target
from baileys_janitor.notify.secrets import NoSecret
from baileys_janitor.notify.words import Reader
from baileys_janitor.tenants.record import TenantRecord

logger = logging.getLogger("janitor.notifications")

REST_SECONDS = 0.0005
"""Seconds of pause after a comparison, for each active incident: about twenty times the duration of the comparison."""
LAST_SEND_SECONDS = 1.5
"""Seconds that a message under way may still take when the operator ends."""


SENT, FAILED = "sent", "failed"


@dataclass(slots=True)
class Count:
    """The outcomes of a channel's messages. `heard` is called with each: SENT or FAILED.

    `failing`: the last one did not arrive.
    """

    sent: int = 0
    failed: int = 0
    failing: bool = False
    heard: Callable[[str], None] | None = None

    def arrived(self) -> None:
        """Count a message that the endpoint has accepted."""
        self.sent += 1
        self.failing = False
        if self.heard is not None:
            self.heard(SENT)

    def missed(self) -> None:
        """Count one that failed in all attempts of a round."""
        self.failed += 1
        self.failing = True
        if self.heard is not None:
            self.heard(FAILED)


class Sender:
    """Work for one target. `wake` starts a comparison; `changed` is called when its delivery state must be stored."""

    def __init__(
        self,
        target: Target,
        channel: Channel,
        book: DeliveryState,
        config: Notifications,
        reader: Reader,
        cache: ShardRecords[TenantRecord],
        active: ActiveIncidents,
        clock: Clock,
        count: Count,
        changed: Callable[[], None],
        stores: ShardRecords[Any] | None = None,
    ) -> None:
        self._target = target
        self._channel = channel
        self._reader = reader
        self._active = active
        self._clock = clock
        self._count = count
        self._wake = asyncio.Event()
        self._outbox = Outbox(
            target,
            book,
            config,
            reader,
            active,
            lambda: cache.records.values(),
            clock.now(),
            changed,
            lambda: () if stores is None else stores.records.values(),
        )

    def wake(self) -> None:
        """Start a comparison."""
        self._wake.set()

    def cleaned(self, removed: int) -> None:
        """Record that a cleanup is over."""
        self._outbox.cleaned(removed, self._clock.now())
        self.wake()

    async def run(self) -> None:
        """Send messages, forever."""
        while True:
            self._wake.clear()
            now = self._clock.now()
            try:
                message = await self._next(now)
            except Exception:
                # A message that cannot be composed must not block all others.
                logger.exception("Notifications to %s: unforeseen", self._target.name)
                self._failed("unforeseen", None)
                message = None
                self._outbox.later(self._outbox.retry_at)
            if message is not None:
                await self._deliver(message)
                continue
            # A comparison costs time, and a thousand changes make one message.
            rest = len(self._active.incidents) * REST_SECONDS
            await self._clock.wait(asyncio.Event(), self._clock.now() + rest)
            until = None if math.isinf(self._outbox.again) else self._outbox.again
            await self._clock.wait(self._wake, until)

    async def _next(self, now: float) -> Message | None:
        composing = self._outbox.compose(now)
        while True:
            try:
                next(composing)
            except StopIteration as done:
                message: Message | None = done.value
                return message
            await asyncio.sleep(0)

    async def _deliver(self, message: Message) -> None:
        sending = asyncio.ensure_future(
            self._channel.send(render.finished(message.document, self._reader))
        )
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # A message that has nearly arrived should not be sent again by the next operator.
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
        self._count.arrived()
        if self._outbox.arrived(message, self._clock.now()):
            logger.info("Notifications to %s arrive again", self._target.name)

    def _failed(self, why: str, asked: float | None, doubtful: Message | None = None) -> None:
        self._count.missed()
        if self._outbox.failed(asked, doubtful, self._clock.now()):
            logger.warning(
                "Notifications to %s do not arrive: %s. They are kept and sent later",
                self._target.name,
                why,
            )
