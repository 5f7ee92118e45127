"""The Job controller: pods from templates, conditions from pods, deadlines and the TTL."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Final

from sandbox.client import ApiError, Client, Object
from sandbox.controllers.queue import WorkQueue
from sandbox.controllers.recorder import Recorder
from sandbox.informer import Informers, Key, key
from sandbox.server.times import now, parse

_JOBS: Final = "batch/v1/jobs"
_PODS: Final = "v1/pods"


def finished(job: Object) -> str:
    """Return `Complete`, `Failed` or empty."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return ""


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", "Pending"))


def _seconds_since(text: str) -> float:
    return (datetime.now(UTC) - parse(text)).total_seconds()


class Jobs:
    """Runs the Jobs of a cluster."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._jobs = informers.get(_JOBS)
        self._pods = informers.get(_PODS)
        self._recorder = Recorder(client, "job-controller")
        self._queue = WorkQueue("job", self._reconcile)
        # Pods of a Job by the Job's uid, and the number of those that were deleted before they had
        # finished.
        self._owned: dict[str, set[Key]] = {}
        self._lost: dict[str, int] = {}
        self._jobs.listen(self._job_changed)
        self._pods.listen(self._pod_changed)

    async def run(self) -> None:
        await self._queue.run()

    def _job_changed(self, kind: str, job: Object, _: Object | None) -> None:
        if kind == "DELETED":
            self._lost.pop(job["metadata"]["uid"], None)
            return
        self._queue.add(key(job))

    def _pod_changed(self, kind: str, pod: Object, before: Object | None) -> None:
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner.get("kind") != "Job" or not owner.get("controller"):
                continue
            owned = self._owned.setdefault(owner["uid"], set())
            if kind == "DELETED":
                owned.discard(key(pod))
                if not owned:
                    del self._owned[owner["uid"]]
                if _phase(before or pod) not in ("Succeeded", "Failed"):
                    self._lost[owner["uid"]] = self._lost.get(owner["uid"], 0) + 1
            else:
                owned.add(key(pod))
            self._queue.add((pod["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, at: Key) -> None:
        job = self._jobs.items.get(at)
        if job is None or job["metadata"].get("deletionTimestamp"):
            return
        if finished(job):
            await self._expire(at, job)
            return
        spec, uid = job["spec"], job["metadata"]["uid"]
        keys = self._owned.get(uid, set())
        pods = [pod for k in keys if (pod := self._pods.items.get(k)) is not None]
        phases = [_phase(pod) for pod in pods]
        succeeded = phases.count("Succeeded")
        failed = phases.count("Failed") + self._lost.get(uid, 0)
        active = [pod for pod in pods if _phase(pod) in ("Pending", "Running", "Unknown")]
        counts = {"succeeded": succeeded, "failed": failed}
        if spec.get("suspend"):
            await self._suspend(at, job, active)
            return
        status = job.get("status") or {}
        started = status.get("startTime") or now()
        deadline = spec.get("activeDeadlineSeconds")
        if succeeded >= (spec.get("completions") or 1):
            await self._end(at, job, active, counts, started, None)
        elif failed > spec.get("backoffLimit", 6):
            why = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
            await self._end(at, job, active, counts, started, why)
        elif deadline is not None and _seconds_since(started) >= deadline:
            why = ("DeadlineExceeded", "Job was active longer than specified deadline")
            await self._end(at, job, active, counts, started, why)
        else:
            if deadline is not None:
                self._queue.after(deadline - _seconds_since(started) + 0.05, at)
            await self._advance(at, job, active, counts, started)

    async def _advance(
        self, at: Key, job: Object, active: list[Object], counts: dict[str, int], started: str
    ) -> None:
        spec = job["spec"]
        wanted = min(
            spec.get("parallelism", 1), (spec.get("completions") or 1) - counts["succeeded"]
        )
        number = len(active)
        while number < wanted:
            await self._create_pod(job)
            number += 1
        ready = sum(_is_ready(pod) for pod in active)
        status: Object = {
            "active": number or None,
            "ready": ready,
            "terminating": 0,
            "startTime": started,
            "uncountedTerminatedPods": {},
            "conditions": _with(job, ("Suspended", "False", "JobResumed", "Job resumed"))
            if _has(job, "Suspended")
            else None,
            **{name: count or None for name, count in counts.items()},
        }
        await self._write(at, job, status)

    async def _create_pod(self, job: Object) -> None:
        metadata = job["metadata"]
        template = copy.deepcopy(job["spec"]["template"])
        own = template.get("metadata") or {}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "generateName": f"{metadata['name'][:57]}-",
                "namespace": metadata["namespace"],
                "labels": own.get("labels") or {},
                "annotations": own.get("annotations") or {},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": template["spec"],
        }
        try:
            created = await self._client.create(_PODS, metadata["namespace"], pod)
        except ApiError as error:
            text = f"Error creating: {error.message}"
            await self._tell(job, "Warning", "FailedCreate", text)
            raise
        # At once: the next reconcile must not create a second one.
        self._pods.remember(created)
        text = f"Created pod: {created['metadata']['name']}"
        await self._tell(job, "Normal", "SuccessfulCreate", text)

    async def _end(
        self,
        at: Key,
        job: Object,
        active: list[Object],
        counts: dict[str, int],
        started: str,
        failure: tuple[str, str] | None,
    ) -> None:
        for pod in active:
            await self._delete_pod(pod)
        if failure is None:
            reason, message = "CompletionsReached", "Reached expected number of succeeded pods"
            names = ("SuccessCriteriaMet", "Complete")
        else:
            reason, message = failure
            names = ("FailureTarget", "Failed")
            # A pod that the deadline stopped counts as failed.
            counts = {**counts, "failed": counts["failed"] + len(active)}
        status: Object = {
            "active": None,
            "ready": 0,
            "terminating": 0,
            "startTime": started,
            "uncountedTerminatedPods": {},
            "conditions": _with(job, *((name, "True", reason, message) for name in names)),
            **{name: count or None for name, count in counts.items()},
        }
        if failure is None:
            status["completionTime"] = now()
        if await self._write(at, job, status):
            if failure is None:
                await self._tell(job, "Normal", "Completed", "Job completed")
            else:
                await self._tell(job, "Warning", *failure)

    async def _suspend(self, at: Key, job: Object, active: list[Object]) -> None:
        for pod in active:
            await self._delete_pod(pod)
        if active:
            # They were deleted on purpose, so they do not count as failed.
            uid = job["metadata"]["uid"]
            self._lost[uid] = self._lost.get(uid, 0) - len(active)
        conditions = _with(job, ("Suspended", "True", "JobSuspended", "Job suspended"))
        status = {"active": None, "ready": 0, "startTime": None, "conditions": conditions}
        await self._write(at, job, status)

    async def _delete_pod(self, pod: Object) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            return
        namespace, name = key(pod)
        try:
            await self._client.delete(_PODS, namespace, name, uid=pod["metadata"]["uid"])
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _write(self, at: Key, job: Object, status: Object) -> bool:
        """Write the differences; return whether there were any."""
        current = job.get("status") or {}
        patch = {name: value for name, value in status.items() if current.get(name) != value}
        if not patch:
            return False
        try:
            written = await self._client.patch(_JOBS, *at, {"status": patch}, sub="status")
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        self._jobs.remember(written)
        return True

    async def _expire(self, at: Key, job: Object) -> None:
        """Delete the Job when its TTL is over, counted from its end."""
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        ends = [
            c["lastTransitionTime"]
            for c in job["status"]["conditions"]
            if c["type"] in ("Complete", "Failed")
        ]
        left = ttl - _seconds_since(ends[0])
        if left > 0:
            self._queue.after(left + 0.05, at)
            return
        try:
            uid = job["metadata"]["uid"]
            await self._client.delete(_JOBS, *at, uid=uid, propagationPolicy="Foreground")
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _tell(self, job: Object, type_: str, reason: str, message: str) -> None:
        await self._recorder.record("Job", "batch/v1", job, type_, reason, message)


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _has(job: Object, name: str) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(c["type"] == name for c in conditions)


def _with(job: Object, *changes: tuple[str, str, str, str]) -> list[Object]:
    """Return the Job's conditions with some set; a time changes only with its status."""
    conditions = {c["type"]: c for c in (job.get("status") or {}).get("conditions") or ()}
    for name, status, reason, message in changes:
        if name in conditions and conditions[name]["status"] == status:
            continue
        conditions[name] = {
            "type": name,
            "status": status,
            "reason": reason,
            "message": message,
            "lastProbeTime": now(),
            "lastTransitionTime": now(),
        }
    return list(conditions.values())
