"""Takes events directly from Kopf's watch, before Kopf creates a task and a memory for each object.

Kopf lists and watches, and begins again after a lost connection; its further work on each object is for other kinds of
handlers than the operator's, and took a third of a start. It has no setting for that, so its stream of events is
wrapped here. Only the cost depends on it: if the wrapper has no effect, Kopf's handlers get the same events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import kopf
from kopf._cogs.clients import watching

Receive = Callable[[str, Any], None]
"""Receives an event of a kind, which is given in the plural."""

FULL = 500
"""Maximum number of events that wait to be handled: beyond it none are read, so that few objects are in memory."""
PAUSE_SECONDS = 0.005

_ATTRIBUTE = "janitor_receives"
_direct = watching.infinite_watch


def divert(settings: kopf.OperatorSettings, receive: Receive, waiting: Callable[[], int]) -> None:
    """Make a Kopf with these settings pass its events to `receive`; `waiting` returns how many are not handled yet."""
    vars(settings)[_ATTRIBUTE] = (receive, waiting)
    watching.infinite_watch = _diverted


async def _diverted(**of: Any) -> AsyncIterator[Any]:
    found = getattr(of["settings"], _ATTRIBUTE, None)
    plural = of["resource"].plural
    async for event in _direct(**of):
        each: Any = event
        # Markers of the progress of a list or watch are about no object.
        if found is None or not isinstance(each, dict) or each.get("type") == "BOOKMARK":
            yield event
            continue
        receive, waiting = found
        receive(plural, each)
        while waiting() > FULL:  # noqa: ASYNC110 - they are handled in another thread's loop
            await asyncio.sleep(PAUSE_SECONDS)
