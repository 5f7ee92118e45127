"""Writes Events (events.k8s.io/v1), one request at a time and best effort: nothing waits for them."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from datetime import UTC, datetime
from typing import Any

from baileys_janitor.api.names import API_VERSION, GROUP
from baileys_janitor.controller.clock import Clock, MonotonicClock
from baileys_janitor.controller.events.aggregator import EventAggregator, Series
from baileys_janitor.controller.events.messages import events_of
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.kube.leader_election import POD_NAME
from baileys_janitor.status.changes import Change

Object = dict[str, Any]
logger = logging.getLogger("janitor.events")

EVENTS = "/apis/events.k8s.io/v1"
CONTROLLER = f"{GROUP}/operator"
REQUEST_SECONDS = 10.0
"""Seconds for one request, and the pause after one that an overloaded or absent server did not accept."""
LOG_AGAIN_SECONDS = 600.0
"""Seconds between two log lines about dropped Events."""


class EventRecorder:
    """Receives changes and writes Events. `hear` returns at once; `run` does the work until it is cancelled."""

    def __init__(self, kube: Kube, clock: Clock, instance: str | None = None) -> None:
        self._kube = kube
        self._clock = clock
        self._pauses = MonotonicClock(clock)
        self._instance = (instance or os.environ.get(POD_NAME) or socket.gethostname())[:128]
        self._queue = EventAggregator()
        self._wake = asyncio.Event()
        self._logged = 0
        self._logged_at = -LOG_AGAIN_SECONDS
        self._forbidden = False

    @property
    def left_out(self) -> dict[str, int]:
        """The number of Events that were not written, by cause."""
        return dict(self._queue.left_out)

    def hear(self, change: Change) -> None:
        """Queue the Events of a change."""
        for draft in events_of(change):
            self._queue.offer(draft, self._clock.monotonic())
            self._wake.set()

    async def run(self) -> None:
        """Write queued Events, forever."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic()
            series = self._queue.take(now)
            if series is not None:
                await self._write(series)
            else:
                await self._pauses.wait(self._wake, self._queue.next_time(now))
            self._log_left_out()

    async def _write(self, series: Series) -> None:
        count, last = series.count, series.last
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                if series.written:
                    await self._patch(series, count, last)
                else:
                    await self._create(series, count, last)
        except (ApiError, TimeoutError) as error:
            self._failed(series, error)
        else:
            self._queue.wrote(series, count, self._clock.monotonic())

    async def _create(self, series: Series, count: int, last: float) -> None:
        draft = series.draft
        first = self._time(series.first)
        series.object_name = _name(series, first)
        body: Object = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": series.object_name, "namespace": draft.namespace},
            "eventTime": _micro(first),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": draft.action,
            "reason": str(draft.reason),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": draft.kind,
                "namespace": draft.namespace,
                "name": draft.name,
                "uid": draft.uid,
                "resourceVersion": draft.resource_version,
            },
            "note": draft.note,
            "type": draft.type,
        }
        if count > 1:
            body["series"] = _series(count, self._time(last))
        url = path("events", draft.namespace, group=EVENTS)
        await self._kube.create(url, body, attempts=1)

    async def _patch(self, series: Series, count: int, last: float) -> None:
        url = path("events", series.draft.namespace, series.object_name, EVENTS)
        await self._kube.patch(url, {"series": _series(count, self._time(last))}, attempts=1)

    def _time(self, when: float) -> float:
        """Return the Unix time of a moment that the queue has in monotonic seconds."""
        return self._clock.now() - self._clock.monotonic() + when

    def _failed(self, series: Series, error: ApiError | TimeoutError) -> None:
        now = self._clock.monotonic()
        status = error.status if isinstance(error, ApiError) else 0
        if status == 404 and series.written:
            self._queue.lost(series)
            return
        passing = status in {0, 429} or status >= 500
        self._queue.failed(series, now, REQUEST_SECONDS if passing else None)
        if status == 403 and not self._forbidden:
            self._forbidden = True
            logger.warning(
                "Events cannot be written (%s): grant create and patch on events of events.k8s.io, or set "
                "events.enabled to false",
                error,
            )
        else:
            logger.debug("%s: an Event was not written: %s", series.draft.name, error)

    def _log_left_out(self) -> None:
        whole, now = sum(self._queue.left_out.values()), self._clock.monotonic()
        if whole == self._logged or now - self._logged_at < LOG_AGAIN_SECONDS:
            return
        logger.info(
            "%d Events were left out to limit their number; the status of each tenant has the details",
            whole - self._logged,
        )
        self._logged, self._logged_at = whole, now


def _name(series: Series, first: float) -> str:
    """Name an Event by its time, as client-go does: kubectl shows Events of this API in the order of their names."""
    ticks = int(first * 1e6) * 1000 + series.number % 1000
    # A tenant's name has up to 253 characters, and so has an Event's. A rewritten Event gets a new name.
    anew = secrets.token_hex(1) if series.tries or series.written_at else ""
    return f"{series.draft.name[:234].rstrip('.-')}.{ticks:016x}{anew}"


def _series(count: int, last: float) -> Object:
    return {"count": count, "lastObservedTime": _micro(last)}


def _micro(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
