"""Drops what belongs to other shards right at Kopf's watch, before it makes a task and a memory for each object.

Kopf has no setting for that: its selectors are the API server's, which knows no hash of a namespace that would spread
well (docs/decisions/2026-11-28-shards-by-namespace.md). So its stream of events is wrapped here. Nothing but cost hangs
on it: the handlers drop what is not kept, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import kopf
from kopf._cogs.clients import watching

Keeps = Callable[[str, Any], bool]
"""Whether an object of a kind, which is given in the plural, is kept."""

_ATTRIBUTE = "janitor_keeps"
_unfiltered = watching.infinite_watch


def drop_others(settings: kopf.OperatorSettings, keeps: Keeps) -> None:
    """Have a Kopf with these settings see only what is kept."""
    setattr(settings, _ATTRIBUTE, keeps)
    watching.infinite_watch = _filtered


async def _filtered(**of: Any) -> AsyncIterator[Any]:
    keeps: Keeps | None = getattr(of["settings"], _ATTRIBUTE, None)
    plural = of["resource"].plural
    async for event in _unfiltered(**of):
        found: Any = event
        # What tells how far the list or the watch has come is of no object.
        if (
            keeps is None
            or not isinstance(found, dict)
            or found.get("type") == "BOOKMARK"
            or keeps(plural, found["object"])
        ):
            yield event
