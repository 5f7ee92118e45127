"""One pod on a node, from its binding to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers.recorder import Recorder
from sandbox.node import container as containers
from sandbox.node.container import Container, Ending
from sandbox.node.mounts import MountError, Paths
from sandbox.node.reporting import container_status, pod_status
from sandbox.node.sources import Sources
from sandbox.server.times import now, parse

_AGAIN: Final = 0.1
_DEADLINE: Final = (
    "DeadlineExceeded",
    "Pod was active on the node longer than the specified deadline",
)


@dataclass(frozen=True, slots=True)
class Site:
    """What a node gives to each of its pods."""

    client: Client
    sources: Sources
    recorder: Recorder
    scratch: Path
    prefix: list[str]
    held: asyncio.Event


class PodRun:
    """Runs a pod, reports on it, and takes it off the node when it is deleted."""

    def __init__(self, site: Site, pod: Object) -> None:
        self.pod = pod
        self.containers: list[Container] = []
        self._inits: list[Container] = []
        self._site = site
        self._uid = pod["metadata"]["uid"]
        self._directory = site.scratch / self._uid
        self._deleted = asyncio.Event()
        # Set by whatever ends the pod before its containers do: reason and message.
        self._stop: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        self._started = (pod.get("status") or {}).get("startTime") or now()
        self.update(pod)

    def update(self, pod: Object) -> None:
        """Takes in what the API server says of the pod now."""
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()
            self.stop("", "")

    def container(self, name: str) -> Container | None:
        """One of its containers, None while it has not been made."""
        made = (each for each in (*self._inits, *self.containers) if each.name == name)
        return next(made, None)

    def stop(self, reason: str, message: str) -> None:
        """Ends the pod early; an empty reason leaves the phase to its containers."""
        if not self._stop.done():
            self._stop.set_result((reason, message))

    async def run(self) -> None:
        """The pod's whole life on the node."""
        deadline = self.pod["spec"].get("activeDeadlineSeconds")
        timer = None
        if deadline is not None:
            passed = (datetime.now(UTC) - parse(self._started)).total_seconds()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(max(deadline - passed, 0), self.stop, *_DEADLINE)
        try:
            if await self._prepared():
                await self._run_containers()
            await self._report_end()
            await self._deleted.wait()
            await self._forget()
        finally:
            if timer is not None:
                timer.cancel()

    async def _prepared(self) -> bool:
        """Waits for images and volumes; False when the pod was ended meanwhile."""
        reported = ""
        while not self._stop.done():
            trouble = self._trouble()
            if not trouble:
                return True
            if trouble != reported:
                reported = trouble
                await self._report_waiting(trouble)
            await self._pause(_AGAIN)
        return False

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._stop), seconds)

    def _trouble(self) -> str:
        """Why the pod cannot start yet, empty when it can."""
        if not self._site.held.is_set():
            return "held"
        specs = [*(self.pod["spec"].get("initContainers") or ()), *self.pod["spec"]["containers"]]
        for spec in specs:
            image = str(spec.get("image", ""))
            if "missing" in image.rpartition("/")[2].partition(":")[2]:
                return f'Failed to pull image "{image}": not found'
        try:
            self._site.sources.check(self.pod)
        except MountError as error:
            return str(error)
        return ""

    async def _report_waiting(self, trouble: str) -> None:
        specs = self.pod["spec"]["containers"]
        reason, message = "ContainerCreating", ""
        if trouble.startswith("Failed to pull"):
            reason, message = "ErrImagePull", trouble.partition(": ")[2]
            await self._tell("Warning", "Failed", trouble)
            await self._write(self._pending(specs, reason, message))
            reason = "ImagePullBackOff"
            image = trouble.split('"')[1]
            message = f'Back-off pulling image "{image}": ErrImagePull: {message}'
            await self._tell("Normal", "BackOff", f'Back-off pulling image "{image}"')
        elif trouble != "held":
            failed_attach = trouble.startswith("Multi-Attach")
            await self._tell(
                "Warning", "FailedAttachVolume" if failed_attach else "FailedMount", trouble
            )
        await self._write(self._pending(specs, reason, message))

    def _pending(self, specs: list[Object], reason: str, message: str) -> Object:
        waiting = {"reason": reason, "message": message} if message else {"reason": reason}
        listed = [container_status(spec, {"waiting": waiting}, None) for spec in specs]
        return pod_status("Pending", self._started, listed)

    async def _run_containers(self) -> None:
        spec = self.pod["spec"]
        self._directory.mkdir(parents=True, exist_ok=True)
        for init in spec.get("initContainers") or ():
            made = self._make(init)
            self._inits.append(made)
            # One that is only played has nothing to wait for.
            done = asyncio.create_task(made.run())
            await asyncio.sleep(0)
            made.finish(0, "")
            await self._until(done, [made])
            if made.ending is None or made.ending.code or self._stop.done():
                return
        self.containers = [self._make(each) for each in spec["containers"]]
        running = [asyncio.create_task(each.run()) for each in self.containers]
        everything: asyncio.Future[Any] = asyncio.ensure_future(asyncio.wait(running))
        try:
            await asyncio.sleep(0)
            await self._tell("Normal", "Started", "Started container")
            if not everything.done():
                await self._write(self._current("Running"))
                everything = asyncio.ensure_future(self._each_ended(running))
            await self._until(everything, self.containers)
        finally:
            for task in (everything, *running):
                task.cancel()

    async def _each_ended(self, running: list[asyncio.Task[Ending]]) -> None:
        """Waits for all containers; each that ends while others go on is reported."""
        left = {task for task in running if not task.done()}
        ended = len(running) - len(left)
        while left:
            if ended:
                await self._write(self._current("Running"))
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            ended = len(done)

    async def _until(self, done: asyncio.Future[Any], those: list[Container]) -> None:
        """Waits for containers; when the pod is stopped, they get SIGTERM, then SIGKILL."""
        either: set[asyncio.Future[Any]] = {done, self._stop}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            return
        for each in those:
            each.signal(signal.SIGTERM)
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        grace = metadata.get("deletionGracePeriodSeconds")
        seconds = spec.get("terminationGracePeriodSeconds", 30) if grace is None else grace
        await asyncio.wait({done}, timeout=seconds)
        if not done.done():
            for each in those:
                each.signal(signal.SIGCONT)
                each.signal(signal.SIGKILL)
            await done

    def _make(self, spec: Object) -> Container:
        paths, message = Paths(), self._directory / f"{spec['name']}.message"
        for inside, local in self._site.sources.mounts(self.pod, spec, self._directory):
            paths.add(inside, local)
        paths.add(spec.get("terminationMessagePath", "/dev/termination-log"), message)
        environment = self._environment(spec)
        line = None
        if containers.is_ours(spec):
            found = containers.words(spec, [], environment)
            line = self._site.prefix + [paths.translate(word) for word in found]
        values = {name: paths.translate(value) for name, value in environment.items()}
        share = containers.POD_MESSAGE_LIMIT // len(self.pod["spec"]["containers"])
        limit = min(containers.MESSAGE_LIMIT, share)
        return Container(spec, line, values, self._directory, message, limit)

    def _environment(self, spec: Object) -> dict[str, str]:
        """Only what the pod says, and what a Python needs to start."""
        search = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
        found = {"PATH": search}
        if "PYTHONPATH" in os.environ:
            found["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return found | self._site.sources.environment(self.pod, spec)

    def _current(self, phase: str, reason: str = "", message: str = "") -> Object:
        def listed(specs: list[Object], made: list[Container]) -> list[Object]:
            by_name = {each.name: each for each in made}
            return [
                container_status(spec, _state(by_name.get(spec["name"])), by_name.get(spec["name"]))
                for spec in specs
            ]

        spec = self.pod["spec"]
        return pod_status(
            phase,
            self._started,
            listed(spec["containers"], self.containers),
            listed(spec.get("initContainers") or [], self._inits),
            reason,
            message,
        )

    async def _report_end(self) -> None:
        reason, message = self._stop.result() if self._stop.done() else ("", "")
        endings = [each.ending for each in (*self._inits, *self.containers)]
        failed = bool(reason) or any(ending is None or ending.code for ending in endings)
        if not self.containers and not reason:
            # Deleted before anything ran.
            return
        await self._write(self._current("Failed" if failed else "Succeeded", reason, message))

    async def _write(self, status: Object) -> None:
        namespace, name = self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]
        body = {"metadata": {"uid": self._uid}, "status": status}
        # The API server may be away for a while, as it may from a real kubelet.
        await self._site.sources.insist(
            lambda: self._site.client.patch(
                "v1/pods", namespace, name, body, sub="status", kind="strategic"
            )
        )

    async def _forget(self) -> None:
        """The kubelet's last word: the object itself goes."""
        namespace, name = self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]
        await self._site.sources.insist(
            lambda: self._site.client.delete(
                "v1/pods", namespace, name, uid=self._uid, gracePeriodSeconds=0
            )
        )

    async def _tell(self, type_: str, reason: str, message: str) -> None:
        with contextlib.suppress(ApiError):
            await self._site.recorder.record("Pod", "v1", self.pod, type_, reason, message)


def _state(made: Container | None) -> Object:
    return {"waiting": {"reason": "ContainerCreating"}} if made is None else made.state()
