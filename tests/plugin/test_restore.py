"""Restores that are asked for: the recovery key comes and goes, and a fleet is many operations at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor.cli.plugin.operations import run_operations
from baileys_janitor.cli.plugin.restores.recovery_key import recovery_key
from tests.plugin.conftest import Run, cluster, runner, started
from tests.plugin.played import Played, played_in
from tests.plugin.tenants import Fleet, Tenant, account

SECRET_KEY = "AGE-SECRET-KEY-1" + "Q" * 58
FINGERPRINT_OF = "0123456789abcdef-fedcba9876543210"
NAMESPACES = ("east", "west")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    with cluster(tmp_path_factory.mktemp("restores"), programs) as fleet:
        for namespace in NAMESPACES:
            fleet.create("v1/namespaces", "", {"metadata": {"name": namespace}})
            for number in range(3):
                fleet.add(Tenant(namespace, f"t{number}", "Unknown", 0))
        account(fleet, "east", "restorer", {
            "baileysoperations.janitor.baileys.dev": "create,get,list,watch",
            "secrets": "create",
        })  # fmt: skip
        yield fleet


@pytest.fixture
def run(fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(fleet, capsys, monkeypatch)


@pytest.fixture
def played(fleet: Fleet) -> Iterator[Played]:
    with played_in(fleet, *NAMESPACES) as operator:
        yield operator


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "backup.key"
    path.write_text(f"# created by somebody\n{SECRET_KEY}\n")
    return path


def secrets_in(fleet: Fleet) -> list[str]:
    """The Secrets with a recovery key that are in the cluster."""
    found = [one["metadata"]["name"] for ns in NAMESPACES for one in fleet.select("v1/secrets", ns)]
    return [name for name in found if name.startswith("baileys-recovery-key-")]


COMMON = ("--repository", "eu")


def test_the_key_is_there_for_the_restore_alone_and_belongs_to_it(
    fleet: Fleet, run: Run, played: Played, key: Path
) -> None:
    done = run(
        *("restore", "t0", "-n", "east", *COMMON, "--identity", key, "--dry-run"),
        *("--fingerprint", FINGERPRINT_OF.upper(), "--mode", "credentials"),
        *("--archive", "20261128T093500Z-0a1b2c3d.tar.gz.age", "--read-secret", "reader"),
        *("--acknowledge", "SignedPreKeyRotated"),
    )
    assert (done.code, done.out) == (0, "east/t0: Restore (dry run) Completed: Completed.\n")
    spec = played.specs["east", "t0"]
    name = spec["restore"].pop("identitySecretName")
    assert spec == {
        "tenant": "t0",
        "action": "Restore",
        "dryRun": True,
        "restore": {
            "repository": "eu",
            "archive": "20261128T093500Z-0a1b2c3d.tar.gz.age",
            "mode": "Credentials",
            "acknowledge": ["SignedPreKeyRotated"],
            "readSecretName": "reader",
            "identity": FINGERPRINT_OF,
        },
    }
    assert played.secrets == {"east": {"identity": key.read_text()}}
    assert secrets_in(fleet) == []
    assert name.startswith("baileys-recovery-key-")
    assert SECRET_KEY not in done.out + done.err


def test_a_fleet_is_restored_with_one_key_a_namespace_and_one_exit_code(
    fleet: Fleet,
    run: Run,
    played: Played,
    key: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_operations, "PARALLEL", 2)
    played.phases["t1"] = "Failed"
    file = tmp_path / "fingerprints.txt"
    lines = [f"{ns} t{n} {FINGERPRINT_OF}" for ns in NAMESPACES for n in range(3)]
    file.write_text("# saved yesterday\n\n" + "\n".join(lines) + "\n")
    done = run("restore", "--all", "--fingerprints", file, *COMMON, "--identity", key)
    assert done.code == 1
    assert done.out.endswith("6 operations: 4 done, 2 failed\n")
    assert "west/t1: Restore Failed: Failed." in done.out
    assert len(played.specs) == 6
    assert {each["restore"]["identity"] for each in played.specs.values()} == {FINGERPRINT_OF}
    assert set(played.secrets) == set(NAMESPACES)
    assert secrets_in(fleet) == []
    assert played.most <= 2, "no more than that at once"


def test_one_namespace_of_the_file_alone(
    fleet: Fleet, run: Run, played: Played, key: Path, tmp_path: Path
) -> None:
    file = tmp_path / "fingerprints.txt"
    file.write_text(f"east t0 {FINGERPRINT_OF}\nwest t0 {FINGERPRINT_OF[:16]}\n")
    words = ("restore", "--all", "-n", "west", "--fingerprints", file, *COMMON, "--identity", key)
    done = run(*words)
    assert (done.code, done.out) == (0, "west/t0: Restore Completed: Completed.\n")
    assert set(played.specs) == {("west", "t0")}


def test_a_tenant_of_the_file_that_is_gone_does_not_keep_the_others_back(
    run: Run, played: Played, key: Path, tmp_path: Path
) -> None:
    file = tmp_path / "fingerprints.txt"
    file.write_text(f"west gone {FINGERPRINT_OF}\nwest t0 {FINGERPRINT_OF}\n")
    done = run("restore", "--all", "--fingerprints", file, *COMMON, "--identity", key)
    assert done.code == 0, done.err
    assert set(played.specs) == {("west", "gone"), ("west", "t0")}


def test_without_a_key_it_need_not_wait(fleet: Fleet, run: Run, played: Played) -> None:
    words = ("restore", "west/t2", *COMMON, "--identity-secret", "recovery-key", "-o", "name")
    done = run(*words, "--quiesce", "statefulset/bot")
    assert done.code == 0
    assert done.out.startswith("baileysoperation.janitor.baileys.dev/restore-t2-")


def test_a_time_out_leaves_the_key_where_a_restore_goes_on(
    fleet: Fleet, run: Run, played: Played, key: Path
) -> None:
    played.held.clear()
    words = ("restore", "t0", "-n", "east", *COMMON, "--identity", key, "--timeout", "1s")
    done = run(*words)
    assert done.code == 4
    [name] = secrets_in(fleet)
    assert f"When it has ended: kubectl -n east delete secrets {name}" in done.err
    assert "goes on. To see how it ends: kubectl baileys follow restore-t0-" in done.err
    fleet.kubectl("-n", "east", "delete", "secrets", name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_before_the_first_restore_takes_the_key_away(
    fleet: Fleet, played: Played, key: Path, number: signal.Signals
) -> None:
    played.held.clear()
    words = ("restore", "t0", "-n", "east", *COMMON, "--identity", key)
    with started(fleet, "kubectl-baileys", *words) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert SECRET_KEY not in first + rest
    for name in secrets_in(fleet):
        assert f"delete secrets {name}" in rest, "it stays only where that is said"
        fleet.kubectl("-n", "east", "delete", "secrets", name)


def test_a_key_that_was_never_stored_is_not_said_to_be_left(
    fleet: Fleet, run: Run, played: Played, key: Path
) -> None:
    who = "--as=system:serviceaccount:east:nobody"
    done = run("restore", "t0", "-n", "east", *COMMON, "--identity", key, who)
    assert done.code == 1
    assert done.err.count("Error: ") == 1
    assert "ask for the verb create on secrets in the namespace east" in done.err
    assert secrets_in(fleet) == []


def test_a_key_that_cannot_be_deleted_is_a_failure_with_the_command(
    fleet: Fleet, run: Run, played: Played, key: Path
) -> None:
    who = "--as=system:serviceaccount:east:restorer"
    done = run("restore", "t0", "-n", "east", *COMMON, "--identity", key, who)
    assert done.code == 1
    [name] = secrets_in(fleet)
    assert "it takes" not in done.out
    assert "that takes the right to update Secrets" in done.err.replace("\n", " ")
    assert f"could not be deleted. Do it now: kubectl -n east delete secrets {name}" in done.err
    fleet.kubectl("-n", "east", "delete", "secrets", name)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "either names or --all"),
        (["t0", "--all"], "either names or --all"),
        (["--all"], "name that file"),
        (["t0", "--fingerprint", "abc"], "16 hexadecimal digits"),
        (["t0", "t1", "--fingerprint", FINGERPRINT_OF], "for one NAME"),
        (["t0", "--identity", "KEY", "--identity-secret", "x"], "either --identity or"),
        (["t0", "--identity", "/nowhere"], "--identity /nowhere cannot be read"),
        (["t0", "--identity", "NOKEY"], "holds no age identity"),
        (["t0", "--identity-secret", "-x"], "is not a valid name of a Secret"),
        (["t0", "--read-secret", "A"], "is not a valid name of a Secret"),
        (["--all", "--fingerprints", "FILE", "--archive", "x"], "does not go with --all"),
        (["--all", "--fingerprints", "FILE", "-n", "north"], "names no tenant there"),
        (["t0", "t1", "--quiesce", "sts/bot"], "give one NAME"),
        (["--all", "--fingerprints", "BAD"], "line 2: write a namespace, a tenant"),
        (["t0", "--mode", "best"], "Invalid value for '--mode'"),
    ],
)
def test_bad_input_is_one_sentence_and_makes_no_secret(
    fleet: Fleet, run: Run, key: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    files = {
        "KEY": key.read_text(),
        "NOKEY": "age1qqq\n",
        "FILE": f"east t0 {FINGERPRINT_OF}\n",
        "BAD": f"east t0 {FINGERPRINT_OF}\neast t1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    typed = [str(tmp_path / each) if each in files else each for each in words]
    done = run("restore", *typed, *COMMON)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "\x1b" not in done.err
    assert SECRET_KEY not in done.err
    assert secrets_in(fleet) == []


def test_a_namespace_that_does_not_exist_gets_no_secret(fleet: Fleet, run: Run, key: Path) -> None:
    words = ("restore", "t0", "-n", "nowhere", *COMMON, "--identity", key)
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: There is no BaileysTenant t0 in the namespace nowhere; ")
    assert SECRET_KEY not in done.err


def test_the_key_is_in_no_representation() -> None:
    assert SECRET_KEY not in repr(recovery_key(None, SECRET_KEY, "r"))  # type: ignore[arg-type]
