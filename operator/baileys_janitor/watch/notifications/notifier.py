"""Notifies channels of active incidents: the operator's incidents and messages, sent by a process that ends.

One message is sent at a time. The delivery state is part of the watch's state, and is saved when a message has arrived:
a message without a known result, because the watch was killed, is sent again under the same id.
"""

from __future__ import annotations

import json
import logging
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol
from zoneinfo import ZoneInfo

from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.notify import delivery_state_codec
from baileys_janitor.notify.active_incidents import ActiveIncidents
from baileys_janitor.notify.delivery_state import DeliveryState
from baileys_janitor.notify.outbox import Message, Outbox
from baileys_janitor.notify.routes import targets
from baileys_janitor.notify.words import Reader
from baileys_janitor.own_process import own_command
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.status.changes import (
    Change,
    CleanupFinished,
    ConditionChanged,
    LevelChanged,
)
from baileys_janitor.tenants.record import Key
from baileys_janitor.watch.record import DirectoryRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.notifications")

SEND_SECONDS = 150.0
"""Seconds after which a message in progress is abandoned; its attempts take 90."""
ROUND_SECONDS = 60.0
"""Seconds from one check of all directories to the next."""
PASS_SECONDS = 1.0
"""Minimum seconds between two comparisons: many changes make one message."""
MESSAGES_MAX = 20
"""The limit on messages that one run for cron sends."""
ANSWER_MAX = 65_536
SENT, FAILED = "sent", "failed"
WHY_MAX = 300


@dataclass(frozen=True, slots=True)
class Records:
    """The directories, as `ActiveIncidents` reads them."""

    kind: str
    records: Mapping[Key, DirectoryRecord]


class Sending(Protocol):
    """A message in progress."""

    def answer(self) -> Object | None:
        """Return its result; None while that is unknown."""

    def give_up(self, seconds: float) -> Object | None:
        """Wait up to this many seconds for an answer, then end it."""


Start = Callable[[Object], Sending]


class ChildProcess:
    """A message that a process of its own sends."""

    def __init__(self, request: Object) -> None:
        self._asked: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._asked.write(json.dumps(request).encode())
        self._asked.seek(0)
        self._told: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._since = time.monotonic()
        self._process = subprocess.Popen(
            own_command("baileys_janitor.watch.notifications.send"),
            stdin=self._asked,
            stdout=self._told,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def answer(self) -> Object | None:
        """Return its result; None while that is unknown."""
        code = self._process.poll()
        if code is None:
            if time.monotonic() - self._since < SEND_SECONDS:
                return None
            self._process.kill()
            self._process.wait()
        self._told.seek(0)
        text = self._told.read(ANSWER_MAX)
        self._asked.close()
        self._told.close()
        with suppress(ValueError):
            found = json.loads(text)
            if isinstance(found, dict) and found.get("outcome") in (SENT, FAILED):
                return found
        why = f"the process that sends ended with exit code {self._process.returncode}"
        return {"outcome": FAILED, "why": why, "lasting": False}

    def give_up(self, seconds: float) -> Object | None:
        """Wait up to this many seconds for an answer, then end it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return self.answer()
        self._process.kill()
        self._process.wait()
        return None


class Notifier:
    """Compares active incidents with the delivery state, and sends the difference. Times are Unix seconds."""

    def __init__(
        self,
        config: Notifications,
        records: Mapping[Key, DirectoryRecord],
        deliveries: str,
        now: float,
        holds: Callable[[float], Hold | None],
        changed: Callable[[], None],
        start: Start = ChildProcess,
    ) -> None:
        self._config = config
        self._records = records
        self._holds = holds
        self._changed = changed
        self._start = start
        kind = DirectoryRecord.kind.lower()
        self._active = ActiveIncidents([Records(kind, records)], now)
        self._dirty: dict[Key, DirectoryRecord] = {}
        self._round_at = now
        self._compare_at = 0.0
        self._sending: tuple[Outbox, Message, Sending] | None = None
        known = _decoded(deliveries)
        self._reader = Reader(ZoneInfo(config.time_zone), config.runbook_base_url)
        self._deliveries = {
            each.name: known.get(each.name) or DeliveryState() for each in targets(config)
        }
        self._outboxes = [
            Outbox(
                each,
                self._deliveries[each.name],
                config,
                self._reader,
                self._active,
                records.values,
                now,
                changed,
            )
            for each in targets(config)
        ]
        self.counts: dict[tuple[str, str], int] = {}
        """Messages by channel and outcome."""
        self.failing: dict[str, bool] = {each.name: False for each in config.channels}

    def hear(self, change: Change, now: float) -> None:
        """Record a change."""
        if not isinstance(change, (LevelChanged, ConditionChanged, CleanupFinished)):
            return
        self._dirty[change.tenant.key] = change.tenant  # type: ignore[assignment]  # of this watch
        if isinstance(change, CleanupFinished):
            for outbox in self._outboxes:
                outbox.cleaned(int(change.entry.get("removed") or 0), now)

    def encoded(self) -> str:
        """Return the delivery state, encoded for the state file."""
        return delivery_state_codec.encode(self._deliveries) if self._deliveries else ""

    def step(self, now: float) -> float:
        """Compare and send due messages; return when to do so again."""
        if not self._outboxes:
            return now + ROUND_SECONDS
        self._collect(now)
        self._look(now)
        if self._sending is None and now >= self._compare_at:
            self._compare_at = now + PASS_SECONDS
            self._send_next(now)
        if self._sending is not None:
            return now + SEND_SECONDS
        again = min((outbox.again for outbox in self._outboxes), default=now + ROUND_SECONDS)
        return max(self._compare_at, min(again, self._round_at))

    def wait_and_end(self, seconds: float, now: float) -> None:
        """Wait up to this many seconds for the current message, then drop it; the next watch sends it again."""
        if self._sending is not None:
            outbox, message, sending = self._sending
            self._sending = None
            self._settle(outbox, message, sending.give_up(seconds), now)

    def send_all(self, clock: Callable[[], float], stop: Callable[[], str | None]) -> None:
        """Send due messages, one after the other, until `stop` returns a reason to end."""
        for _ in range(MESSAGES_MAX):
            self._compare_at = 0.0
            self.step(clock())
            if not self.is_sending or stop() is not None:
                return
            self.wait_and_end(SEND_SECONDS, clock())

    @property
    def is_sending(self) -> bool:
        """Whether a message is in progress."""
        return self._sending is not None

    def _look(self, now: float) -> None:
        dirty, self._dirty = self._dirty, {}
        for key, record in dirty.items():
            if self._records.get(key) is record:
                self._active.look(record, now)
        if now >= self._round_at:
            self._round_at = now + ROUND_SECONDS
            for _ in self._active.look_at_new(now):
                pass
            self._active.go_round(now)
        self._active.hold(self._holds(now), now)

    def _send_next(self, now: float) -> None:
        for outbox in self._outboxes:
            try:
                message = _exhausted(outbox, now)
            except Exception as error:  # noqa: BLE001 - all else is sent
                kind = type(error).__name__
                logger.error("Notifications to %s: unforeseen %s", outbox.target.name, kind)  # noqa: TRY400
                outbox.failed(None, None, now)
                continue
            if message is not None:
                self._begin(outbox, message, now)
                return

    def _begin(self, outbox: Outbox, message: Message, now: float) -> None:
        request = {
            "notifications": self._config.model_dump(mode="json", by_alias=True, exclude_none=True),
            "channel": outbox.target.channel,
            "document": message.document,
        }
        try:
            self._sending = outbox, message, self._start(request)
        except OSError as error:
            why = f"no process can be started ({error.strerror})"
            self._settle(outbox, message, {"outcome": FAILED, "why": why, "lasting": True}, now)

    def _collect(self, now: float) -> None:
        if self._sending is None:
            return
        outbox, message, sending = self._sending
        answer = sending.answer()
        if answer is not None:
            self._sending = None
            self._settle(outbox, message, answer, now)

    def _settle(self, outbox: Outbox, message: Message, answer: Object | None, now: float) -> None:
        if answer is None:
            return
        channel, outcome = outbox.target.channel, str(answer["outcome"])
        self.counts[channel, outcome] = self.counts.get((channel, outcome), 0) + 1
        self.failing[channel] = outcome == FAILED
        self._changed()
        if outcome == SENT:
            if outbox.arrived(message, now):
                logger.info("Notifications to %s arrive again", outbox.target.name)
            return
        asked = answer.get("retryAfter")
        wait = float(asked) if isinstance(asked, int | float) else None
        doubtful = None if answer.get("lasting") else message
        if outbox.failed(wait, doubtful, now):
            logger.warning(
                "Notifications to %s do not arrive: %s. They are kept and sent later",
                outbox.target.name,
                str(answer.get("why"))[:WHY_MAX],
            )


def _exhausted(outbox: Outbox, now: float) -> Message | None:
    """Compose a message without yielding: nothing else waits."""
    composing = outbox.compose(now)
    while True:
        try:
            next(composing)
        except StopIteration as done:
            message: Message | None = done.value
            return message


def _decoded(text: str) -> dict[str, DeliveryState]:
    if not text:
        return {}
    try:
        return delivery_state_codec.decode(text)
    except ValueError:
        logger.warning("The delivery state cannot be read: all active incidents are sent again")
        return {}
