"""What a node looks up for its pods: claims, config maps, secrets, the values of variables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from sandbox.client import RETRIED, ApiError, Client, Object
from sandbox.controllers.claims import CLAIMS, VOLUMES, is_active, used_claims
from sandbox.informer import Informer, Informers, key
from sandbox.node.mounts import MountError, chosen, claim_directory, contents, write_files
from sandbox.server.jsonpath import first

_log = logging.getLogger(__name__)
_ATTEMPTS: Final = 60


class Sources:
    """Looks into the informers' copies; `root` holds `NAMESPACE/CLAIM` directories."""

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
        """Writes, again and again while the API server is away; an object that went is no error."""
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
        """Whether a pod's volumes are there.

        Raises:
            MountError: what the kubelet would say.
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
            self._check_files(namespace, volume)

    def _check_node(self, pod: Object, claim: Object, volume: Object) -> None:
        """ReadWriteOnce is for one node: the attach controller refuses a second one."""
        namespace, name = key(claim)
        node = pod["spec"]["nodeName"]
        for at, other in self._pods.items.items():
            elsewhere = other["spec"].get("nodeName") not in (None, node)
            if at[0] == namespace and elsewhere and is_active(other) and name in used_claims(other):
                # Of two that wait for each other, the one that runs holds the volume.
                if (other.get("status") or {}).get("phase") != "Running":
                    continue
                raise MountError(
                    f'Multi-Attach error for volume "{volume["metadata"]["name"]}" '
                    "Volume is already used by pod(s) " + at[1]
                )

    def _check_files(self, namespace: str, volume: Object) -> None:
        for kind, field in (("configMap", "name"), ("secret", "secretName")):
            source = volume.get(kind)
            if not source or source.get("optional"):
                continue
            value = self._kinds[kind].items.get((namespace, source[field]))
            text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : '
            if value is None:
                raise MountError(f'{text}{kind.lower()} "{source[field]}" not found')
            try:
                chosen(source, contents(kind, value))
            except MountError as problem:
                raise MountError(f"{text}{problem}") from None

    def mounts(self, pod: Object, container: Object, scratch: Path) -> Iterator[tuple[str, Path]]:
        """A container's mount paths and the local directories."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        for mount in container.get("volumeMounts") or ():
            directory = self._directory(pod, volumes[mount["name"]], scratch)
            directory.mkdir(parents=True, exist_ok=True)
            sub = mount.get("subPath")
            yield mount["mountPath"], directory / sub if sub else directory

    def _directory(self, pod: Object, volume: Object, scratch: Path) -> Path:
        namespace = pod["metadata"]["namespace"]
        own: Path = scratch / "volumes" / volume["name"]
        if source := volume.get("persistentVolumeClaim"):
            name = source["claimName"]
            claim = self._claims.items[namespace, name]
            bound = self._volumes.items["", claim["spec"]["volumeName"]]
            return claim_directory(bound, self._root, namespace, name)
        if source := volume.get("hostPath"):
            return Path(source["path"])
        for kind, field in (("configMap", "name"), ("secret", "secretName")):
            if source := volume.get(kind):
                value = self._kinds[kind].items.get((namespace, source[field]))
                files = {} if value is None else contents(kind, value)
                return write_files(own, chosen(source, files) if files else {})
        return own

    def environment(self, pod: Object, container: Object) -> dict[str, str]:
        """A container's variables, references to fields and keys included."""
        found: dict[str, str] = {}
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
        for kind in ("configMap", "secret"):
            if reference := source.get(f"{kind}KeyRef"):
                at = (pod["metadata"]["namespace"], reference["name"])
                value = self._kinds[kind].items.get(at)
                files = {} if value is None else contents(kind, value)
                content = files.get(reference["key"])
                return None if content is None else content.decode()
        return None
