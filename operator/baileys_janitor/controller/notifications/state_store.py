"""Stores the delivery state in a ConfigMap of the operator's namespace: read once, written after changes.

Each shard has a key of its own in it. The keys of another number of shards stay until every current shard has copied
its part from them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping

from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.shards.layout import ALL, Shards
from baileys_janitor.notify import delivery_state_codec
from baileys_janitor.notify.delivery_state import DeliveryState

logger = logging.getLogger("janitor.notifications")

RETRY_SECONDS = 10.0
"""Seconds between attempts to read it: earlier messages must be known before anything is sent."""
LAST_WRITE_SECONDS = 3.0
"""Seconds that the last write may take when the operator ends."""
KEY = "told"
TOO_LARGE = frozenset({413, 422})
"""An API server's status codes for a ConfigMap that is too large."""
ABOUT = (
    "The delivery state of notifications, by hashes of tenants, so that a restart repeats none. If it is deleted, all "
    "active incidents are sent again."
)


def key_of(shard: int, shards: int) -> str:
    """Return the key of a shard's record."""
    return KEY if shards == 1 else f"{KEY}-{shard}-of-{shards}"


class StateStore:
    """The record; without a namespace it lasts as long as the process."""

    def __init__(self, kube: Kube, namespace: str, name: str, shards: Shards = ALL) -> None:
        """`shards`: the shard that the record belongs to."""
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._shards = shards.count
        self._key = key_of(min(shards.held, default=0), shards.count)
        self._written = ""
        self._others: dict[str, str] = {}
        """The records that belong to another number of shards, by their keys."""

    async def read(self) -> dict[str, DeliveryState]:
        """Return each target's delivery state; wait while the API server does not answer."""
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
                        "The delivery state cannot be read: %s; some notifications may be repeated",
                        error,
                    )
                    return {}
                logger.warning("The delivery state cannot be read yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            data = body.get("data") or {}
            self._note_others(data)
            return self._decoded(str(data.get(self._key) or ""))

    def _note_others(self, data: Mapping[str, object]) -> None:
        own = {key_of(shard, self._shards) for shard in range(self._shards)}
        self._others = {
            key: str(text)
            for key, text in data.items()
            if key.split("-")[0] == KEY and key not in own
        }

    def has_another_layout(self) -> bool:
        """Return whether there is a record of another number of shards, as far as was read."""
        return bool(self._others)

    def read_others(self, own: Collection[int]) -> dict[str, DeliveryState]:
        """Return each target's delivery state about these tenants while the fleet was divided otherwise.

        `own`: the result of `identify` for each tenant. A cleanup that any shard has reported counts as reported.
        """
        merged: dict[str, DeliveryState] = {}
        for text in self._others.values():
            for name, book in self._decoded(text).items():
                found = merged.setdefault(name, DeliveryState())
                found.take_in(book, own)
        return merged

    def _decoded(self, text: str) -> dict[str, DeliveryState]:
        if not text:
            return {}
        try:
            return delivery_state_codec.decode(text)
        except ValueError as problem:
            logger.warning("The delivery state is %s: all active incidents are sent again", problem)
            return {}

    async def write(self, deliveries: Mapping[str, DeliveryState]) -> bool:
        """Store each target's delivery state; return False, and log it, if that must be tried again."""
        # With thousands of incidents it takes a good part of a second, which must not block other tasks.
        text = await asyncio.to_thread(
            delivery_state_codec.encode,
            {n: book.copy() for n, book in deliveries.items()},
            delivery_state_codec.LIMIT // self._shards,
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
        """Write a last time, with little time left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self.write(deliveries)

    async def _put(self, text: str) -> None:
        data: dict[str, str | None] = {"about": ABOUT, self._key: text}
        try:
            await self._patch(data)
        except ApiError as error:
            if error.status in TOO_LARGE and self._others:
                # There is no room for both: some messages may be repeated.
                await self._patch(data | dict.fromkeys(self._others))
                return
            if error.status != 404:
                raise
            meta = {"name": self._name, "namespace": self._namespace}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
            await self._kube.create(path("configmaps", self._namespace), body)

    async def _patch(self, data: Mapping[str, str | None]) -> None:
        written = (await self._kube.patch(self._url(), {"data": data})).get("data") or {}
        self._note_others(written)
        every = {key_of(shard, self._shards) for shard in range(self._shards)}
        if self._others and every <= set(written):
            # All shards have copied their parts.
            gone = dict.fromkeys(self._others)
            await self._kube.patch(self._url(), {"data": gone})
            self._others = {}

    def _url(self) -> str:
        return path("configmaps", self._namespace, self._name)
