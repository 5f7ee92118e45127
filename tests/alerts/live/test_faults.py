"""What else can befall a tenant or the operator: each alert fires when it happens, and ends when it is over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from baileys_janitor.status.changes import Crashed
from tests.alerts.live.conftest import Operator
from tests.alerts.live.prometheus import Prometheus
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.test_job_faults import evict
from tests.controller.live.world import World, until
from tests.notify.receivers import Answer, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR, DAY = 3600, 86_400
EVERY_MINUTE = {"scanInterval": "1m", "adaptive": False}


async def again(running: LocalOperator, seconds: float = 61) -> None:
    """Let the tenants be scanned once more."""
    running.skip(seconds)
    await until(running.idle, "the scan is over")


async def test_a_count_that_is_too_old_is_told_until_there_is_a_new_one(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    # As Prometheus sees an operator that has stood still for ten minutes.
    clock = SkippingClock()
    clock.skip(-600)
    async with operator(clock) as running:
        await prometheus.fires("BaileysTenantScanStale", namespace=world.namespace)
        running.skip(700)
        await prometheus.ends("BaileysTenantScanStale", namespace=world.namespace)


async def test_a_tenant_that_cannot_be_looked_after_is_told_with_the_reason(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    await world.edit("acme", volume={"path": "elsewhere"})
    async with operator():
        alert = await prometheus.fires("BaileysTenantStalled", namespace=world.namespace)
        assert alert["labels"]["reason"] == "DirectoryMissing"
        await world.edit("acme", volume={"path": "."})
        await prometheus.ends("BaileysTenantStalled", namespace=world.namespace)


async def test_a_directory_in_which_no_cleanup_can_run_is_told_until_one_can(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company("acme", "warning")
    # Scans do not mind what nobody would take for a lock that was left behind.
    (directory / ".cleanup.lock").mkdir()
    async with operator():
        await world.scanned("acme")
        await world.ask("acme", "first")
        alert = await prometheus.fires("BaileysTenantStalled", namespace=world.namespace)
        assert alert["labels"]["reason"] == "LockRefused"
        (directory / ".cleanup.lock").rmdir()
        await world.ask("acme", "second")
        await prometheus.ends("BaileysTenantStalled", namespace=world.namespace)


async def test_a_cleanup_that_fails_is_told_until_one_does_not(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "warning", schedule=EVERY_MINUTE)
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        world.cluster.kubelet.hold()
        await world.ask("acme", "first")
        for attempt in range(3):
            await evict(world)
            await world.quiet()
            running.skip(20 * 2**attempt)
        await world.cleaned("acme", "Failed")
        world.cluster.kubelet.release()
        with running.hurry():
            await prometheus.fires("BaileysTenantCleanupFailing", namespace=world.namespace)
            await world.ask("acme", "second")
            await prometheus.ends("BaileysTenantCleanupFailing", namespace=world.namespace)


async def test_broken_credentials_are_told_until_they_are_whole(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    creds = directory / "creds.json"
    whole, written = creds.read_bytes(), creds.stat()
    async with operator() as running:
        await world.scanned("acme")
        creds.write_bytes(whole[: len(whole) // 2])
        with running.hurry():
            alert = await prometheus.fires(
                "BaileysTenantCredentialsCorrupt", namespace=world.namespace
            )
            assert alert["labels"]["severity"] == "critical"
            creds.write_bytes(whole)
            os.utime(creds, ns=(written.st_atime_ns, written.st_mtime_ns))
            await prometheus.ends("BaileysTenantCredentialsCorrupt", namespace=world.namespace)


async def test_missing_credentials_are_told_until_they_are_back(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    creds, aside = directory / "creds.json", directory.parent / "acme-creds"
    async with operator() as running:
        await world.scanned("acme")
        creds.rename(aside)
        with running.hurry():
            alert = await prometheus.fires(
                "BaileysTenantCredentialsMissing", namespace=world.namespace
            )
            assert alert["labels"]["severity"] == "critical"
            aside.rename(creds)
            await prometheus.ends("BaileysTenantCredentialsMissing", namespace=world.namespace)


async def test_a_session_without_traffic_is_told_until_there_is_some(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company("acme", "stopped", schedule=EVERY_MINUTE)
    async with operator() as running:
        await prometheus.fires("BaileysTenantSessionInactive", namespace=world.namespace)
        os.utime(next(directory.glob("session-*.json")))
        await again(running)
        await prometheus.ends("BaileysTenantSessionInactive", namespace=world.namespace)


async def test_a_full_volume_is_told_until_there_is_room(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    tenant = {"namespace": world.namespace, "tenant": "acme"}
    # No test may fill a disk: another limit makes this one full. (That of bytes is a tenth of a volume at most.)
    async with operator(diskPressure={"freeInodes": 10**15}):
        await prometheus.fires("BaileysTenantDiskPressure", **tenant)
    async with operator(knows=1) as running:
        # That it is silent counts once the second operator has been heard.
        level = f'baileys_session_level{{namespace="{world.namespace}"}} == 0'
        await until(lambda: prometheus.query(level), "the second operator is scraped")
        await again(running)
        await prometheus.ends("BaileysTenantDiskPressure", **tenant)
        assert await prometheus.query(level)


async def test_another_identity_is_told_for_a_day(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    creds = directory / "creds.json"
    before, written = creds.read_text(), creds.stat()
    async with operator() as running:
        await world.scanned("acme")
        paired_again(creds)
        await again(running)
        await prometheus.fires("BaileysTenantIdentityChanged", namespace=world.namespace)
        await again(running, DAY + 60)
        await prometheus.ends("BaileysTenantIdentityChanged", namespace=world.namespace)
        creds.write_text(before)
        os.utime(creds, ns=(written.st_atime_ns, written.st_mtime_ns))


def paired_again(creds: Path) -> None:
    """Give the session another noise key and account, as pairing anew does."""
    found = json.loads(creds.read_text())
    found["me"]["id"] = "12015550199:1@s.whatsapp.net"
    found["registrationId"] += 1
    for key in ("noiseKey", "signedIdentityKey"):
        public = found[key]["public"]["data"]
        found[key]["public"]["data"] = public[:4][::-1] + public[4:]
    creds.write_text(json.dumps(found))


async def test_an_operator_that_is_gone_is_told_until_there_is_one(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "healthy")
    async with operator():
        await prometheus.scraped()
        await prometheus.ends("BaileysJanitorDown")
    alert = await prometheus.fires("BaileysJanitorDown", job="janitor")
    assert alert["annotations"]["summary"] == "No baileys-janitor is at work (job janitor)"
    async with operator():
        await prometheus.ends("BaileysJanitorDown")


async def test_held_cleanups_are_told_until_the_hold_is_over(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    for name in ("one", "two"):
        await world.company(name, "old")
    breaker = {"percent": 5, "runs": 2, "window": "1h", "hold": "2h"}
    async with operator(circuitBreaker=breaker) as running:
        for name in ("one", "two"):
            await world.cleaned(name)
        await prometheus.fires("BaileysJanitorCircuitBreakerOpen")
        running.skip(2 * HOUR + 60)
        await prometheus.ends("BaileysJanitorCircuitBreakerOpen")


async def test_held_cleanups_of_one_namespace_are_told_without_waking_anybody(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    other = World(world.cluster, f"{world.namespace}-other")
    await world.client.create("v1/namespaces", "", {"metadata": {"name": other.namespace}})
    await other.company("three", "healthy")
    for name in ("one", "two"):
        await world.company(name, "old")
    breaker = {"percent": 5, "runs": 2, "window": "1h", "hold": "2h"}
    both = [world.namespace, other.namespace]
    alert = "BaileysJanitorNamespaceCircuitBreakerOpen"
    async with operator(circuitBreaker=breaker, watchNamespaces=both) as running:
        for name in ("one", "two"):
            await world.cleaned(name)
        await prometheus.fires(alert, namespace=world.namespace)
        fired = {found["labels"]["alertname"] for found in await prometheus.firing()}
        assert "BaileysJanitorCircuitBreakerOpen" not in fired
        held = (
            f'baileys_session_condition{{namespace="{world.namespace}",condition="CleanupsHeld"}}'
        )
        await until(lambda: prometheus.query(held), "the condition has a series")
        running.skip(2 * HOUR + 60)
        await prometheus.ends(alert, namespace=world.namespace)


async def test_an_exception_that_nobody_foresaw_is_told(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "healthy")
    async with operator() as running:
        count = 'baileys_janitor_internal_errors_total{site="job"}'
        await until(lambda: prometheus.query(count), "the operator is scraped")
        running.reconciler.bus.publish(Crashed("job"))
        alert = await prometheus.fires("BaileysJanitorInternalErrors", site="job")
        assert alert["labels"]["severity"] == "warning"


async def test_a_channel_at_which_nothing_arrives_is_told_until_something_does(
    world: World, operator: Operator, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.company("acme", "critical", schedule=EVERY_MINUTE)
    hook = {"name": "night", "webhook": {"urlKey": "HOOK"}}
    monkeypatch.setenv("NO_PROXY", "*")
    async with Receiver(then=lambda _: Answer(404)).served() as receiver:
        monkeypatch.setenv("HOOK", receiver.url)
        async with operator(notifications={"channels": [hook]}) as running:
            with running.hurry():
                alert = await prometheus.fires("BaileysJanitorNotificationsFailing")
                assert alert["labels"]["channel"] == "night"
                receiver.then = lambda _: Answer()
                await prometheus.ends("BaileysJanitorNotificationsFailing")
                assert receiver.taken


async def test_an_operator_that_does_not_get_on_is_told_until_it_does(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    names = [f"company-{number}" for number in range(4)]
    for name in names:
        await world.company(name, "healthy")
    world.cluster.kubelet.hold()
    limits = {"jobsInFlight": 1, "tenantsPerScan": 1}
    async with operator(knows=4, limits=limits) as running:
        await until(lambda: len(running.reconciler.queue) == 3, "three wait for the fourth")
        running.skip(400)
        await prometheus.fires("BaileysJanitorSchedulingLag")
        world.cluster.kubelet.release()
        with running.hurry():
            for name in names:
                await world.scanned(name)
        await prometheus.ends("BaileysJanitorSchedulingLag")
