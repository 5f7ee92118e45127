"""Repairs that are asked for: whom they are about comes by terminal or standard input, and goes with their end."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor.cli.plugin.operations.operation_secrets import OperationSecrets
from tests.plugin.conftest import LATEST, Run, cluster, interruptible
from tests.plugin.played import Played, played_in
from tests.plugin.tenants import Fleet, Tenant, account

SHOP = "mended"
DIGITS = "447700900123"
WRITTEN = "+44 7700 900123\n"
GROUP = "120363400000000000@g.us"
RUN = "20261128-093500-ab12"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster of these tests alone, with a tenant and accounts of few rights."""
    with cluster(tmp_path_factory.mktemp("mended"), programs) as fleet:
        fleet.create("v1/namespaces", "", {"metadata": {"name": SHOP}})
        fleet.add(Tenant(SHOP, "acme", "Unknown", 0))
        operations = {"baileysoperations.janitor.baileys.dev": "create,get,list,watch"}
        account(fleet, SHOP, "keyless", operations)
        account(fleet, SHOP, "maker", {**operations, "secrets": "create"})
        yield fleet


@pytest.fixture
def played(fleet: Fleet) -> Iterator[Played]:
    with played_in(fleet, SHOP) as operator:
        yield operator


def made(fleet: Fleet) -> list[str]:
    """The Secrets with a contact that are in the cluster."""
    names = [each["metadata"]["name"] for each in fleet.select("v1/secrets", SHOP)]
    return [name for name in names if name.startswith("baileys-contact-")]


def say(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input hold a text."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize(
    ("options", "text", "held"),
    [
        ((), WRITTEN, {"contact": DIGITS}),
        ((), "250000000000123:7@lid", {"contact": "250000000000123@lid"}),
        (("--group",), "120363400000000000\n", {"group": GROUP}),
        (("--group", "--author"), f"{WRITTEN}{GROUP}\n", {"contact": DIGITS, "group": GROUP}),
    ],
)
def test_the_secret_is_there_for_the_repair_alone(
    fleet: Fleet,
    run: Run,
    played: Played,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    text: str,
    held: dict[str, str],
) -> None:
    say(monkeypatch, text)
    done = run("repair", "acme", "-n", SHOP, "--dry-run", *options)
    assert (done.code, done.out) == (
        0,
        "mended/acme: RepairContact (dry run) Completed: Completed.\n",
    )
    spec = played.specs[SHOP, "acme"]
    name = spec["repairContact"].pop("contactSecretName")
    assert spec == {
        "tenant": "acme",
        "action": "RepairContact",
        "dryRun": True,
        "repairContact": {},
    }
    assert played.secrets == {SHOP: held}
    assert name.startswith("baileys-contact-")
    assert made(fleet) == []
    assert DIGITS not in done.out + done.err


def test_the_operator_can_be_asked_to_stop_the_workload_meanwhile(
    run: Run, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, WRITTEN)
    done = run("repair", "acme", "-n", SHOP, "--quiesce", "deploy/bot")
    assert done.code == 0, done.err
    assert played.specs[SHOP, "acme"]["quiesce"] == {
        "method": "Scale",
        "workload": {"kind": "Deployment", "name": "bot"},
    }


def test_how_to_take_it_back_is_said_where_something_moved(
    run: Run, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.more = {"run": RUN, "result": {"outcome": "Completed", "removed": 2}}
    say(monkeypatch, WRITTEN)
    done = run("repair", "acme", "-n", SHOP)
    assert f"To take it back: kubectl baileys undo acme --run {RUN} --wait -n mended" in done.err
    say(monkeypatch, WRITTEN)
    assert "take it back" not in run("repair", "acme", "-n", SHOP, "--dry-run").err


def test_a_failure_takes_the_secret_away_as_well(
    fleet: Fleet, run: Run, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.phases["acme"] = "Failed"
    say(monkeypatch, WRITTEN)
    done = run("repair", "acme", "-n", SHOP, "-o", "json")
    assert (done.code, made(fleet)) == (1, [])
    assert DIGITS not in done.out + done.err


def test_a_time_out_takes_the_secret_away_and_says_what_that_means(
    fleet: Fleet, run: Run, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.held.clear()
    say(monkeypatch, WRITTEN)
    done = run("repair", "acme", "-n", SHOP, "--timeout", "1s")
    assert (done.code, made(fleet)) == (4, [])
    assert "goes on. To see how it ends: kubectl baileys follow repair-contact-acme-" in done.err
    assert "The Secret with the contact is deleted" in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_end_in_the_middle_takes_the_secret_away_which_belongs_to_the_operation(
    fleet: Fleet, played: Played, tmp_path: Path, number: signal.Signals
) -> None:
    played.held.clear()
    (tmp_path / "number").write_text(WRITTEN)
    shell = f'exec kubectl-baileys repair acme -n {SHOP} < "{tmp_path / "number"}"'
    with interruptible():
        process = subprocess.Popen(
            ["sh", "-c", shell],
            env={**os.environ, **fleet.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "Pending" in first
    [name] = made(fleet)
    [secret] = [s for s in fleet.select("v1/secrets", SHOP) if s["metadata"]["name"] == name]
    assert [each["kind"] for each in secret["metadata"]["ownerReferences"]] == ["BaileysOperation"]
    process.send_signal(number)
    out, rest = process.communicate(timeout=LATEST)
    assert process.returncode == 130
    assert made(fleet) == []
    assert "Traceback" not in rest
    assert DIGITS not in out + first + rest


def test_a_terminal_is_asked_and_does_not_show_what_is_typed(fleet: Fleet, played: Played) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(fleet.programs / "kubectl-baileys"), "repair", "acme", "-n", SHOP],
        env={**os.environ, **fleet.variables, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    end = time.monotonic() + LATEST
    typed = False
    while time.monotonic() < end:
        try:
            found = os.read(ours, 4096)
        except OSError:
            break
        shown += found
        if not typed and b"not shown" in shown:
            os.write(ours, b"+44 7700 900123\n")
            typed = True
    os.close(ours)
    assert process.wait(timeout=LATEST) == 0, shown
    assert played.secrets == {SHOP: {"contact": DIGITS}}
    assert b"900123" not in shown


def test_a_secret_of_ones_own_is_used_and_left(fleet: Fleet, run: Run, played: Played) -> None:
    done = run("repair", "mended/acme", "--contact-secret", "mine", "-o", "name")
    assert done.code == 0
    assert done.out.startswith("baileysoperation.janitor.baileys.dev/repair-contact-acme-")


def test_missing_rights_are_said_and_nothing_of_the_contact(
    fleet: Fleet, run: Run, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, WRITTEN)
    done = run("repair", "acme", "-n", SHOP, "--as=system:serviceaccount:mended:keyless")
    assert (done.code, made(fleet)) == (1, [])
    assert "create on secrets" in done.err
    say(monkeypatch, WRITTEN)
    done = run("repair", "acme", "-n", SHOP, "--as=system:serviceaccount:mended:maker")
    assert done.code == 1
    [name] = made(fleet)
    assert f"could not be deleted. Do it now: kubectl -n mended delete secrets {name}" in done.err
    assert DIGITS not in done.err
    fleet.kubectl("-n", SHOP, "delete", "secrets", name)


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["acme", "447700900456"], "", "repair takes one NAME"),
        (["acme", "--author"], WRITTEN, "add --group"),
        (["acme", "--group", "--contact-secret", "mine"], "", "leave out --group"),
        (["acme", "--quiesce", "bot"], "", "write it as deployment/NAME"),
        (["acme", "--quiesce", "sts/bot", "--dry-run"], "", "does not go with --dry-run"),
        (["acme", "--contact-secret", "-x"], "", "is not a valid name of a Secret"),
        (["acme"], "", "The contact: standard input is empty"),
        (["acme"], "07700900456", "The contact: write the number with its country code"),
        (["acme"], "alice 900456", "The contact: this is not a phone number"),
        (["acme"], GROUP, "The contact: this is a group; add --group."),
        (["acme", "--group"], "family", "The group: the id of a group is written as"),
        (["acme", "--group", "--author"], WRITTEN, "The group: standard input is empty"),
        (["-acme"], WRITTEN, "No such option"),
        (["a\x1b[31mb"], WRITTEN, "is not a valid name of a BaileysTenant"),
    ],
)
def test_bad_input_is_one_sentence_that_repeats_no_number_and_makes_no_secret(
    fleet: Fleet,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    text: str,
    said: str,
) -> None:
    say(monkeypatch, text)
    done = run("repair", *words, "-n", SHOP)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "\x1b" not in done.err
    assert "900456" not in done.err
    assert made(fleet) == []


def test_the_contact_is_in_no_representation() -> None:
    secrets = OperationSecrets(None, "contact", {"contact": DIGITS}, "r", "x", outlives=False)  # type: ignore[arg-type]
    assert DIGITS not in repr(secrets)
