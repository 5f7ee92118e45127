"""What nobody foresaw is one tenant's fault: it is counted, told and backed off, and the others are looked after."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.controller.jobs.manifest import ACTION_LABEL, MEMBERS_ANNOTATION, Member, Pod
from baileys_janitor.controller.jobs.tracker import JOB_NAME_LABEL, TrackedJob
from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.job.result import Result, encode
from baileys_janitor.schedule import calendar, scan_times
from baileys_janitor.status import compose
from baileys_janitor.status.changes import Change, Crashed
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.record import TenantRecord
from tests.all_checks import examples
from tests.controller.metrics.fleets import StandingClock
from tests.controller.pure.test_forged_statuses import FORGED
from tests.controller.pure.world import CONFIG, NOW, body, look
from tests.schedule.simulation import applied

Object = dict[str, Any]


class Clock(StandingClock):
    """Time that a test moves; nobody waits."""

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        await event.wait()


class Server:
    """An API server that stores tenants' statuses and knows nothing else."""

    def __init__(self) -> None:
        self.tenants: dict[str, Object] = {}
        self.deleted: list[str] = []

    async def get(self, url: str) -> Object:
        name = url.rsplit("/", 1)[-1]
        if name not in self.tenants:
            raise ApiError(404, "NotFound", "")
        return self.tenants[name]

    async def list(self, url: str, **_: Any) -> Any:
        for nothing in ():
            yield nothing

    async def patch(self, url: str, patch: Object) -> Object:
        found = self.tenants[url.split("/")[-2]]
        version = str(int(found["metadata"]["resourceVersion"]) + 1)
        found |= {
            "metadata": found["metadata"] | {"resourceVersion": version},
            "status": applied(found["status"], patch["status"]),
        }
        return found

    async def create(self, url: str, body: Object) -> Object:
        raise ApiError(403, "Forbidden", "exceeded quota")

    async def delete(self, url: str, uid: str | None = None) -> None:
        self.deleted.append(f"{url.rsplit('/', 1)[-1]}/{uid}")


class Operator:
    """An engine that a test drives by hand."""

    def __init__(self, *names: str) -> None:
        self.server, self.clock = Server(), Clock()
        self.reconciler = Reconciler(cast("Kube", self.server), CONFIG, Pod("image"), self.clock)
        self.heard: list[Change] = []
        self.reconciler.bus.subscribe(self.heard.append)
        for name in names:
            self.server.tenants[name] = body(name=name, uid=f"u-{name}")
            self.reconciler.observe(self.server.tenants[name])

    def tenant(self, name: str) -> TenantRecord:
        return self.reconciler.cache.tenants["shop", name]

    async def go(self, seconds: float = 0.0) -> None:
        """Let time pass, and the loop once."""
        self.clock.time += seconds
        self.reconciler._pass()
        await asyncio.gather(*self.reconciler.workers._tasks)

    def crashes(self) -> int:
        return sum(isinstance(one, Crashed) for one in self.heard)

    def ready(self, name: str) -> Object:
        conditions = self.server.tenants[name]["status"].get("conditions") or ()
        return next((c for c in conditions if c["type"] == "Ready"), {})

    def tracked(self, name: str, action: str = "scan") -> TrackedJob:
        """A Job under way, its pod running."""
        member = Member(name, f"u-{name}")
        tracked = TrackedJob(
            "shop", f"job-{name}", action, [member], created=self.clock.time, uid=f"j-{name}"
        )
        tracked.started = self.clock.time
        self.tenant(name).jobs.scan = tracked.name
        return self.reconciler.tracker.add(tracked)


def pod(name: str, *, uid: str | None = None, message: Any = None, **more: Any) -> Object:
    """The pod of a tenant's Job, ended with a message."""
    owner = {"kind": "Job", "name": f"job-{name}", "uid": uid or f"j-{name}", "controller": True}
    state = {"terminated": {"exitCode": 0, "message": message}}
    return {
        "metadata": {"namespace": "shop", "name": f"pod-{name}", "ownerReferences": [owner]},
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": "Succeeded",
            "containerStatuses": [{"name": "janitor", "state": state}],
        },
    } | more


def result(**more: Any) -> str:
    return encode(Result("scan", int(NOW), [look(**more)])).decode()


def raises_for(name: str, real: Any) -> Any:
    """A function that raises where it is about one tenant, and is the real one for all others."""

    def call(tenant: TenantRecord, *args: Any, **kwargs: Any) -> Any:
        if tenant.name == name:
            raise ZeroDivisionError("of this tenant alone")
        return real(tenant, *args, **kwargs)

    return call


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (compose, "compose"),
        (calendar, "next_time"),
        (scan_times, "scan_time"),
        (record_result, "scanned"),
    ],
)
async def test_one_tenants_surprise_is_counted_told_backed_off_and_holds_up_nobody(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator("bad", "good")
    monkeypatch.setattr(module, name, raises_for("bad", getattr(module, name)))
    pauses = []
    for _ in range(4):
        for each in ("bad", "good"):
            operator.tracked(each)
            operator.reconciler.results.pod("MODIFIED", pod(each, message=result()))
        for _ in range(5):
            await operator.go(2)
        pauses.append(operator.tenant("bad").backoff.retry_at - operator.clock.time)
        operator.clock.time = max(operator.clock.time, operator.tenant("bad").backoff.retry_at)
    assert operator.ready("good")["reason"] == "Observing"
    assert operator.server.tenants["good"]["status"]["files"]["counted"] == 100
    assert operator.ready("bad")["reason"] == "InternalError"
    assert operator.ready("bad")["status"] == "False"
    assert operator.crashes() >= 4
    assert pauses == sorted(pauses), "ever longer"
    assert pauses[-1] > 60


async def test_a_traceback_is_written_once_and_not_at_every_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operator = Operator("bad")
    monkeypatch.setattr(calendar, "next_time", raises_for("bad", calendar.next_time))
    for _ in range(20):
        await operator.go(1)
        operator.reconciler._again(operator.tenant("bad"))
    written = [one for one in caplog.records if one.levelno >= logging.ERROR and one.exc_info]
    assert len(written) == 1
    assert operator.crashes() >= 20


async def test_a_tenant_that_is_well_again_starts_its_back_off_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Operator("bad")
    with monkeypatch.context() as broken:
        broken.setattr(compose, "compose", raises_for("bad", compose.compose))
        operator.tracked("bad")
        operator.reconciler.results.pod("MODIFIED", pod("bad", message=result()))
        await operator.go()
    assert operator.tenant("bad").backoff.crashes
    operator.tracked("bad")
    operator.reconciler.results.pod("MODIFIED", pod("bad", message=result()))
    await operator.go()
    assert operator.tenant("bad").backoff.crashes == 0
    assert operator.ready("bad")["reason"] == "Observing"


async def test_the_loop_goes_on_whatever_it_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = Operator("acme")
    passes = 0

    def fail() -> float:
        nonlocal passes
        passes += 1
        if passes == 3:
            raise asyncio.CancelledError
        raise RecursionError

    monkeypatch.setattr(operator.reconciler, "_pass", fail)
    monkeypatch.setattr("baileys_janitor.controller.reconciler.CRASH_PAUSE_MAX_SECONDS", 0.0)
    with pytest.raises(asyncio.CancelledError):
        await operator.reconciler.run()
    assert passes == 3
    assert operator.crashes() == 2


async def test_a_job_that_cannot_be_dealt_with_is_given_up_and_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Operator("acme")
    tracked = operator.tracked("acme")
    results, timeouts = operator.reconciler.results, operator.reconciler._timeouts
    monkeypatch.setattr(timeouts, "_watch_run", lambda *_: 1 / 0)
    await operator.go(1)
    assert tracked.settled
    assert operator.tenant("acme").jobs.scan is None
    assert operator.ready("acme")["reason"] == "InternalError"
    assert results.members(tracked) == [operator.tenant("acme")]
    await operator.go(1)
    assert operator.server.deleted == ["job-acme/j-acme"]


# Forged pods and Jobs


async def test_only_a_pod_of_the_operators_own_job_is_heard() -> None:
    operator = Operator("acme")
    tracked = operator.tracked("acme")
    for forged in (
        pod("acme", uid="another", message=result(counted=999)),
        pod("acme", message=result(counted=999))
        | {"metadata": {"namespace": "shop", "name": "evil"}},
        pod("acme", message=result(counted=999))
        | {
            "metadata": {
                "namespace": "shop",
                "name": "evil",
                "labels": {JOB_NAME_LABEL: "job-acme", ACTION_LABEL: "scan"},
                "annotations": {MEMBERS_ANNOTATION: '[["acme","u-acme"]]'},
            }
        },
    ):
        operator.reconciler.results.pod("MODIFIED", forged)
    assert not tracked.settled
    operator.reconciler.results.pod("MODIFIED", pod("acme", message=result(counted=100)))
    assert operator.tenant("acme").scan.counted == 100


async def test_forged_jobs_take_no_slot_and_are_deleted_a_few_at_a_time() -> None:
    operator = Operator("acme")
    await operator.reconciler.results.adopt(operator.reconciler._kube, [], lambda _: True)
    for number in range(60):
        labels = {ACTION_LABEL: "scan"}
        meta = {
            "namespace": "shop",
            "name": f"evil-{number}",
            "uid": f"e-{number}",
            "labels": labels,
        }
        meta["annotations"] = {MEMBERS_ANNOTATION: "[" * 100_000}
        operator.reconciler.results.job("ADDED", {"metadata": meta, "spec": {"suspend": True}})
    assert len(operator.reconciler.tracker) == 0
    assert operator.reconciler.queue.has_room("shop")
    await operator.go(300)
    assert 0 < len(operator.server.deleted) <= 8
    for _ in range(30):
        await operator.go(2)
    assert len(operator.server.deleted) == 60
    assert operator.crashes() == 0


async def test_a_result_that_says_what_the_journal_says_counts_for_nothing_in_the_breaker() -> None:
    operator = Operator("acme")
    tenant = operator.tenant("acme")
    from baileys_janitor.job.result import CleanResult

    for number in range(20):
        run = f"r{number}"
        tenant.cleanup.run = {"id": run, "reason": "Daily", "startTime": "2026-11-22T03:00:00Z"}
        tracked = operator.tracked("acme", "clean")
        tracked.run = run
        done = CleanResult(run, "Repeated", code="Completed", removed=5_000, before=5_000, after=0)
        document = encode(Result("clean", int(NOW), [done])).decode()
        operator.reconciler.results.pod("MODIFIED", pod("acme", message=document))
        assert tenant.run is None
        assert "removed" not in tenant.cleanup.history[0]
        operator.reconciler.tracker.drop(tracked)
    assert operator.reconciler.holds(operator.clock.time) is None


ANY = st.recursive(
    FORGED,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "metadata",
                        "spec",
                        "status",
                        "name",
                        "namespace",
                        "uid",
                        "labels",
                        "annotations",
                    ),
                    *(
                        "ownerReferences",
                        "controller",
                        "kind",
                        "phase",
                        "conditions",
                        "type",
                        "message",
                    ),
                    *("containerStatuses", "initContainerStatuses", "state", "running", "name"),
                    *("terminated", "waiting", "reason", "exitCode"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), ANY, ANY, ANY)
def test_no_pod_and_no_job_makes_the_operator_stumble(
    kind: str, status_: Any, anything: Any, message: Any
) -> None:
    async def test() -> None:
        operator = Operator("acme")
        operator.tracked("acme")
        operator.reconciler.results.pod(kind, anything)
        operator.reconciler.results.job(kind, anything)
        meta = {"namespace": "shop", "name": "job-acme", "uid": "j-acme"}
        operator.reconciler.results.job(kind, {"metadata": meta, "status": status_})
        operator.reconciler.tracker.add(operator.tracked("acme"))
        operator.reconciler.results.pod(kind, pod("acme", status=status_))
        operator.reconciler.results.pod(kind, pod("acme", message=message))
        await operator.go()
        assert operator.crashes() == 0

    asyncio.run(test())
