"""Everything is gone: a fleet comes back into an empty cluster by the runbook, command by command.

What is left is the bucket, the manifests, the recovery key and the file of fingerprints. `ALL_CHECKS=1` has 50 tenants.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor.api.generated.crd import crds
from sandbox import Cluster
from sandbox.tools import kubectl_path
from tests.alerts.commands import blocks
from tests.alerts.rules import ROOT
from tests.archived import CONTENT
from tests.backup.conftest import moto_server
from tests.backup.servers import ENVIRON, S3Server
from tests.backup.sessions import RECIPIENT, SECRET
from tests.controller.backups.backups import Backups
from tests.controller.live.conftest import DEFINITIONS
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import OPERATIONS, TENANTS, until
from tests.pairings import whole
from tests.volume.directories import held

__all__ = ["moto_server"]

pytestmark = pytest.mark.asyncio(loop_scope="session")
Object = dict[str, Any]
RUNBOOK = (ROOT / "docs/runbooks/disaster-recovery.md").read_text()
NAMESPACES = ("shop", "support")
TENANTS_EACH = 25 if os.environ.get("ALL_CHECKS") else 2
NAMES = [f"tenant-{number}" for number in range(TENANTS_EACH)]
FIRST_USER = 1000


def block(beginning: str) -> str:
    """The one shell block of the runbook that holds a text."""
    [found] = [each for each in blocks(RUNBOOK) if beginning in each]
    return found


class Site:
    """A cluster, and a directory in which a person types."""

    def __init__(self, cluster: Cluster, desk: Path, server: S3Server, bucket: str) -> None:
        self.cluster = cluster
        self.desk = desk
        self.worlds = [Backups(cluster, name, "home", server, bucket) for name in NAMESPACES]

    async def typed(self, command: str, **words: str) -> str:
        """Paste a command; the words in capitals are filled in. What it prints."""
        for name, word in words.items():
            command = re.sub(rf"\b{name}\b", word, command)
        kubectl = kubectl_path()
        assert kubectl is not None
        environ = os.environ | {
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
            "HOME": str(self.desk),
        }
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", command,
            cwd=self.desk, env=environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, (command, err.decode())
        return out.decode()

    def operator(self) -> LocalOperator:
        """The operator with the values that lie in Git."""
        values = self.worlds[0].configured(
            watchNamespaces=list(NAMESPACES),
            backup={},
            operations={"allowed": ["Restore"]},
        )
        return LocalOperator(values, SkippingClock())


@asynccontextmanager
async def site(room: Path, desk: Path, server: S3Server, bucket: str) -> AsyncIterator[Site]:
    """A new cluster with the CRDs, the namespaces and the Secrets of the stores."""
    async with Cluster(room, nodes=2, assets="") as cluster:
        for definition in crds():
            await cluster.client.create(DEFINITIONS, "", definition)
        for kind in (TENANTS, OPERATIONS):
            await until(lambda kind=kind: cluster.client.select(kind), "the kinds are served")
        found = Site(cluster, desk, server, bucket)
        for world in found.worlds:
            body = {"metadata": {"name": world.namespace}}
            await cluster.client.create("v1/namespaces", "", body)
            await world.secret("store", **ENVIRON)
        yield found


def manifests() -> str:
    """The claims and tenants, as they lie in Git."""
    storage = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "resources": storage}
    found: list[Object] = []
    for namespace in NAMESPACES:
        for name in NAMES:
            meta = {"name": name, "namespace": namespace}
            found.append(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": meta,
                    "spec": spec,
                }
            )
            tenant = {
                "volume": {"claimName": name, "path": f"company-{name}"},
                "job": {"runAsUser": FIRST_USER},
            }
            found.append(
                {
                    "apiVersion": "janitor.baileys.dev/v1alpha1",
                    "kind": "BaileysTenant",
                    "metadata": meta,
                    "spec": tenant,
                }
            )
    return yaml.safe_dump_all(found)


async def live(place: Site) -> dict[tuple[str, str], dict[str, bytes]]:
    """A fleet that works: a paired session of its own for each tenant, and pods that use them. What they hold."""
    before = {}
    for world in place.worlds:
        for name in NAMES:
            claim = place.cluster.volumes / world.namespace / name
            await until(claim.is_dir, "the volume is there")
            session = claim / f"company-{name}"
            small_session(session, f"{world.namespace}-{name}")
            before[world.namespace, name] = held(session)
        await world.workload(*NAMES)
    return before


def small_session(path: Path, pairing: str) -> None:
    path.mkdir(mode=0o777)
    for name, data in {**CONTENT, "creds.json": whole(pairing)}.items():
        (path / name).write_bytes(data)
        (path / name).chmod(0o666)


async def backed_up(place: Site) -> dict[tuple[str, str], Object]:
    """Wait until every tenant is backed up; their statuses."""
    found = {}
    for world in place.worlds:
        for name in NAMES:
            await world.backed_up(name)
            found[world.namespace, name] = await world.status(name)
    return found


async def healthy(place: Site) -> bool:
    """Whether every tenant has its level back."""
    found = [await world.status(name) for world in place.worlds for name in NAMES]
    return all(each["level"] == "Healthy" for each in found)


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The operator must meet nothing that it calls unforeseen."""
    caplog.set_level(logging.INFO, "janitor")
    yield
    records = caplog.get_records("call")
    met = [r.getMessage() for r in records if r.exc_info and r.name.startswith("janitor.")]
    assert not met, met


async def test_a_fleet_comes_back_from_the_bucket_the_manifests_and_the_key(
    moto_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git, desk = tmp_path / "manifests.yaml", tmp_path / "desk"
    desk.mkdir()
    git.write_text(manifests())
    (desk / "backup.key").write_text(f"# public key: {RECIPIENT}\n{SECRET}\n")
    bucket = moto_server.bucket()

    async with site(tmp_path / "old", desk, moto_server, bucket) as old:
        monkeypatch.setenv("KUBECONFIG", str(old.cluster.kubeconfig))
        await old.typed(f"kubectl apply -f {git}")
        before = await live(old)
        async with old.operator() as running:
            with running.hurry():
                identities = await backed_up(old)
            await until(running.idle, "the operator is idle")
            await old.typed(block("fingerprints.txt\n").strip())
    lines = (desk / "fingerprints.txt").read_text().splitlines()
    assert len(lines) == len(before)

    async with site(tmp_path / "new", desk, moto_server, bucket) as new:
        monkeypatch.setenv("KUBECONFIG", str(new.cluster.kubeconfig))
        await new.typed(f"kubectl apply -f {git}")
        async with new.operator() as running:
            for namespace in NAMESPACES:
                await new.typed(block("create secret generic"), NAMESPACE=namespace)
            await new.typed(block("restores.yaml\n"), REPOSITORY="moscow")
            with running.hurry():
                await new.typed(block("kubectl wait").splitlines()[0])
            told = await new.typed(block("custom-columns"))
            assert told.count("Completed") == len(before)
            for (namespace, name), files in before.items():
                session = tmp_path / "new" / namespace / name / f"company-{name}"
                came = held(session)
                assert "creds.json" in came
                assert came.keys() < files.keys(), "what would break it stays out"
                same = [each for each in came if not each.startswith(("creds", "session-"))]
                assert {each: came[each] for each in same} == {each: files[each] for each in same}
            for namespace in NAMESPACES:
                await new.typed(block("delete secrets"), NAMESPACE=namespace)

            # The fleet runs on.
            for world in new.worlds:
                await world.workload(*NAMES)
            running.skip(3600)
            with running.hurry():
                after = await backed_up(new)
                await until(lambda: healthy(new), "each is counted again")
            for key, status in after.items():
                ours, theirs = status["identity"], identities[key]["identity"]
                assert ours["fingerprint"] == theirs["fingerprint"]
            told = await new.typed(block("BackedUp").splitlines()[-1])
            assert told.count("UpToDate") == len(before)
