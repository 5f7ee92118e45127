"""Takes events right from Kopf's watch, before it makes a task and a memory for each object.

Kopf lists and watches, and begins anew where a connection was lost; what it does with each object besides is for
handlers of another kind than the operator's, and was a third of a start. It has no setting for that, so its stream of
events is wrapped here. Only cost hangs on it: where the wrapper has no effect, Kopf's handlers get the same events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import kopf
from kopf._cogs.clients import watching

Receive = Callable[[str, Any], None]
"""Takes in an event of a kind, which is given in the plural."""

FULL = 500
"""Events that may wait to be handled: no more are read meanwhile, so that few objects are held at a time."""
PAUSE_SECONDS = 0.005

_ATTRIBUTE = "janitor_receives"
_direct = watching.infinite_watch


def divert(settings: kopf.OperatorSettings, receive: Receive, waiting: Callable[[], int]) -> None:
    """Have a Kopf with these settings give its events to `receive`; `waiting` returns how many are not handled yet."""
    vars(settings)[_ATTRIBUTE] = (receive, waiting)
    watching.infinite_watch = _diverted


async def _diverted(**of: Any) -> AsyncIterator[Any]:
    found = getattr(of["settings"], _ATTRIBUTE, None)
    plural = of["resource"].plural
    async for event in _direct(**of):
        each: Any = event
        # What tells how far the list or the watch has come is of no object.
        if found is None or not isinstance(each, dict) or each.get("type") == "BOOKMARK":
            yield event
            continue
        receive, waiting = found
        receive(plural, each)
        while waiting() > FULL:  # noqa: ASYNC110 - they are handled in another thread's loop
            await asyncio.sleep(PAUSE_SECONDS)
