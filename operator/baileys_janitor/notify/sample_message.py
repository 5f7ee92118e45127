"""Test messages for channels: each describes the messages that will be sent there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from baileys_janitor.api.config.notification_config import Notifications, Route
from baileys_janitor.notify import document, render
from baileys_janitor.notify.channels.factory import opened
from baileys_janitor.notify.channels.http import Undelivered
from baileys_janitor.notify.routes import targets
from baileys_janitor.notify.secrets import NoSecret
from baileys_janitor.notify.words import Reader

Object = dict[str, Any]


class Trial:
    """Test messages by channel."""

    def __init__(self, config: Notifications, environ: Mapping[str, str]) -> None:
        self._config = config
        self._environ = environ
        self._reader = Reader(ZoneInfo(config.time_zone), config.runbook_base_url)

    def text(self, channel: str) -> str:
        """Return the message as text."""
        return str(self._message(channel)["text"])

    async def run(self, channels: Iterable[str]) -> dict[str, str | None]:
        """Send a message to each of these channels; return the error by channel, None for success."""
        ready = opened(self._config, self._environ, self._reader)
        results: dict[str, str | None] = {}
        for name in channels:
            try:
                await ready[name].send(self._message(name))
                results[name] = None
            except (Undelivered, NoSecret) as problem:
                results[name] = str(problem)
            finally:
                await ready[name].close()
        return results

    def _message(self, channel: str) -> Object:
        routes = [each.route for each in targets(self._config) if each.channel == channel]
        lines = ["Nothing is wrong: somebody has run `baileys-janitor notify test`."]
        lines += [f"Route {route.name}: {'; '.join(_what(route))}" for route in routes]
        if not routes:
            lines.append("No route leads to this channel, so nothing else will come here.")
        told = document.message(
            "test",
            f"test/{channel}",
            f"{time.time_ns()}",
            f"Test of the channel {channel}",
            time.time(),
            lines=lines,
        )
        return render.finished(told, self._reader)


def _what(route: Route) -> Iterator[str]:
    yield f"what is {route.level} or worse" if route.level != "Emergency" else "emergencies"
    match = route.match
    for name, values in (
        ("namespaces", match.namespaces),
        ("tenants", match.tenants),
        ("companies", match.companies),
        ("labels", [f"{key}={value}" for key, value in match.labels.items()]),
        ("reasons", match.reasons),
    ):
        if values:
            yield f"{name} {', '.join(values)}"
    also = {
        "ends": route.resolved,
        "cleanups": route.tells_cleanups,
        "the daily summary": route.tells_summary,
    }
    if any(also.values()):
        yield f"with {', '.join(name for name, wanted in also.items() if wanted)}"
