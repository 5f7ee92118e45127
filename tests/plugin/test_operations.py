"""Acts on tenants, asked for and followed through a real kubectl, and carried out by the operator."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from baileys_janitor.cli.plugin.operations.run_operations import Time
from tests.plugin.conftest import ROOT, Run, cluster, runner, started
from tests.plugin.tenants import TENANTS, Fleet, account, acting
from tests.real import sessions
from tests.running_time import remember

LIVE = "live"
CALM = {"warning": 1000, "critical": 1100, "trigger": 1200, "emergency": 1300, "danger": 1400}
CONFIG = {
    "watchNamespaces": [LIVE],
    "leaderElection": {"enabled": False},
    "probes": {"enabled": False},
    "metrics": {"enabled": False},
}
OPERATIONS = "baileysoperations.janitor.baileys.dev"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster of two tenants with real sessions, of which nothing comes by itself, and the operator."""
    home = tmp_path_factory.mktemp("live")
    config = home / "operator.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    with cluster(home, programs) as fleet, (home / "operator.log").open("w") as log:
        fleet.create("v1/namespaces", "", {"metadata": {"name": LIVE}})
        for name in ("acme", "beta"):
            tenant(fleet, name)
        account(fleet, LIVE, "asker", {OPERATIONS: "create,get"})
        account(fleet, LIVE, "onlooker", {"baileystenants.janitor.baileys.dev": "get,list"})
        process = subprocess.Popen(
            [sys.executable, "-m", "baileys_janitor", "operator", "--config", str(config)],
            env={**os.environ, **fleet.variables},
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
        try:
            yield fleet
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def run(live: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(live, capsys, monkeypatch)


def tenant(fleet: Fleet, name: str) -> Path:
    """A tenant with its claim, a workload that uses it, and a session with files to remove."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "standard",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    fleet.create("v1/persistentvolumeclaims", LIVE, {"metadata": {"name": name}, "spec": spec})
    wait = "jsonpath={.status.phase}=Bound"
    fleet.kubectl("wait", f"pvc/{name}", "-n", LIVE, f"--for={wait}", "--timeout=120s")
    directory = fleet.home / "v" / LIVE / name
    sessions.unpack("old", directory)
    remember(directory)
    mount = {"name": "data", "mountPath": "/data"}
    container = {"name": "bot", "image": "bot:1", "volumeMounts": [mount]}
    container["securityContext"] = {"runAsUser": 1000}
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": name}}
    pod = {"containers": [container], "volumes": [volume]}
    fleet.create("v1/pods", LIVE, {"metadata": {"name": f"bot-{name}"}, "spec": pod})
    calm = {"dailyCleanup": "Never"}
    spec = {"volume": {"claimName": name}, "schedule": calm, "thresholds": CALM}
    fleet.create(TENANTS, LIVE, {"metadata": {"name": name}, "spec": spec})
    return directory


def of_an_absent_tenant(fleet: Fleet, tenant: str) -> str:
    """The name of a new operation that does not end: its tenant does not exist."""
    name = f"clean-{tenant}"
    spec = {"tenant": tenant, "action": "Clean"}
    fleet.create(
        f"{TENANTS.rpartition('/')[0]}/baileysoperations",
        LIVE,
        {"metadata": {"name": name}, "spec": spec},
    )
    return name


def files(directory: Path) -> set[str]:
    """The names of session files: those of the trash begin with a dot."""
    return {each.name for each in directory.glob("*.json") if each.name[0] != "."}


def test_a_dry_run_a_cleanup_and_its_undo(live: Fleet, run: Run) -> None:
    directory = live.home / "v" / LIVE / "acme"
    before = files(directory)
    done = run("clean", "acme", "-n", LIVE, "--dry-run", "--wait")
    assert done.code == 0, done.err
    assert done.out.startswith("live/acme: Clean (dry run) Completed: Would remove ")
    assert files(directory) == before
    done = run("clean", "acme", "-n", LIVE, "--wait")
    assert done.out.startswith("live/acme: Clean Completed: Removed ")
    assert re.fullmatch(r"(clean-acme-\w+: (Pending|Working).*\n)+", done.err), done.err
    after = files(directory)
    assert after < before
    done = run("undo", f"{LIVE}/acme", "--wait")
    assert done.out.startswith("live/acme: Undo Completed: Put back ")
    assert files(directory) == before


def test_several_tenants_have_one_exit_code(live: Fleet, run: Run) -> None:
    done = run("undo", "acme", "beta", "beta", "-n", LIVE, "--run", "none", "--wait")
    assert (done.code, "one NAME" in done.err) == (2, True)
    done = run("clean", "acme", "beta", "beta", "-n", LIVE, "--wait")
    assert done.code == 0, done.err
    assert done.out.endswith("2 operations: 2 done, 0 failed\n")


def test_an_act_that_fails_has_exit_code_1(live: Fleet, run: Run) -> None:
    done = run("undo", "acme", "-n", LIVE, "--run", "none", "--wait")
    assert done.code == 1
    assert done.out == (
        "live/acme: Undo Failed: No such run is known on this volume: check the run id.\n"
    )


def test_what_was_asked_for_without_waiting_can_be_followed(live: Fleet, run: Run) -> None:
    done = run("clean", "beta", "-n", LIVE, "--dry-run")
    assert done.code == 0
    name = done.out.removeprefix("baileysoperation.janitor.baileys.dev/").split()[0]
    assert done.err == f"To see how it ends: kubectl baileys follow {name} -n {LIVE}\n"
    done = run("follow", name, "-n", LIVE)
    assert (done.code, done.out[:24]) == (0, "live/beta: Clean (dry ru")
    assert run("follow", name, "-n", LIVE).code == 0, "also when it has ended"
    missing = run("follow", "nobody", "-n", LIVE)
    assert (missing.code, missing.err) == (
        1,
        f"Error: There is no such BaileysOperation in the namespace {LIVE}.\n",
    )


def test_a_time_out_leaves_it_to_go_on(live: Fleet, run: Run) -> None:
    done = run("clean", "acme", "-n", LIVE, "--dry-run", "--wait", "--timeout", "0s")
    assert (done.code, done.out) == (4, "")
    [line] = [each for each in done.err.splitlines() if "goes on" in each]
    name = line.split()[0]
    assert line.endswith(f"kubectl baileys follow {name} -n {LIVE}")
    assert run("follow", name, "-n", LIVE).code == 0


def test_one_that_is_deleted_meanwhile_is_told(live: Fleet) -> None:
    name = of_an_absent_tenant(live, "ghost")
    with started(live, "kubectl", "baileys", "follow", name, "-n", LIVE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"{name}: Pending")
        live.kubectl("wait", f"bop/{name}", "-n", LIVE, "--for=jsonpath={.status.phase}=Pending")
        live.kubectl("delete", "baileysoperation", name, "-n", LIVE)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (
        1,
        f"live/ghost: {name} was deleted before it had ended\n",
    )


def test_ctrl_c_ends_the_waiting_alone(live: Fleet) -> None:
    name = of_an_absent_tenant(live, "spirit")
    with started(live, "kubectl-baileys", "follow", name, "-n", LIVE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"{name}: Pending")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"{name} goes on. To see how it ends: kubectl baileys follow {name} -n {LIVE}" in err
    live.kubectl("delete", "baileysoperation", name, "-n", LIVE)


def test_with_the_right_to_get_alone_it_is_followed_all_the_same(live: Fleet, run: Run) -> None:
    who = acting("asker").replace(":shop:", f":{LIVE}:")
    done = run("clean", "beta", "-n", LIVE, "--dry-run", "--wait", who)
    assert done.code == 0, done.err
    assert "Clean (dry run) Completed" in done.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["clean"], 2, "Missing argument 'NAME...'"),
        (["clean", "acme", "--timeout", "soon"], 2, "write it as 90s, 10m or 1h30m"),
        (["clean", "a\x1b[m"], 2, "is not a valid name of a BaileysTenant"),
        (["clean", "acme", "-n", LIVE, "--as=system:serviceaccount:live:onlooker"], 1,
         "kubectl may not create BaileysOperations: ask for the verb create on baileysoperations"),
        (["undo", "acme", "-n", LIVE, "--run", "A B"], 1,
         "The cluster refuses this BaileysOperation: spec.undo.run: Invalid value"),
        (["clean", "acme", "-n", "nowhere"], 2,
         "There is no BaileysTenant acme in the namespace nowhere; `kubectl baileys status -A` shows"),
        (["undo", "acne", "beta", "-n", LIVE, "--wait"], 2,
         "There is no BaileysTenant acne in the namespace live (nearest: acme): no operation was created."),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(
    live: Fleet, run: Run, words: list[str], code: int, said: str
) -> None:
    done = run(*words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err


def test_the_documents_for_machines(live: Fleet, run: Run) -> None:
    done = run("clean", "beta", "-n", LIVE, "--dry-run", "--wait", "-o", "json")
    document = json.loads(done.out)
    assert document["schema"] == "baileys-janitor/operations/v1"
    [operation] = document["operations"]
    assert (operation["tenant"], operation["dryRun"]) == ("beta", True)
    assert operation["status"]["phase"] == "Completed"
    named = run("clean", "beta", "-n", LIVE, "--dry-run", "-o", "name").out
    assert named == f"{named.strip()}\n"
    live.kubectl("wait", named.strip(), "-n", LIVE, "--for=condition=Complete", "--timeout=120s")


def test_a_support_bundle_has_the_operations_of_its_tenant(
    live: Fleet, run: Run, tmp_path: Path
) -> None:
    from tests.plugin.test_support import unpacked

    path = tmp_path / "bundle.tar.gz"
    assert run("clean", "acme", "beta", "-n", LIVE, "--dry-run", "--wait").code == 0
    assert run("support", f"{LIVE}/acme", "--to", path).code == 0
    operations = json.loads(unpacked(path)["operations.json"])
    assert operations
    assert {each["spec"]["tenant"] for each in operations} == {"acme"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5_400), ("0s", 0)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert Time().convert(text, None, None) == seconds
    assert time.monotonic() > 0
