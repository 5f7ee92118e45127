"""Finds out which of the listed namespaces can be managed: a deleted namespace takes the operator's roles along.

Kopf ends when a single watch is refused for long, and with it all other watches. So a namespace in which nothing may be
listed is left out, for the sake of the others, until listing is possible again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from baileys_janitor.api.names import PLURAL
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path

logger = logging.getLogger("janitor.operator")

LOOK_SECONDS: Final = 30.0
"""Seconds between two checks of the namespaces that are left out."""
SAY_EVERY: Final = 120
"""Checks after which the log message about them is repeated."""


async def readable(kube: Kube, namespaces: Sequence[str]) -> list[str]:
    """Return the namespaces in which tenants may be listed; all if there is none, because an empty list means all."""
    found = [each for each in namespaces if await _may_list(kube, each)]
    return found or [*namespaces]


async def until_back(kube: Kube, left_out: Sequence[str]) -> None:
    """Log that namespaces are left out, and return as soon as one of them can be managed again."""
    if not left_out:
        await asyncio.get_running_loop().create_future()
    looks = 0
    while True:
        if looks % SAY_EVERY == 0:
            logger.warning(
                "Left out: %s. The operator may not list tenants there: the namespace was deleted, or its role is "
                "missing. Take it out of watchNamespaces, or create it and upgrade the chart.",
                ", ".join(left_out),
            )
        looks += 1
        await asyncio.sleep(LOOK_SECONDS)
        for each in left_out:
            if await _may_list(kube, each):
                logger.info("The namespace %s can be looked after again", each)
                return


async def _may_list(kube: Kube, namespace: str) -> bool:
    """Return whether tenants may be listed; an API server that does not answer counts as permission."""
    try:
        async for _ in kube.list(path(PLURAL, namespace, group=TENANTS), chunk=1):
            break
    except ApiError as error:
        return error.status != 403
    return True
