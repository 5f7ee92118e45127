"""Lists all resources of a kind every few minutes: nothing else detects a watch that no longer delivers anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path

LIST_AGAIN_SECONDS = 300.0
"""Seconds between two lists."""
logger = logging.getLogger("janitor.watch")


class Named(Protocol):
    """A known resource."""

    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def uid(self) -> str: ...


async def list_again(
    kube: Kube,
    clock: Clock,
    plural: str,
    namespaces: Sequence[str],
    known: Callable[[], Mapping[Any, Named]],
    observe: Callable[[dict[str, Any]], None],
    forget: Callable[[str, str, str], None],
) -> None:
    """List the resources of one of our kinds in these namespaces (none: in all), forever.

    Existing ones are passed to `observe`; those that were `known` before and are missing, to `forget` by namespace,
    name, uid.
    """
    while True:
        await clock.wait(asyncio.Event(), clock.now() + LIST_AGAIN_SECONDS)
        try:
            before = dict(known())
            there = set()
            watched: list[str | None] = [*namespaces] or [None]
            for namespace in watched:
                async for body in kube.list(path(plural, namespace, group=TENANTS)):
                    there.add(decoding.text(decoding.part(body, "metadata").get("uid")))
                    observe(body)
            for record in before.values():
                if record.uid not in there:
                    forget(record.namespace, record.name, record.uid)
        except ApiError as error:
            logger.debug("%s could not be listed: %s", plural, error)
