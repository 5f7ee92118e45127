"""A node's look-ups for its pods: claims, ConfigMaps, Secrets, values of variables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from sandbox.client import RETRIED, ApiError, Client, Object
from sandbox.controllers.claims import CLAIMS, VOLUMES, is_active, used_claims
from sandbox.informer import Informer, Informers, key
from sandbox.node.mounts import File, MountError, claim_directory, contents, files
from sandbox.server.jsonpath import first
from sandbox.server.service_accounts import ROOT_CA

_log = logging.getLogger(__name__)
_ATTEMPTS: Final = 60


class ConfigError(Exception):
    """A container cannot be created from its spec; the text is the kubelet's message."""


class Sources:
    """Reads from the informers' caches; `root` holds `NAMESPACE/CLAIM` directories."""

    def __init__(self, client: Client, informers: Informers, root: Path) -> None:
        self._client = client
        self._root = root
        self.broken: set[tuple[str, str]] = set()
        """(namespace, name) of claims that no node can mount."""
        self._pods: Informer = informers.get("v1/pods")
        self._claims = informers.get(CLAIMS)
        self._volumes = informers.get(VOLUMES)
        self._kinds = {
            "configMap": informers.get("v1/configmaps"),
            "secret": informers.get("v1/secrets"),
        }

    async def insist(self, write: Callable[[], Awaitable[Object]]) -> None:
        """Write, and retry while the API server is unavailable; a deleted object is no error."""
        wait = 0.05
        for _ in range(_ATTEMPTS):
            try:
                await write()
            except RETRIED as error:
                if isinstance(error, ApiError) and error.status in (404, 409):
                    return
                _log.debug("%s", error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 1.0)
            else:
                return

    def check(self, pod: Object) -> None:
        """Check that a pod's volumes are available.

        Raises:
            MountError: with the kubelet's message.
        """
        namespace = pod["metadata"]["namespace"]
        for name in used_claims(pod):
            claim = self._claims.items.get((namespace, name))
            if claim is None:
                raise MountError(f'persistentvolumeclaim "{name}" not found')
            volume = self._volumes.items.get(("", claim["spec"].get("volumeName") or ""))
            if volume is None or (claim.get("status") or {}).get("phase") != "Bound":
                raise MountError("can not mount unbound PVC")
            if (namespace, name) in self.broken:
                raise MountError(
                    f'MountVolume.MountDevice failed for volume "{volume["metadata"]["name"]}" : '
                    "rpc error: code = Internal desc = exit status 32"
                )
            if claim["spec"].get("accessModes") == ["ReadWriteOnce"]:
                self._check_node(pod, claim, volume)
        for volume in pod["spec"].get("volumes") or ():
            try:
                self.files(pod, volume)
            except MountError as problem:
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
                raise MountError(text) from None

    def _check_node(self, pod: Object, claim: Object, volume: Object) -> None:
        """Refuse a ReadWriteOnce claim on a second node, as the attach controller does."""
        namespace, name = key(claim)
        node = pod["spec"]["nodeName"]
        for at, other in self._pods.items.items():
            elsewhere = other["spec"].get("nodeName") not in (None, node)
            if at[0] == namespace and elsewhere and is_active(other) and name in used_claims(other):
                # Of two pods that wait for each other, the running one holds the volume.
                if (other.get("status") or {}).get("phase") != "Running":
                    continue
                raise MountError(
                    f'Multi-Attach error for volume "{volume["metadata"]["name"]}" '
                    "Volume is already used by pod(s) " + at[1]
                )

    def files(self, pod: Object, volume: Object, token: str = "") -> dict[str, File] | None:
        """Return the files of a volume that is built from objects; None for other volumes.

        Args:
            token: of the pod's account, where a volume has one.

        Raises:
            MountError: an object is missing, or lacks a key.
        """
        for kind, field in (("configMap", "name"), ("secret", "secretName")):
            if source := volume.get(kind):
                return files(kind, source, self._value(pod, kind, source[field]))
        if source := volume.get("projected"):
            return self._projected(pod, source, token)
        return None

    def _projected(self, pod: Object, source: Object, token: str) -> dict[str, File]:
        mode: int = source.get("defaultMode", 0o644)
        found: dict[str, File] = {}
        for part in source.get("sources") or ():
            for kind in self._kinds:
                if own := part.get(kind):
                    # Over plain HTTP there is no CA, so no controller publishes one.
                    about = {"optional": own["name"] == ROOT_CA, "secretName": own["name"], **own}
                    value = self._value(pod, kind, own["name"])
                    found |= files(kind, {**about, "defaultMode": mode}, value)
            for item in (part.get("downwardAPI") or {}).get("items") or ():
                text = str(self._referred(pod, item) or "")
                found[item["path"]] = File(text.encode(), mode)
            if own := part.get("serviceAccountToken"):
                found[own["path"]] = File(token.encode(), mode)
        return found

    def _value(self, pod: Object, kind: str, name: str) -> Object | None:
        return self._kinds[kind].items.get((pod["metadata"]["namespace"], name))

    def directory(self, namespace: str, volume: Object) -> Path | None:
        """Return the directory of a volume that outlives its pods; None for one of the pod's own."""
        if source := volume.get("persistentVolumeClaim"):
            name = source["claimName"]
            claim = self._claims.items[namespace, name]
            bound = self._volumes.items["", claim["spec"]["volumeName"]]
            return claim_directory(bound, self._root, namespace, name)
        if source := volume.get("hostPath"):
            return Path(source["path"])
        return None

    def environment(self, pod: Object, container: Object) -> dict[str, str]:
        """Return a container's variables, references to fields and keys included.

        Raises:
            ConfigError: an object or a key is missing.
        """
        found: dict[str, str] = {}
        for entry in container.get("envFrom") or ():
            for kind in self._kinds:
                if reference := entry.get(f"{kind}Ref"):
                    prefix = entry.get("prefix") or ""
                    for name, content in self._keys(pod, kind, reference).items():
                        found[f"{prefix}{name}"] = content.decode()
        for entry in container.get("env") or ():
            value = entry.get("value")
            if value is None and (source := entry.get("valueFrom")):
                value = self._referred(pod, source)
            if value is not None:
                found[entry["name"]] = str(value)
        return found

    def _referred(self, pod: Object, source: Object) -> Any:
        if reference := source.get("fieldRef"):
            path = reference["fieldPath"].replace("['", ".").replace("']", "")
            return first(pod, f".{path}")
        for kind in self._kinds:
            if reference := source.get(f"{kind}KeyRef"):
                content = self._keys(pod, kind, reference).get(reference["key"])
                if content is not None:
                    return content.decode()
                if not reference.get("optional"):
                    where = f"{pod['metadata']['namespace']}/{reference['name']}"
                    word = "Secret" if kind == "secret" else "ConfigMap"
                    raise ConfigError(f"couldn't find key {reference['key']} in {word} {where}")
        return None

    def _keys(self, pod: Object, kind: str, reference: Object) -> dict[str, bytes]:
        value = self._value(pod, kind, reference["name"])
        if value is not None:
            return contents(kind, value)
        if reference.get("optional"):
            return {}
        raise ConfigError(f'{kind.lower()} "{reference["name"]}" not found')
