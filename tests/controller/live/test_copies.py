"""Copies of creds.json on a cluster: who gets one, when, by how many Jobs, and what the status says of it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from baileys_janitor.policy.archives.credential_copies import Copy, copy_of
from baileys_janitor.status.changes import Change, JobEnded
from baileys_janitor.volume.files.state_names import copy_name
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, until
from tests.real import sessions

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def operator(operator: Operator) -> Operator:
    """An operator that keeps copies, and has no daily cleanup."""
    return partial(operator, defaults={"schedule": {"dailyCleanup": "Never"}})


def copies(directory: Path) -> list[Path]:
    return sorted(directory.glob(".janitor~creds~*"))


def age(directory: Path, seconds: float) -> None:
    """Make the newest copy older by so many seconds: the clock of a Job's node is not the operator's."""
    newest = copies(directory)[-1]
    copy = copy_of(newest.name.removeprefix(".janitor~creds~"))
    assert copy is not None
    older = Copy(int(copy.time - seconds), copy.tag)
    newest.rename(directory / copy_name(older.digits))


def counters(directory: Path, change: int) -> None:
    """Write creds.json anew as the library does, in place, with other counters."""
    file = directory / "creds.json"
    creds = json.loads(file.read_text())
    for name in ("nextPreKeyId", "firstUnuploadedPreKeyId"):
        creds[name] += change
    file.write_text(json.dumps(creds))


async def company(world: World, name: str, **spec: Any) -> Path:
    """A tenant whose creds.json the test writes to."""
    directory = await world.claim(name)
    sessions.unpack("warning", directory)
    await world.workload(name)
    await world.tenant(name, name, **spec)
    return directory


class Jobs:
    """The members of each Job that keeps copies, as it ends."""

    def __init__(self, running: LocalOperator) -> None:
        self.members: list[int] = []
        self.outcomes: list[str] = []
        running.reconciler.bus.subscribe(self._hear)

    def _hear(self, change: Change) -> None:
        if isinstance(change, JobEnded) and change.action == "keep":
            self.members.append(change.members)
            self.outcomes.append(change.outcome)


async def passes(running: LocalOperator, seconds: float, steps: int = 3) -> None:
    """Let time pass in a few steps. A scan comes first, and what it has found is acted on a moment later."""
    for _ in range(steps):
        for span in (seconds / steps, 2.0):
            running.skip(span)
            await until(running.idle, "the operator is idle")


async def kept(running: LocalOperator, directory: Path, number: int) -> None:
    """Let time pass until so many copies lie in a directory, and the operator has taken that in."""
    for _ in range(6):
        await passes(running, HOUR / 2, steps=1)
        if len(copies(directory)) >= number:
            break
    assert len(copies(directory)) == number


async def test_a_copy_is_kept_once_and_again_only_when_creds_json_has_changed(
    world: World, operator: Operator
) -> None:
    directory = await company(world, "acme")
    async with operator() as running:
        jobs = Jobs(running)
        await world.scanned("acme")
        await kept(running, directory, 1)
        copy = copies(directory)[0]
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert copy.read_bytes() == (directory / "creds.json").read_bytes()
        age(directory, 3 * DAY)
        await passes(running, DAY)
        assert (len(copies(directory)), jobs.members) == (1, [1])

        counters(directory, 5)
        await kept(running, directory, 2)
        status = await world.status("acme")
    assert jobs.members == [1, 1]
    assert status["credentialsCopies"]["count"] in (1, 2)
    assert from_rfc3339(status["credentialsCopies"]["newestTime"]) is not None
    assert "reason" not in status["credentialsCopies"]


def volume_mounts(job: dict[str, Any]) -> list[dict[str, Any]]:
    [container] = job["spec"]["template"]["spec"]["containers"]
    mounts: list[dict[str, Any]] = container["volumeMounts"]
    return mounts


async def test_a_job_that_keeps_copies_mounts_claims_to_write_and_shares_them_as_a_scan_does(
    world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []
    job = manifest.job

    def watched(**fields: Any) -> dict[str, Any]:
        made.append(job(**fields))
        return made[-1]

    monkeypatch.setattr(manifest, "job", watched)
    names = [f"acme-{number}" for number in range(4)]
    directories = []
    for name in names:
        directories.append(await world.claim(name))
        world.session(directories[-1], "warning")
    await world.workload(*names)
    for name in names:
        await world.tenant(name, name)
    async with operator(knows=len(names)) as running:
        jobs = Jobs(running)
        for name in names:
            await world.scanned(name)
        await until(running.idle, "all are looked at")
        await kept(running, directories[-1], 1)
        await world.quiet()
    assert sum(jobs.members) == 4
    assert max(jobs.members) > 1, "tenants that are due together share a Job"
    keeping = [each for each in made if each["metadata"]["labels"][ACTION_LABEL] == "keep"]
    shared = max(keeping, key=lambda each: len(volume_mounts(each)))
    assert [mount["readOnly"] for mount in volume_mounts(shared)] == [False] * max(jobs.members)
    assert "ownerReferences" not in shared["metadata"]
    assert all(len(copies(each)) == 1 for each in directories)


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True},
        {"mode": "Observe"},
        {"mode": "DryRun"},
        {"credentialsCopies": {"keep": 0}},
    ],
    ids=["suspended", "observed", "dry run", "keep 0"],
)
async def test_nothing_is_written_where_nothing_may_be(
    world: World, operator: Operator, spec: dict[str, Any]
) -> None:
    directory = await world.company("acme", "warning", **spec)
    async with operator() as running:
        jobs = Jobs(running)
        await until(lambda: running.reconciler.cache.tenants, "the tenant is known")
        await until(running.idle, "the operator is idle")
        await passes(running, DAY)
        await world.quiet()
    assert (jobs.members, copies(directory)) == ([], [])


async def test_a_cleanup_keeps_a_copy_first_and_so_saves_a_job(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "emergency")
    async with operator() as running:
        jobs = Jobs(running)
        status = await world.cleaned("acme")
        assert len(copies(directory)) == 1
        assert status["credentialsCopies"]["count"] == 1
        running.skip(HOUR)
        await until(running.idle, "the operator is idle")
        await world.quiet()
    assert (jobs.members, len(copies(directory))) == ([], 1)


async def test_what_keeps_a_copy_from_being_made_is_in_the_status_and_an_event(
    world: World, operator: Operator
) -> None:
    directory = await company(world, "acme")
    async with operator() as running:
        jobs = Jobs(running)
        await world.scanned("acme")
        await kept(running, directory, 1)
        age(directory, 3 * DAY)
        counters(directory, -1)  # as something does that puts an old file back

        async def reason() -> str | None:
            copies = (await world.status("acme")).get("credentialsCopies") or {}
            found: str | None = copies.get("reason")
            return found

        await passes(running, 4 * HOUR)
        await until(reason, "the status says why")
        await passes(running, DAY)
        assert await reason() == "CredentialsOlder"
        message = (await world.status("acme"))["credentialsCopies"]["message"]
        assert "put an old file back" in message
        assert len(jobs.members) <= 3, "it is tried no more often than a copy is kept"
        assert (await world.condition("acme", "Ready"))["status"] == "True"
        events = await world.client.select("events.k8s.io/v1/events", world.namespace)
        notes = [each["note"] for each in events["items"] if each["reason"] == "CopyNotKept"]
        assert notes == [message]

        counters(directory, 7)
        await passes(running, DAY)
        assert len(copies(directory)) == 2
        assert await reason() is None


async def test_an_operator_that_starts_anew_neither_repeats_nor_forgets_a_copy(
    world: World, operator: Operator
) -> None:
    directory = await company(world, "acme")
    async with operator() as running:
        await world.scanned("acme")
        await kept(running, directory, 1)
        age(directory, 3 * DAY)
    for changed in (False, True):
        if changed:
            counters(directory, 5)
        async with operator() as running:
            jobs = Jobs(running)
            await until(lambda: running.reconciler.cache.tenants, "the tenant is known")
            await passes(running, DAY)
        assert jobs.members == ([1] if changed else [])
    assert len(copies(directory)) == 2
