"""Volume claims: binding, protection while in use, and the release of volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers.queue import WorkQueue
from sandbox.controllers.recorder import Recorder
from sandbox.informer import Informers, Key, key
from sandbox.server.builtins import DEFAULT_CLASS, IN_USE

CLAIMS: Final = "v1/persistentvolumeclaims"
VOLUMES: Final = "v1/persistentvolumes"
CLASSES: Final = "storage.k8s.io/v1/storageclasses"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
# The classes of a sandbox: bound at once; by the first consumer; the same, tied to its node; never.
PROVISIONER: Final = "volumes.sandbox.invalid"
STORAGE_CLASSES: Final[tuple[Object, ...]] = (
    {
        "metadata": {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}},
        "provisioner": PROVISIONER,
    },
    {
        "metadata": {"name": "wait"},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
    },
    {
        "metadata": {"name": "local"},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
        "parameters": {"tied": "node"},
    },
    {"metadata": {"name": "never"}, "provisioner": "never.sandbox.invalid"},
)


def used_claims(pod: Object) -> list[str]:
    """Return the names of the claims that a pod mounts."""
    volumes = pod["spec"].get("volumes") or ()
    sources = (volume.get("persistentVolumeClaim") for volume in volumes)
    return [source["claimName"] for source in sources if source]


def is_active(pod: Object) -> bool:
    """Return whether a pod has not ended."""
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


class Claims:
    """Binds claims to directories below `root`, one `NAMESPACE/CLAIM` each."""

    def __init__(self, client: Client, informers: Informers, root: Path) -> None:
        self._client = client
        self._root = root
        self._claims = informers.get(CLAIMS)
        self._volumes = informers.get(VOLUMES)
        self._classes = informers.get(CLASSES)
        self._pods = informers.get("v1/pods")
        self._nodes = informers.get("v1/nodes")
        self._recorder = Recorder(client, "persistentvolume-controller")
        self._queue = WorkQueue("claim", self._reconcile)
        # Volumes by the claim that they are reserved for.
        self._meant: dict[Key, Key] = {}
        self._volume_queue = WorkQueue("volume", self._reconcile_volume)
        self._claims.listen(self._claim_changed)
        self._volumes.listen(self._volume_changed)
        self._pods.listen(self._pod_changed)
        self._classes.listen(self._class_changed)

    async def run(self) -> None:
        await self._queue.run()

    async def run_volumes(self) -> None:
        await self._volume_queue.run()

    def _claim_changed(self, _kind: str, claim: Object, _: Object | None) -> None:
        self._queue.add(key(claim))
        if name := claim["spec"].get("volumeName"):
            self._volume_queue.add(("", name))

    def _volume_changed(self, kind: str, volume: Object, _: Object | None) -> None:
        self._volume_queue.add(key(volume))
        if about := volume["spec"].get("claimRef"):
            if kind == "DELETED":
                self._meant.pop((about["namespace"], about["name"]), None)
            else:
                self._meant[about["namespace"], about["name"]] = key(volume)
            self._queue.add((about["namespace"], about["name"]))

    def _pod_changed(self, kind: str, pod: Object, _: Object | None) -> None:
        if kind == "DELETED" or not is_active(pod):
            for name in used_claims(pod):
                self._queue.add((pod["metadata"]["namespace"], name))

    def _class_changed(self, _kind: str, _class: Object, _: Object | None) -> None:
        for at, claim in self._claims.items.items():
            if (claim.get("status") or {}).get("phase") != "Bound":
                self._queue.add(at)

    async def _reconcile(self, at: Key) -> None:
        claim = self._claims.items.get(at)
        if claim is None:
            return
        if claim["metadata"].get("deletionTimestamp"):
            if not self._in_use(at):
                await self._release(CLAIMS, claim)
        elif (claim.get("status") or {}).get("phase") != "Bound":
            await self._bind(at, claim)

    def _in_use(self, at: Key) -> bool:
        return any(
            namespace == at[0] and at[1] in used_claims(pod) and is_active(pod)
            for (namespace, _), pod in self._pods.items.items()
        )

    async def _release(self, resource: str, value: Object) -> None:
        """Remove our finalizer, so that a deletion can continue."""
        protection = IN_USE[resource.rpartition("/")[2]]
        finalizers = value["metadata"].get("finalizers") or []
        if protection not in finalizers:
            return
        kept = [name for name in finalizers if name != protection]
        body = {
            "metadata": {
                "finalizers": kept,
                "resourceVersion": value["metadata"]["resourceVersion"],
            }
        }
        try:
            await self._client.patch(resource, *key(value), body)
        except ApiError as error:
            if error.status != 404:
                raise

    async def _bind(self, at: Key, claim: Object) -> None:
        name = claim["spec"].get("volumeName")
        if not name:
            volume = await self._provide(at, claim)
            if volume is None:
                return
            name = volume["metadata"]["name"]
            body = {"spec": {"volumeName": name}, "metadata": {"annotations": _BOUND}}
            claim = await self._client.patch(CLAIMS, *at, body)
        found = self._volumes.items.get(("", name))
        if found is None:
            return
        if not (found["spec"].get("claimRef") or {}).get("uid"):
            reference = {"spec": {"claimRef": _reference(claim)}}
            found = await self._client.patch(VOLUMES, "", name, reference)
            self._volumes.remember(found)
        status = {
            "phase": "Bound",
            "accessModes": found["spec"].get("accessModes"),
            "capacity": found["spec"].get("capacity"),
        }
        bound = await self._client.patch(CLAIMS, *at, {"status": status}, sub="status")
        self._claims.remember(bound)

    async def _provide(self, at: Key, claim: Object) -> Object | None:
        """Return the volume for a claim: a new one, unless its class requires waiting."""
        if (meant := self._volumes.items.get(self._meant.get(at, ("", "")))) is not None:
            reserved = meant["spec"]["claimRef"].get("uid")
            if reserved in (None, claim["metadata"]["uid"]):
                return meant
        storage_class = self._classes.items.get(("", claim["spec"].get("storageClassName") or ""))
        if storage_class is None or storage_class["provisioner"] != PROVISIONER:
            return None
        node = (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE)
        if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer" and not node:
            text = "waiting for first consumer to be created before binding"
            await self._tell(claim, "Normal", "WaitForFirstConsumer", text)
            return None
        body = self._volume(at, claim, storage_class, node)
        try:
            volume = await self._client.create(VOLUMES, "", body)
        except ApiError as error:
            if error.status != 409:
                raise
            volume = await self._client.get(VOLUMES, "", body["metadata"]["name"])
        self._volumes.remember(volume)
        text = f"Successfully provisioned volume {volume['metadata']['name']}"
        await self._tell(claim, "Normal", "ProvisioningSucceeded", text)
        return volume

    def _volume(self, at: Key, claim: Object, storage_class: Object, node: str | None) -> Object:
        directory = self._root / at[0] / at[1]
        directory.mkdir(parents=True, exist_ok=True)
        requests = (claim["spec"].get("resources") or {}).get("requests") or {}
        spec: Object = {
            "accessModes": claim["spec"].get("accessModes") or ["ReadWriteOnce"],
            "capacity": {"storage": requests.get("storage", "1Gi")},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            "claimRef": _reference(claim),
            "hostPath": {"path": str(directory.resolve())},
        }
        if (storage_class.get("parameters") or {}).get("tied") and node:
            labels = self._nodes.items[("", node)]["metadata"].get("labels") or {}
            name = "kubernetes.io/hostname"
            match = {"key": name, "operator": "In", "values": [labels.get(name, node)]}
            terms = [{"matchExpressions": [match]}]
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": f"pvc-{claim['metadata']['uid']}",
                "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            },
            "spec": spec,
        }

    async def _reconcile_volume(self, at: Key) -> None:
        volume = self._volumes.items.get(at)
        if volume is None:
            return
        about = volume["spec"].get("claimRef") or {}
        claim = self._claims.items.get((about.get("namespace", ""), about.get("name", "")))
        if claim is not None and about.get("uid") not in (None, claim["metadata"]["uid"]):
            claim = None
        phase = "Available" if not about else "Bound" if claim is not None else "Released"
        if not about.get("uid") and claim is None:
            phase = "Available"
        if volume["metadata"].get("deletionTimestamp"):
            if phase != "Bound":
                await self._release(VOLUMES, volume)
            return
        if (volume.get("status") or {}).get("phase") != phase:
            body = {"status": {"phase": phase}}
            self._volumes.remember(await self._client.patch(VOLUMES, *at, body, sub="status"))
        if phase == "Released" and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            # The object is deleted; the directory stays, whatever the policy: it may hold real
            # sessions.
            await self._client.delete(VOLUMES, *at)

    async def _tell(self, claim: Object, type_: str, reason: str, message: str) -> None:
        kind = "PersistentVolumeClaim"
        await self._recorder.record(kind, "v1", claim, type_, reason, message)


_BOUND: Final = {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
}


def _reference(claim: Object) -> Object:
    metadata = claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
