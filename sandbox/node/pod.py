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
from sandbox.node.reporting import pod_status
from sandbox.node.sources import ConfigError, Sources
from sandbox.node.volumes import PodVolumes
from sandbox.server import pod_rules
from sandbox.server.times import now, parse

_AGAIN: Final = 0.1
_DEADLINE: Final = (
    "DeadlineExceeded",
    "Pod was active on the node longer than the specified deadline",
)


@dataclass(frozen=True, slots=True)
class Site:
    """The node's resources for each of its pods."""

    client: Client
    sources: Sources
    recorder: Recorder
    scratch: Path
    prefix: list[str]
    held: asyncio.Event


class PodRun:
    """Runs a pod, reports its status, and removes it from the node when it is deleted."""

    def __init__(self, site: Site, pod: Object) -> None:
        self.pod = pod
        self.containers: list[Container] = []
        self._inits: list[Container] = []
        self._site = site
        self._uid = pod["metadata"]["uid"]
        self._directory = site.scratch / self._uid
        self._volumes = PodVolumes(site.sources, pod, self._directory / "volumes")
        # Why containers have not been created: reason and message, by name.
        self._waiting: dict[str, tuple[str, str]] = {}
        self._deleted = asyncio.Event()
        # Set by the event that ends the pod before its containers end: reason and message.
        self._stop: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        self._mounted = False
        self._started = (pod.get("status") or {}).get("startTime") or now()
        self.update(pod)

    def update(self, pod: Object) -> None:
        """Update the pod from the API server."""
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()
            self.stop("", "")

    @property
    def made(self) -> list[Container]:
        """The containers created so far, init containers first."""
        return [*self._inits, *self.containers]

    def container(self, name: str) -> Container | None:
        """Return one of its containers, None while it has not been created."""
        return next((each for each in self.made if each.name == name), None)

    def refresh(self) -> None:
        """Update the pod's files from their objects."""
        if self._mounted:
            self._volumes.refresh()

    def stop(self, reason: str, message: str) -> None:
        """End the pod early; an empty reason leaves the phase to its containers."""
        if not self._stop.done():
            self._stop.set_result((reason, message))

    async def run(self) -> None:
        """Run the pod from start to end on the node."""
        deadline = self.pod["spec"].get("activeDeadlineSeconds")
        timer = None
        if deadline is not None:
            passed = (datetime.now(UTC) - parse(self._started)).total_seconds()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(max(deadline - passed, 0), self.stop, *_DEADLINE)
        try:
            if await self._prepared():
                await self._run_containers()
            self._mounted = False
            self._volumes.remove()
            await self._report_end()
            await self._deleted.wait()
            await self._forget()
        finally:
            if timer is not None:
                timer.cancel()

    async def _prepared(self) -> bool:
        """Wait for images and volumes; return False when the pod was ended meanwhile."""
        reported = ""
        while not self._stop.done():
            trouble = await self._trouble()
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

    async def _trouble(self) -> str:
        """Return why the pod cannot start yet, empty when it can."""
        if not self._site.held.is_set():
            return "held"
        for spec in pod_rules.containers(self.pod["spec"]):
            image = str(spec.get("image", ""))
            if "missing" in image.rpartition("/")[2].partition(":")[2]:
                return f'Failed to pull image "{image}": not found'
        try:
            self._site.sources.check(self.pod)
            await self._fetch_token()
            self._volumes.prepare()
            self._mounted = True
        except MountError as error:
            return str(error)
        return ""

    async def _fetch_token(self) -> None:
        volume = self._volumes.token_volume
        if not volume or self._volumes.token:
            return
        name, namespace = self.pod["spec"]["serviceAccountName"], self.pod["metadata"]["namespace"]
        asked = {"metadata": {"name": name}, "spec": {"audiences": []}}
        try:
            made = await self._site.client.create("v1/serviceaccounts", namespace, asked, "token")
        except ApiError as error:
            text = f'MountVolume.SetUp failed for volume "{volume}" : failed to fetch token: '
            raise MountError(f"{text}{error.message}") from None
        self._volumes.token = made["status"]["token"]

    async def _report_waiting(self, trouble: str) -> None:
        self._waiting = {}
        if trouble.startswith("Failed to pull"):
            image, why = trouble.split('"')[1], trouble.partition(": ")[2]
            await self._tell("Warning", "Failed", trouble)
            for reason, message in (
                ("ErrImagePull", why),
                ("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {why}'),
            ):
                waits = {spec["name"]: (reason, message) for spec in self._pulling(image)}
                self._waiting = waits
                await self._write(self._current("Pending"))
            await self._tell("Normal", "BackOff", f'Back-off pulling image "{image}"')
            return
        if trouble != "held":
            failed_attach = trouble.startswith("Multi-Attach")
            await self._tell(
                "Warning", "FailedAttachVolume" if failed_attach else "FailedMount", trouble
            )
        await self._write(self._current("Pending"))

    def _pulling(self, image: str) -> list[Object]:
        """Return the containers that wait for an image: init containers first, one after the other."""
        spec = self.pod["spec"]
        inits = [each for each in spec.get("initContainers") or () if each.get("image") == image]
        return inits[:1] or [each for each in spec["containers"] if each.get("image") == image]

    async def _run_containers(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        sidecars: list[tuple[Container, asyncio.Task[Ending]]] = []
        watch = asyncio.create_task(self._watch_sizes())
        try:
            if await self._initialized(sidecars):
                await self._run_mains()
            for made, task in reversed(sidecars):
                await self._end(task, [made])
        finally:
            watch.cancel()

    async def _initialized(self, sidecars: list[tuple[Container, asyncio.Task[Ending]]]) -> bool:
        """Run the init containers; return False when one fails. Sidecars are left running."""
        for spec in self.pod["spec"].get("initContainers") or ():
            made = await self._make(spec)
            if made is None:
                return False
            self._inits.append(made)
            task = asyncio.create_task(made.run())
            await asyncio.sleep(0)
            sidecar = pod_rules.is_sidecar(spec)
            if made.is_process or sidecar:
                await self._write(self._current("Pending"))
            else:
                # A simulated one has nothing to wait for.
                made.finish(0, "")
            if sidecar:
                sidecars.append((made, task))
                continue
            await self._until(task, [made])
            if not made.succeeded or self._stop.done():
                return False
        return True

    async def _run_mains(self) -> None:
        for each in self.pod["spec"]["containers"]:
            made = await self._make(each)
            if made is None:
                self.containers = []
                return
            self.containers.append(made)
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

    async def _watch_sizes(self) -> None:
        """Evict the pod once an emptyDir exceeds its limit."""
        while self._volumes.limits and not self._stop.done():
            if said := self._volumes.overfull():
                self.stop("Evicted", said)
            await asyncio.sleep(_AGAIN)

    async def _each_ended(self, running: list[asyncio.Task[Ending]]) -> None:
        """Wait for all containers; report each that ends while others continue."""
        left = {task for task in running if not task.done()}
        ended = len(running) - len(left)
        while left:
            if ended:
                await self._write(self._current("Running"))
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            ended = len(done)

    async def _until(self, done: asyncio.Future[Any], those: list[Container]) -> None:
        """Wait for containers; end them when the pod is stopped."""
        either: set[asyncio.Future[Any]] = {done, self._stop}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await self._end(done, those)

    async def _end(self, done: asyncio.Future[Any], those: list[Container]) -> None:
        """End running containers: SIGTERM, then SIGKILL."""
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

    async def _make(self, spec: Object) -> Container | None:
        """Create a container once it is possible; None when the pod was ended meanwhile."""
        reported = ""
        while not self._stop.done():
            try:
                environment = self._environment(spec)
                self._check_user(spec)
            except ConfigError as error:
                if str(error) != reported:
                    reported = str(error)
                    self._waiting = {spec["name"]: ("CreateContainerConfigError", reported)}
                    await self._tell("Warning", "Failed", f"Error: {reported}")
                    await self._write(self._current("Pending"))
                await self._pause(_AGAIN)
            else:
                self._waiting = {}
                return self._made(spec, environment)
        return None

    def _made(self, spec: Object, environment: dict[str, str]) -> Container:
        paths, message = Paths(), self._directory / f"{spec['name']}.message"
        for inside, local in self._volumes.mounted(spec):
            paths.add(inside, local)
        paths.add(spec.get("terminationMessagePath", "/dev/termination-log"), message)
        line = None
        if containers.is_ours(spec):
            found = containers.words(spec, [], environment)
            line = self._site.prefix + [paths.translate(word) for word in found]
        values = {name: paths.translate(value) for name, value in environment.items()}
        share = containers.POD_MESSAGE_LIMIT // len(pod_rules.containers(self.pod["spec"]))
        return Container(
            spec, line, values, self._directory, message, share, obeys=self._volumes.hidden
        )

    def _check_user(self, spec: Object) -> None:
        pod, own = self.pod["spec"].get("securityContext") or {}, spec.get("securityContext") or {}
        merged = {**pod, **own}
        if merged.get("runAsNonRoot") and merged.get("runAsUser") == 0:
            metadata = self.pod["metadata"]
            about = f"{metadata['name']}_{metadata['namespace']}({self._uid})"
            raise ConfigError(
                f'container\'s runAsUser breaks non-root policy (pod: "{about}", '
                f"container: {spec['name']})"
            )

    def _environment(self, spec: Object) -> dict[str, str]:
        """Return only the pod's own variables, and those that a Python needs to start."""
        search = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
        found = {"PATH": search}
        if "PYTHONPATH" in os.environ:
            found["PYTHONPATH"] = os.environ["PYTHONPATH"]
        return found | self._site.sources.environment(self.pod, spec)

    def _current(self, phase: str, reason: str = "", message: str = "") -> Object:
        states: dict[str, Object] = {
            name: {"waiting": {"reason": why, "message": text}}
            for name, (why, text) in self._waiting.items()
        }
        made = {each.name: each for each in self.made}
        return pod_status(self.pod["spec"], phase, self._started, made, states, reason, message)

    async def _report_end(self) -> None:
        reason, message = self._stop.result() if self._stop.done() else ("", "")
        if not self.made and not reason:
            # Deleted before any container ran.
            return
        mains = [*self._ordinary(), *self.containers]
        wanted = len(self.pod["spec"]["containers"])
        failed = bool(reason) or len(self.containers) < wanted
        failed = failed or not all(each.succeeded for each in mains)
        if reason == "Evicted":
            await self._tell("Warning", reason, message)
        await self._write(self._current("Failed" if failed else "Succeeded", reason, message))

    def _ordinary(self) -> list[Container]:
        """Return the init containers that end: a sidecar's end does not affect the pod."""
        return [each for each in self._inits if not pod_rules.is_sidecar(each.spec)]

    async def _write(self, status: Object) -> None:
        namespace, name = self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]
        body = {"metadata": {"uid": self._uid}, "status": status}
        # The API server may be unavailable for a while, as for a real kubelet.
        await self._site.sources.insist(
            lambda: self._site.client.patch(
                "v1/pods", namespace, name, body, sub="status", kind="strategic"
            )
        )

    async def _forget(self) -> None:
        """Delete the object itself, as a kubelet does at the end."""
        namespace, name = self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]
        await self._site.sources.insist(
            lambda: self._site.client.delete(
                "v1/pods", namespace, name, uid=self._uid, gracePeriodSeconds=0
            )
        )

    async def _tell(self, type_: str, reason: str, message: str) -> None:
        with contextlib.suppress(ApiError):
            await self._site.recorder.record("Pod", "v1", self.pod, type_, reason, message)
