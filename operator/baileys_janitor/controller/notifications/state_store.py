"""Keeps what was sent in a ConfigMap of the operator's namespace: read once, written after changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.notify import delivery_state_codec
from baileys_janitor.notify.delivery_state import DeliveryState

logger = logging.getLogger("janitor.notifications")

RETRY_SECONDS = 10.0
"""Seconds between attempts to read it: what was sent must be known before anything is sent."""
LAST_WRITE_SECONDS = 3.0
"""Seconds that the last write may take when the operator ends."""
KEY = "told"
ABOUT = (
    "Which notifications were sent, by hashes of tenants, so that a restart repeats nothing. Deleted, all that holds "
    "is told anew."
)


class StateStore:
    """The record; without a namespace it lasts as long as the process."""

    def __init__(self, kube: Kube, namespace: str, name: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._written = ""

    async def read(self) -> dict[str, DeliveryState]:
        """Return what each target was sent; waits while the API server cannot be asked."""
        if not self._namespace:
            logger.info("Outside a cluster it is not kept which notifications were sent")
            return {}
        while True:
            try:
                body = await self._kube.get(self._url())
            except ApiError as error:
                if error.status == 404:
                    return {}
                if error.status in {401, 403}:
                    logger.warning(
                        "Which notifications were sent cannot be read: %s; some may be repeated",
                        error,
                    )
                    return {}
                logger.warning("Which notifications were sent cannot be read yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            return self._decoded(str((body.get("data") or {}).get(KEY) or ""))

    def _decoded(self, text: str) -> dict[str, DeliveryState]:
        if not text:
            return {}
        try:
            return delivery_state_codec.decode(text)
        except ValueError as problem:
            logger.warning("The record of sent notifications is %s: all is told anew", problem)
            return {}

    async def write(self, deliveries: Mapping[str, DeliveryState]) -> bool:
        """Keep what each target was sent; return False, and log it, when that must be tried again."""
        # With thousands of incidents it takes a good part of a second, which others must not wait for.
        text = await asyncio.to_thread(
            delivery_state_codec.encode, {n: book.copy() for n, book in deliveries.items()}
        )
        if not self._namespace or text == self._written:
            return True
        try:
            await self._put(text)
        except ApiError as error:
            logger.warning("Which notifications were sent could not be kept: %s", error)
            return False
        self._written = text
        return True

    async def write_last(self, deliveries: Mapping[str, DeliveryState]) -> None:
        """Write once more, in a hurry."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self.write(deliveries)

    async def _put(self, text: str) -> None:
        data = {"about": ABOUT, KEY: text}
        try:
            await self._kube.patch(self._url(), {"data": data})
        except ApiError as error:
            if error.status != 404:
                raise
            meta = {"name": self._name, "namespace": self._namespace}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
            await self._kube.create(path("configmaps", self._namespace), body)

    def _url(self) -> str:
        return path("configmaps", self._namespace, self._name)
