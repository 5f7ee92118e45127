"""The volumes of one pod on its node."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from sandbox.client import Object
from sandbox.node import mounts
from sandbox.node.container import is_ours
from sandbox.node.mounts import File, MountError
from sandbox.node.sources import Sources
from sandbox.server import pod_rules
from sandbox.server.quantities import amount

IMAGE_USER: Final = 65_532
"""The user and group of the project's image."""


class PodVolumes:
    """The mounts of a pod's containers, as local directories.

    An emptyDir is a directory of the pod's own. The files of Secrets and ConfigMaps belong to root on a node, so a
    container of another user reads them by the mode for others, or by the mode for the group that fsGroup sets.

    Attributes:
        hidden: whether there is a file that none of the pod's containers may read.
        token: of the pod's account; the caller fetches it before `prepare`, where one is needed.
    """

    def __init__(self, sources: Sources, pod: Object, directory: Path) -> None:
        self.hidden = False
        self.token = ""
        self._sources = sources
        self._pod = pod
        self._directory = directory
        self._volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}

    def prepare(self) -> None:
        """Make the directories and write the files.

        Raises:
            MountError: an object is not there, or lacks a key.
        """
        for name, volume in self._volumes.items():
            own = self._directory / name
            own.mkdir(parents=True, exist_ok=True)
            found = self._sources.files(self._pod, volume, self.token)
            if found is not None:
                mounts.write(own, {path: self._seen(file) for path, file in found.items()})

    def refresh(self) -> None:
        """Rewrite the files that have changed; files whose objects are gone stay unchanged."""
        try:
            self.prepare()
        except MountError:
            return

    def mounted(self, container: Object) -> Iterator[tuple[str, Path]]:
        """Yield a container's mount paths, each with the local directory or file."""
        for mount in container.get("volumeMounts") or ():
            volume = self._volumes[mount["name"]]
            shared = self._sources.directory(self._pod["metadata"]["namespace"], volume)
            directory = shared or self._directory / mount["name"]
            directory.mkdir(parents=True, exist_ok=True)
            sub = mount.get("subPath")
            yield mount["mountPath"], directory / sub if sub else directory

    @property
    def token_volume(self) -> str:
        """Return the volume through which a process of the pod has its account's token, empty without one."""
        mounted: set[str] = {
            mount["name"]
            for each in pod_rules.containers(self._pod["spec"])
            if is_ours(each)
            for mount in each.get("volumeMounts") or ()
        }
        for name in mounted:
            sources = (self._volumes[name].get("projected") or {}).get("sources") or ()
            if any("serviceAccountToken" in source for source in sources):
                return name
        return ""

    @property
    def limits(self) -> dict[str, str]:
        """The size limits of the pod's emptyDirs, by the volume's name."""
        found = (
            (name, (v.get("emptyDir") or {}).get("sizeLimit")) for name, v in self._volumes.items()
        )
        return {
            name: str(limit)
            for name, limit in found
            if limit is not None and amount(str(limit)) > 0
        }

    def overfull(self) -> str:
        """Return the kubelet's message about an emptyDir that exceeds its limit, empty when none does."""
        for name, limit in self.limits.items():
            if mounts.size(self._directory / name) > amount(limit):
                return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
        return ""

    def remove(self) -> None:
        """Remove the pod's own volumes from the node."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _seen(self, file: File) -> File:
        """Return the file with its mode on a node; one that no container may read is unreadable here, too."""
        spec = self._pod["spec"]
        group = (spec.get("securityContext") or {}).get("fsGroup")
        mode = file.mode if group is None else file.mode | 0o440
        own = [each for each in pod_rules.containers(spec) if is_ours(each)]
        if own and not any(_may_read(spec, each, mode, group or 0) for each in own):
            self.hidden = True
            mode &= ~0o400
        return replace(file, mode=mode)


def _may_read(spec: Object, container: Object, mode: int, group: int) -> bool:
    """Return whether a container's user may read a file of root's that belongs to a group."""
    pod, own = spec.get("securityContext") or {}, container.get("securityContext") or {}
    user = own.get("runAsUser", pod.get("runAsUser"))
    # If only the user is set, the group is root.
    image_group = IMAGE_USER if user is None else 0
    groups = {own.get("runAsGroup", pod.get("runAsGroup", image_group)), pod.get("fsGroup")}
    groups |= set(pod.get("supplementalGroups") or ())
    return user == 0 or bool(mode & 0o004) or (group in groups and bool(mode & 0o040))
