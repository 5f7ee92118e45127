"""Events, with one object for repeated events."""

from __future__ import annotations

import secrets
from typing import Final

from sandbox.client import RETRIED, Client, Object
from sandbox.server.times import now

_REMEMBERED: Final = 4096


class Recorder:
    """Writes core/v1 Events as a component does; a repeated event only increases the count."""

    def __init__(self, client: Client, component: str) -> None:
        self._client = client
        self._component = component
        self._seen: dict[tuple[str, str, str], tuple[str, int]] = {}

    async def record(
        self, kind: str, api_version: str, about: Object, type_: str, reason: str, message: str
    ) -> None:
        """Record an event about an object; a failure to write it is ignored."""
        metadata = about["metadata"]
        namespace = metadata.get("namespace", "default")
        at = (metadata["uid"], reason, message)
        try:
            if at in self._seen:
                name, count = self._seen[at]
                self._seen[at] = (name, count + 1)
                body: Object = {"count": count + 1, "lastTimestamp": now()}
                await self._client.patch("v1/events", namespace, name, body)
                return
            name = f"{metadata['name']}.{secrets.token_hex(8)}"
            if len(self._seen) > _REMEMBERED:
                self._seen.clear()
            self._seen[at] = (name, 1)
            body = {
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": {
                    "kind": kind,
                    "apiVersion": api_version,
                    "namespace": metadata.get("namespace", ""),
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "resourceVersion": metadata.get("resourceVersion", ""),
                },
                "type": type_,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": now(),
                "lastTimestamp": now(),
                "source": {"component": self._component},
                "reportingComponent": self._component,
                "reportingInstance": "",
            }
            await self._client.create("v1/events", namespace, body)
        except RETRIED:
            self._seen.pop(at, None)
