"""The nodes of a sandbox, and the operations of tests on their pods."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from pathlib import Path
from typing import Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers.recorder import Recorder
from sandbox.informer import Informers, Key, key
from sandbox.node.container import Container, command_prefix
from sandbox.node.pod import PodRun, Site
from sandbox.node.reporting import ADDRESS, condition
from sandbox.node.sources import Sources

_log = logging.getLogger(__name__)
_NODES: Final = "v1/nodes"


class Kubelet:
    """One object acts as the kubelet of every node of the sandbox.

    Args:
        root: holds a directory `NAMESPACE/CLAIM` for each claim.
        scratch: the directory of emptyDirs, outputs and termination messages.
        prefix: the command that runs the project.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        root: Path,
        scratch: Path,
        names: list[str],
        prefix: list[str] | None = None,
    ) -> None:
        self.names = names
        self._lost: set[str] = set()
        self._client = client
        self._runs: dict[str, PodRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._held = asyncio.Event()
        self._held.set()
        self._site = Site(
            client=client,
            sources=Sources(client, informers, root),
            recorder=Recorder(client, "kubelet"),
            scratch=scratch,
            prefix=prefix or command_prefix(),
            held=self._held,
        )
        self._pods = informers.get("v1/pods")
        self._files = [informers.get(kind) for kind in ("v1/secrets", "v1/configmaps")]

    async def start(self) -> None:
        """Register the nodes, and start the pods that are bound to them."""
        for name in self.names:
            await self._register(name)
        self._pods.listen(self._pod_changed)
        for informer in self._files:
            informer.listen(self._files_changed)

    async def stop(self) -> None:
        """Kill every pod's processes."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _register(self, name: str) -> None:
        # As in some real clusters, the hostname label differs from the node's name.
        labels = {"kubernetes.io/hostname": f"{name}.sandbox", "kubernetes.io/os": "linux"}
        node: Object = {"apiVersion": "v1", "kind": "Node", "spec": {}}
        node["metadata"] = {"name": name, "labels": labels}
        try:
            await self._client.create(_NODES, "", node)
        except ApiError as error:
            if error.status != 409:
                raise
        ready = condition("Ready", true=True, reason="KubeletReady", message="kubelet is ready")
        ready["lastHeartbeatTime"] = ready["lastTransitionTime"]
        del ready["lastProbeTime"]
        resources = {"cpu": "64", "memory": "64Gi", "pods": "10000"}
        status: Object = {
            "conditions": [ready],
            "addresses": [{"type": "InternalIP", "address": ADDRESS}],
            "capacity": resources,
            "allocatable": resources,
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "sandbox://1",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.0+sandbox",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "sandbox",
                "systemUUID": "",
            },
        }
        await self._client.patch(_NODES, "", name, {"status": status}, sub="status")
        # An API server may taint a new node; there is no node controller to remove the taint.
        untainted = {"spec": {"taints": None}}
        await self._client.patch(_NODES, "", name, untainted)

    def _pod_changed(self, kind: str, pod: Object, _: Object | None) -> None:
        uid = pod["metadata"]["uid"]
        if pod["spec"].get("nodeName") in self._lost:
            # A lost node is not notified: its processes continue, even when the object is gone.
            return
        if kind == "DELETED":
            if task := self._tasks.pop(uid, None):
                task.cancel()
            return
        if pod["spec"].get("nodeName") not in self.names:
            return
        if uid in self._runs:
            self._runs[uid].update(pod)
            return
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        self._runs[uid] = PodRun(self._site, pod)
        self._tasks[uid] = asyncio.create_task(self._run(uid), name=f"pod {key(pod)}")

    def _files_changed(self, _kind: str, value: Object, _: Object | None) -> None:
        """Update the pods that mount a changed Secret or ConfigMap."""
        for run in self._runs.values():
            if run.pod["metadata"]["namespace"] == value["metadata"]["namespace"]:
                run.refresh()

    async def _run(self, uid: str) -> None:
        run = self._runs[uid]
        try:
            await run.run()
        except asyncio.CancelledError:
            for container in run.made:
                container.signal(signal.SIGKILL)
            raise
        except Exception:  # noqa: BLE001 - one pod must not end the node
            _log.exception("pod %s", key(run.pod))
        finally:
            self._runs.pop(uid, None)
            self._tasks.pop(uid, None)
            shutil.rmtree(self._site.scratch / uid, ignore_errors=True)

    def _find(self, at: Key) -> PodRun:
        """Return a test's pod.

        Raises:
            LookupError: it is not on a node.
        """
        for run in self._runs.values():
            if key(run.pod) == at:
                return run
        raise LookupError(f"no pod {at[0]}/{at[1]} on any node")

    def _running(self, namespace: str, name: str, container: str = "") -> list[Container]:
        made = self._find((namespace, name)).made
        return [each for each in made if each.running and container in ("", each.name)]

    def hold(self) -> None:
        """Keep pods in ContainerCreating from now on."""
        self._held.clear()

    def release(self) -> None:
        """Let the held pods start."""
        self._held.set()

    async def lose(self, node: str) -> None:
        """Disconnect a node: its processes continue, its pods keep their phase, and deleted ones stay Terminating."""
        self._lost.add(node)
        ready = condition("Ready", true=False, reason="NodeStatusUnknown", message="no heartbeat")
        del ready["lastProbeTime"]
        status = {"conditions": [ready | {"status": "Unknown"}]}
        await self._client.patch(_NODES, "", node, {"status": status}, sub="status")
        taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
        await self._client.patch(_NODES, "", node, {"spec": {"taints": [taint]}})

    async def find_again(self, node: str) -> None:
        """Reconnect a lost node, and update the state of its pods."""
        self._lost.discard(node)
        ready = condition("Ready", true=True, reason="KubeletReady", message="kubelet is ready")
        del ready["lastProbeTime"]
        await self._client.patch(
            _NODES, "", node, {"status": {"conditions": [ready]}}, sub="status"
        )
        await self._client.patch(_NODES, "", node, {"spec": {"taints": None}})
        there = {pod["metadata"]["uid"]: pod for pod in self._pods.items.values()}
        for uid, run in list(self._runs.items()):
            if run.pod["spec"].get("nodeName") == node:
                self._pod_changed(
                    "MODIFIED" if uid in there else "DELETED", there.get(uid, run.pod), None
                )
        for pod in there.values():
            if pod["metadata"]["uid"] not in self._runs:
                self._pod_changed("ADDED", pod, None)

    def break_claim(self, namespace: str, name: str) -> None:
        """Make mounts of that claim fail from now on, for pods that have not started yet."""
        self._site.sources.broken.add((namespace, name))

    def mend_claim(self, namespace: str, name: str) -> None:
        """Allow that claim to be mounted again."""
        self._site.sources.broken.discard((namespace, name))

    def kill(self, namespace: str, name: str, container: str = "") -> None:
        """Send SIGKILL to a pod's containers, or to one: exit code 137, reason Error."""
        for each in self._running(namespace, name, container):
            each.signal(signal.SIGKILL)

    def out_of_memory(self, namespace: str, name: str, container: str = "") -> None:
        """Kill a pod's containers as the kernel does: exit code 137, reason OOMKilled."""
        for each in self._running(namespace, name, container):
            each.end_as("OOMKilled")

    def pause(self, namespace: str, name: str, container: str = "") -> None:
        """Send SIGSTOP to a pod's processes."""
        for each in self._running(namespace, name, container):
            each.signal(signal.SIGSTOP)

    def resume(self, namespace: str, name: str, container: str = "") -> None:
        """Send SIGCONT to a pod's processes."""
        for each in self._running(namespace, name, container):
            each.signal(signal.SIGCONT)

    def finish(
        self, namespace: str, name: str, code: int = 0, message: str = "", container: str = ""
    ) -> None:
        """End the simulated containers of a pod, or one."""
        for each in self._running(namespace, name, container):
            each.finish(code, message)

    def evict(self, namespace: str, name: str) -> None:
        """Evict a pod as a node under pressure does: phase Failed, reason Evicted."""
        text = "The node was low on resource: ephemeral-storage."
        self._find((namespace, name)).stop("Evicted", text)

    def log(self, namespace: str, name: str, container: str) -> tuple[str, bool]:
        """Return a container's output, and whether it still runs; empty once the pod is gone."""
        try:
            made = self._find((namespace, name)).container(container)
        except LookupError:
            return "", False
        if made is None:
            return "", False
        text = made.output.read_text(errors="replace") if made.output.exists() else ""
        return text, made.running

    def output(self, namespace: str, name: str) -> str:
        """Return the stdout and stderr of a pod's containers, while it exists."""
        logs = [each.output for each in self._find((namespace, name)).made]
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())
