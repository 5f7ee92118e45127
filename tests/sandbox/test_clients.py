"""The clients that the operator is made of."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import kopf
import pytest
import pytest_asyncio
from kubernetes import aio as untyped

from sandbox import Cluster
from tests.all_checks import ALL_CHECKS
from tests.sandbox.support import DEFINITION, PATIENCE, thing, until

aio: Any = untyped
CRDS, THINGS = "apiextensions.k8s.io/v1/customresourcedefinitions", "example.dev/v1/things"


@pytest_asyncio.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with Cluster(tmp_path) as started:
        await started.client.create(CRDS, "", DEFINITION)
        await until(lambda: started.client.select(THINGS))
        yield started


@pytest.fixture
def seen() -> list[tuple[str | None, str]]:
    return []


@pytest_asyncio.fixture
async def operator(
    fresh: Cluster, seen: list[tuple[str | None, str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A Kopf operator that notes events, answers in the status, and keeps a finalizer."""
    monkeypatch.setenv("KUBECONFIG", str(fresh.kubeconfig))
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)

    @kopf.on.event("example.dev", "v1", "things", registry=registry)
    async def noted(event: Any, name: str, **_: Any) -> None:
        seen.append((event["type"], name))

    @kopf.on.create("example.dev", "v1", "things", registry=registry)
    async def created(patch: Any, **_: Any) -> None:
        patch.status["level"] = "Healthy"

    @kopf.on.delete("example.dev", "v1", "things", registry=registry)
    async def deleted(**_: Any) -> None:
        return None

    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="example.dev")
    stop, ready = threading.Event(), threading.Event()

    def run() -> None:
        kopf.run(
            registry=registry,
            settings=settings,
            stop_flag=stop,
            ready_flag=ready,
            clusterwide=True,
            standalone=True,
        )

    # In a loop of its own: on its way out, Kopf cancels every younger task of its loop.
    running = asyncio.create_task(asyncio.to_thread(run))
    await until(ready.is_set)
    yield
    stop.set()
    await asyncio.wait_for(running, PATIENCE)


@pytest.mark.usefixtures("operator")
async def test_a_kopf_operator_sees_handles_and_lets_go(
    fresh: Cluster, seen: list[tuple[str | None, str]]
) -> None:
    await fresh.client.create(THINGS, "default", thing())

    async def handled() -> bool:
        found = await fresh.client.get(THINGS, "default", "acme")
        return bool(found["status"].get("level") == "Healthy")

    await until(handled)
    assert (await fresh.client.get(THINGS, "default", "acme"))["metadata"]["finalizers"]
    await fresh.client.delete(THINGS, "default", "acme")
    await until(lambda: ("DELETED", "acme") in seen)


@pytest.mark.usefixtures("operator")
async def test_a_kopf_operator_survives_a_restart_of_the_api_server(
    fresh: Cluster, seen: list[tuple[str | None, str]]
) -> None:
    if fresh.real:
        pytest.skip("needs the sandbox's own API server")
    await fresh.client.create(THINGS, "default", thing("before"))
    await until(lambda: any(name == "before" for _, name in seen))
    await fresh.restart(keep_history=False)
    await fresh.client.create(THINGS, "default", thing("after"))
    await until(lambda: any(name == "after" for _, name in seen))


@pytest.mark.skipif(not ALL_CHECKS, reason="ALL_CHECKS=1 runs it: to import the client takes long")
async def test_the_asynchronous_client_reads_writes_and_watches(fresh: Cluster) -> None:
    configuration = aio.client.Configuration()
    await aio.config.load_kube_config(
        config_file=str(fresh.kubeconfig), client_configuration=configuration
    )
    async with aio.client.ApiClient(configuration) as api:
        core, custom = aio.client.CoreV1Api(api), aio.client.CustomObjectsApi(api)
        about = {
            "group": "example.dev",
            "version": "v1",
            "namespace": "default",
            "plural": "things",
        }
        await custom.create_namespaced_custom_object(body=thing(), **about)
        await custom.patch_namespaced_custom_object_status(
            name="acme",
            body={"status": {"level": "Healthy"}},
            _content_type="application/merge-patch+json",
            **about,
        )
        found = await custom.get_namespaced_custom_object(name="acme", **about)
        assert found["status"]["level"] == "Healthy"
        namespaces = await core.list_namespace(limit=2)
        assert len(namespaces.items) == 2
        assert namespaces.metadata._continue
        watch = aio.watch.Watch()
        stream = watch.stream(core.list_namespaced_config_map, "default", timeout_seconds=10)
        await core.create_namespaced_config_map("default", {"metadata": {"name": "seen"}})
        async for event in stream:
            if event["object"].metadata.name == "seen":
                break
        watch.stop()
        jobs = aio.client.BatchV1Api(api)
        assert (await jobs.list_namespaced_job("default")).items == []


async def test_the_dynamic_client_applies(fresh: Cluster) -> None:
    configuration = aio.client.Configuration()
    await aio.config.load_kube_config(
        config_file=str(fresh.kubeconfig), client_configuration=configuration
    )
    async with aio.client.ApiClient(configuration) as api:
        dynamic = await aio.dynamic.DynamicClient(api)
        things = await dynamic.resources.get(api_version="example.dev/v1", kind="Thing")
        for mode in ("A", "B"):
            applied = await dynamic.server_side_apply(
                things, body=thing(mode=mode), namespace="default", field_manager="test"
            )
            assert applied.spec.mode == mode
        managed = (await fresh.client.get(THINGS, "default", "acme"))["metadata"]["managedFields"]
        assert [(e["manager"], e["operation"]) for e in managed] == [("test", "Apply")]
