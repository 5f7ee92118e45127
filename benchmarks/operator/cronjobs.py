"""Simulates the CronJob controller: one Job for each CronJob and minute.

Of a run's 36 requests on a real 1.36 cluster these seven are its own: the Job's creation and deletion, two writes of
the CronJob's status and three Events. The other 29 are those of any Job (`run`). The omissions favour the CronJobs: a
real controller manager is limited to twenty requests a second and falls behind by minutes, and the script in the pod
sends no requests to the API server.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Final

from benchmarks.operator.cell import Cell, met, until
from benchmarks.operator.furnishing import CRONJOBS
from benchmarks.operator.run import CONTROLLER, JOBS
from sandbox.client import ApiError
from sandbox.controllers.recorder import Recorder
from sandbox.server.times import now

Object = dict[str, Any]
AT_ONCE: Final = 16
MINUTE: Final = 60.0


class CronJobs:
    """Starts Jobs at each whole minute until cancelled."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._client = cell.simulation.client(CONTROLLER)
        self._recorder = Recorder(self._client, "cronjob-controller")
        self._last: dict[str, Object] = {}
        """By the CronJob's uid: the last Job, which the history still holds."""
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Run the controller; failures are noted in the cell's ledger."""
        listed, _ = await self._client.snapshot(CRONJOBS, metadata_only=False)
        while True:
            minute = (time.time() // MINUTE + 1) * MINUTE
            await until(minute)
            for each in listed:
                self._cell.simulation.start(self.once(each, minute))

    async def once(self, cronjob: Object, minute: float) -> None:
        """Carry out one run of one CronJob, due at that Unix time, to its end."""
        async with self._slots:
            job = await self._create(cronjob, minute)
            active = {"kind": "Job", "name": job["metadata"]["name"], "namespace": _namespace(job)}
            await self._write(cronjob, active=[active], lastScheduleTime=now())
        uid = job["metadata"]["uid"]
        await met(lambda: self._cell.simulation.completed(uid))
        async with self._slots:
            text = f"Saw completed job: {job['metadata']['name']}, condition: Complete"
            await self._tell(cronjob, "SawCompletedJob", text)
            await self._write(cronjob, active=[], lastSuccessfulTime=now())
            last = self._last.get(cronjob["metadata"]["uid"])
            self._last[cronjob["metadata"]["uid"]] = job
            if last is not None:
                await self._delete(cronjob, last)

    async def _create(self, cronjob: Object, minute: float) -> Object:
        meta, template = cronjob["metadata"], cronjob["spec"]["jobTemplate"]
        owner: Object = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"]}
        owner |= {"uid": meta["uid"], "controller": True, "blockOwnerDeletion": True}
        named = {"name": f"{meta['name']}-{int(minute // MINUTE)}", "ownerReferences": [owner]}
        body: Object = {"metadata": (template.get("metadata") or {}) | named}
        body["spec"] = template["spec"]
        job = await self._client.create(JOBS, meta["namespace"], body)
        await self._tell(cronjob, "SuccessfulCreate", f"Created job {job['metadata']['name']}")
        return job

    async def _delete(self, cronjob: Object, job: Object) -> None:
        name = job["metadata"]["name"]
        with _gone_is_fine():
            await self._client.delete(JOBS, _namespace(job), name, propagationPolicy="Background")
        await self._tell(cronjob, "SuccessfulDelete", f"Deleted job {name}")

    async def _write(self, cronjob: Object, **fields: Any) -> None:
        cronjob["status"] = (cronjob.get("status") or {}) | fields
        meta = {k: v for k, v in cronjob["metadata"].items() if k != "resourceVersion"}
        body: Object = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta}
        body |= {"spec": cronjob["spec"], "status": cronjob["status"]}
        url = f"/apis/batch/v1/namespaces/{meta['namespace']}/cronjobs/{meta['name']}/status"
        await self._client.request("PUT", url, body)

    async def _tell(self, cronjob: Object, reason: str, text: str) -> None:
        await self._recorder.record("CronJob", "batch/v1", cronjob, "Normal", reason, text)


def _namespace(body: Object) -> str:
    return str(body["metadata"]["namespace"])


@contextlib.contextmanager
def _gone_is_fine() -> Any:
    try:
        yield
    except ApiError as error:
        if error.status != 404:
            raise
