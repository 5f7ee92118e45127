"""A cluster is lost, and one command brings its fleet back: the operator, a store and real sessions.

Only with `ALL_CHECKS=1`: `test_restore` has the command without these.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.backup.conftest import moto_server
from tests.backup.servers import S3Server
from tests.backup.sessions import RECIPIENT, SECRET
from tests.controller.backups import test_disaster as disaster
from tests.controller.live.world import until
from tests.volume.directories import held

__all__ = ["moto_server"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not os.environ.get("ALL_CHECKS"), reason="long: set ALL_CHECKS=1"),
]


async def test_one_command_restores_a_fleet_and_takes_the_key_away(
    moto_server: S3Server, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disaster, "NAMES", ["tenant-0"])
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    git, desk = tmp_path / "manifests.yaml", tmp_path / "desk"
    desk.mkdir()
    git.write_text(disaster.manifests())
    (desk / "backup.key").write_text(f"# public key: {RECIPIENT}\n{SECRET}\n")
    bucket = moto_server.bucket()

    async with disaster.site(tmp_path / "old", desk, moto_server, bucket) as old:
        monkeypatch.setenv("KUBECONFIG", str(old.cluster.kubeconfig))
        await old.typed(f"kubectl apply -f {git}")
        before = await disaster.live(old)
        async with old.operator() as running:
            with running.hurry():
                await disaster.backed_up(old)
            await until(running.idle, "the operator is idle")
            await old.typed("kubectl baileys fingerprints -A > fingerprints.txt")
            saved = (desk / "fingerprints.txt").read_text()
            await old.typed(disaster.block("fingerprints.txt\n").strip())
            assert sorted((desk / "fingerprints.txt").read_text().splitlines()) == (
                saved.splitlines()
            ), "what the runbook's command saves"

    async with disaster.site(tmp_path / "new", desk, moto_server, bucket) as new:
        monkeypatch.setenv("KUBECONFIG", str(new.cluster.kubeconfig))
        await new.typed(f"kubectl apply -f {git}")
        async with new.operator() as running:
            command = re.findall(r"`(kubectl baileys restore --all [^`]+)`", disaster.RUNBOOK)[0]
            with running.hurry():
                told = await new.typed(command, REPOSITORY="moscow")
            assert f"{len(before)} operations: {len(before)} done, 0 failed\n" in told
            for (namespace, name), files in before.items():
                came = held(tmp_path / "new" / namespace / name / f"company-{name}")
                assert "creds.json" in came
                assert came.keys() < files.keys(), "what would break it stays out"
            secrets = await new.typed("kubectl get secrets -A -o name")
            assert "recovery-key" not in secrets
            status = await new.typed("kubectl baileys status shop/tenant-0")
            assert "shop/tenant-0: " in status
