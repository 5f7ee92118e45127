"""What the API server can do to an operator: it stops acting, acts again, and never ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baileys_janitor.controller import kopf_handlers
from baileys_janitor.controller.health import watch_audit
from baileys_janitor.controller.kube.client import LIST_ANEW, ApiError, Kube
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, completed_runs, until

live = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Operator = Callable[..., LocalOperator]
Object = dict[str, Any]


class Pages(Kube):
    """A list of so many objects, two a page. `expire`: how many continue tokens are refused."""

    def __init__(self, objects: int, expire: int = 0) -> None:
        self._names = [f"{n:03}" for n in range(objects)]
        self.expire = expire
        self.asked: list[str] = []

    async def _retried(self, verb: str, url: str, attempts: int = 6, **more: Any) -> Object:
        token = more["query"].get("continue", "")
        self.asked.append(token)
        if token and self.expire:
            self.expire -= 1
            # Meanwhile the first has gone and another one has come.
            self._names = [*self._names[1:], f"new-{len(self.asked)}"]
            raise ApiError(410, "Expired", "the token is too old")
        rest = [name for name in self._names if name > token]
        items = [{"metadata": {"name": name, "uid": name}} for name in rest[:2]]
        return {"items": items, "metadata": {"continue": rest[1] if len(rest) > 2 else ""}}


async def names(kube: Kube) -> list[str]:
    return [one["metadata"]["name"] async for one in kube.list("/api/v1/pods")]


async def test_a_list_whose_token_has_expired_begins_anew_and_yields_nothing_twice() -> None:
    assert await names(Pages(5)) == ["000", "001", "002", "003", "004"]
    kube = Pages(5, expire=2)
    found = await names(kube)
    assert found == ["000", "001", "002", "003", "004", "new-2", "new-4"]
    assert kube.asked.count("") == 3


async def test_a_list_that_never_gets_on_is_given_up() -> None:
    kube = Pages(5, expire=100)
    with pytest.raises(ApiError, match="410"):
        await names(kube)
    assert len(kube.asked) == 2 * (LIST_ANEW + 1)


class TestLive:
    """With a cluster."""

    pytestmark = live

    async def test_an_answer_that_is_cut_off_is_asked_for_again(
        self, world: World, kubeconfig: object
    ) -> None:
        kube = await Kube.connect()
        cut = world.cluster.cut(path=f"{world.namespace}/configmaps", times=2)
        url = f"/api/v1/namespaces/{world.namespace}/configmaps"
        found = await kube.get(url)
        await kube.close()
        assert cut.hits == 2
        assert found["kind"] == "ConfigMapList"

    @pytest.mark.parametrize("fault", ["gone", "cut", "error"])
    async def test_a_list_of_kopfs_that_breaks_is_read_anew(
        self, world: World, operator: Operator, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kopf_handlers, "CHUNK", 1)
        await world.company("acme", "healthy")
        await world.tenant("other", "no-such-claim")
        at = rf"{world.namespace}/baileystenants\?.*continue="
        if fault == "cut":
            broken = world.cluster.cut(path=at)
        else:
            broken = world.cluster.fail(410 if fault == "gone" else 400, path=at)
        async with operator() as running:
            await until(lambda: broken.hits, "Kopf asks for the second page")
            with running.hurry():
                await world.scanned("acme")
            await world.ready("other", "ClaimMissing")
            assert running.running
        assert running.left == []

    async def test_a_watch_of_kopfs_that_breaks_is_begun_anew(
        self, world: World, operator: Operator
    ) -> None:
        directory = await world.company("acme", "warning")
        async with operator() as running:
            await world.scanned("acme")
            for kind in ("baileystenants", "jobs", "pods"):
                cut = world.cluster.cut(path=rf"{world.namespace}/{kind}\?.*watch=true")
                world.cluster.drop_watches()
                await until(lambda cut=cut: cut.hits, f"the watch of {kind} is cut off")
            await world.ask("acme", "now")
            with running.hurry():
                await world.cleaned("acme")
                await world.quiet()
            assert running.running
        assert len(completed_runs(directory)) == 1

    async def test_a_tenant_that_went_while_nothing_was_watched_is_forgotten(
        self, world: World, operator: Operator
    ) -> None:
        await world.tenant("gone", "no-such-claim")
        await world.tenant("stays", "no-such-claim")
        async with operator() as running:
            await world.ready("gone", "ClaimMissing")
            broken = world.cluster.fail(503, path=f"{world.namespace}/.*watch=", times=None)
            world.cluster.drop_watches()
            await until(lambda: broken.hits, "nothing is watched")
            await world.client.delete(
                "janitor.baileys.dev/v1alpha1/baileystenants", world.namespace, "gone"
            )
            cut = world.cluster.cut(
                path=rf"{world.namespace}/baileystenants\?.*watch=true", times=None
            )
            world.cluster.forgive(broken)
            await until(lambda: cut.hits, "the watch is cut off")
            world.cluster.forgive(cut)

            def forgotten() -> bool:
                return [name for _, name in running.reconciler.cache.tenants] == ["stays"]

            await until(forgotten, "the tenant is forgotten")

    async def test_a_watch_that_says_nothing_is_noticed_and_begun_anew(
        self, world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch_audit, "GRACE_SECONDS", 1.0)
        monkeypatch.setattr(watch_audit, "TICK_SECONDS", 0.2)
        await world.company("acme", "healthy")
        async with operator() as running:
            await world.scanned("acme")
            await world.quiet()
            silent = world.cluster.delay(
                100.0, path=rf"{world.namespace}/baileystenants\?.*watch=true", times=None
            )
            world.cluster.drop_watches()
            await until(lambda: silent.hits, "the watch is silent")
            await world.edit("acme", suspend=True)
            world.cluster.forgive(silent)
            await world.ready("acme", "Suspended")
            assert running.running

    async def test_the_lease_is_lost_while_the_cluster_is_looked_up(
        self, world: World, operator: Operator, caplog: pytest.LogCaptureFixture
    ) -> None:
        election = {"enabled": True, "namespace": world.namespace, "duration": "4s"}
        directory = await world.company("acme", "warning")
        async with operator(leaderElection=election | {"renewInterval": "1s"}) as running:
            await world.scanned("acme")
            await world.quiet()
            for outage in ("one", "two"):
                # The lists of pods and claims hang, and fail once the Lease has gone.
                hanging = [
                    world.cluster.fail(503, path=f"{world.namespace}/{kind}", delay=4.5, times=None)
                    for kind in (r"pods\?.*fieldSelector", "persistentvolumeclaims")
                ]
                lease = world.cluster.fail(503, path="/leases", times=None)
                caplog.clear()
                await world.ask("acme", outage)
                running.skip(20)
                await until(lambda h=hanging: all(f.hits for f in h), "the cluster is looked up")
                await until(lambda: "cannot be had" in caplog.text, "the Lease is lost")
                for fault in (*hanging, lease):
                    world.cluster.forgive(fault)
                await until(lambda: "This operator leads" in caplog.text, "it leads again")
                assert running.running
            with running.hurry():
                await until(lambda: self._answered(world, "two"), "the last request is answered")
                await world.quiet()
        assert running.left == []
        runs = completed_runs(directory)
        assert len(runs) == len(set(runs)) >= 1

    @staticmethod
    async def _answered(world: World, token: str) -> bool:
        status = await world.status("acme")
        return status.get("lastHandledRequest") == token and not status.get("run")
