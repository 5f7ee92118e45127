"""Rotations and rollbacks that are asked for: confirmed by name, followed until a pairing is due."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.conftest import LATEST, Run, cluster, interruptible
from tests.plugin.played import OPERATIONS, Played, played_in
from tests.plugin.tenants import Fleet, Tenant

SHOP = "rotated"
SCALE = {"method": "Scale", "workload": {"kind": "StatefulSet", "name": "bot"}}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster of these tests alone, with a tenant: other tests count the tenants of theirs."""
    with cluster(tmp_path_factory.mktemp("rotated"), programs) as fleet:
        fleet.create("v1/namespaces", "", {"metadata": {"name": SHOP}})
        fleet.add(Tenant(SHOP, "acme", "Unknown", 0))
        yield fleet


@pytest.fixture
def played(fleet: Fleet) -> Iterator[Played]:
    with played_in(fleet, SHOP) as operator:
        yield operator


def test_a_rotation_is_waited_for_until_a_pairing_is_due(run: Run, played: Played) -> None:
    played.phases["acme"] = "AwaitingPairing"
    words = ("rotate", "acme", "-n", SHOP, "--yes", "--rotate-undo", "14d")
    done = run(*words, "--quiesce", "sts/bot", "--wait")
    assert (done.code, done.out) == (0, "rotated/acme: Rotate AwaitingPairing: AwaitingPairing.\n")
    assert played.specs[SHOP, "acme"] == {
        "tenant": "acme",
        "action": "Rotate",
        "rotate": {"undo": "14d"},
        "quiesce": SCALE,
    }
    assert "To see when that is done: kubectl baileys follow rotate-acme-" in done.err
    assert f"kubectl baileys rollback acme --quiesce sts/bot --wait -n {SHOP}" in done.err


def test_following_it_goes_on_until_somebody_has_paired(
    fleet: Fleet, run: Run, played: Played
) -> None:
    played.phases["acme"] = "AwaitingPairing"
    name = run("rotate", "acme", "-n", SHOP, "--yes", "--wait", "-o", "name").out.strip()
    own = name.partition("/")[2]
    done = run("follow", own, "-n", SHOP, "--timeout", "1s")
    assert (done.code, done.out) == (4, ""), "a pairing is what it waits for"
    fleet.patch(SHOP, own, {"phase": "Completed", "message": "Paired."}, OPERATIONS)
    done = run("follow", own, "-n", SHOP)
    assert (done.code, done.out) == (0, "rotated/acme: Rotate Completed: Paired.\n")


def test_a_rotation_that_is_rolled_back_is_a_failure_for_who_waits(
    run: Run, played: Played
) -> None:
    played.phases["acme"] = "RolledBack"
    assert run("rotate", "acme", "-n", SHOP, "--yes", "--wait").code == 1


def test_a_dry_run_needs_no_confirmation_and_a_rollback_none(run: Run, played: Played) -> None:
    done = run("rotate", "acme", "-n", SHOP, "--dry-run", "--wait")
    assert done.code == 0, done.err
    assert played.specs[SHOP, "acme"] == {"tenant": "acme", "action": "Rotate", "dryRun": True}
    done = run("rollback", f"{SHOP}/acme", "--run", "20261128-093500-ab12", "--wait")
    assert (done.code, done.out) == (0, "rotated/acme: Rollback Completed: Completed.\n")
    assert played.specs[SHOP, "acme"] == {
        "tenant": "acme",
        "action": "Rollback",
        "rollback": {"run": "20261128-093500-ab12"},
    }


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (b"acme\n", 0, b"rotate-acme-"),
        (b"beta\n", 1, b"nothing was rotated"),
        (None, 130, b"Interrupted"),
    ],
)
def test_a_terminal_is_asked_for_the_name(
    fleet: Fleet, played: Played, typed: bytes | None, code: int, said: bytes
) -> None:
    ours, theirs = pty.openpty()
    with interruptible():
        process = subprocess.Popen(
            [str(fleet.programs / "kubectl-baileys"), "rotate", "acme", "-n", SHOP],
            env={**os.environ, **fleet.variables, "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    os.close(theirs)
    shown, end, asked = b"", time.monotonic() + LATEST, False
    while time.monotonic() < end:
        # Python's input() misses a signal between the question and its wait for an answer: people press Ctrl-C again.
        if not select.select([ours], [], [], 1)[0]:
            if asked and typed is None:
                process.send_signal(signal.SIGINT)
            continue
        try:
            found = os.read(ours, 4096)
        except OSError:
            break
        shown += found
        if b"to go on" in shown and not asked:
            asked = True
            if typed is not None:
                os.write(ours, typed)
    os.close(ours)
    assert process.wait(timeout=LATEST) == code, shown
    assert b"until somebody pairs it anew" in b" ".join(shown.split())
    assert said in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rotate", "acme"), "Without a terminal, add --yes."),
        (("rotate", "acme", "--yes", "--quiesce", "bot"), "write it as deployment/NAME"),
        (("rotate", "acme", "--dry-run", "--quiesce", "sts/bot"), "does not go with --dry-run"),
        (("rotate", "-acme", "--yes"), "No such option"),
        (("rotate", "acme", "beta", "--yes"), "unexpected extra argument"),
        (("rollback", "a\x1b[2Jb"), "is not a valid name of a BaileysTenant"),
        (("rollback", "acme", "--quiesce", "job/bot"), "stop any other kind yourself"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words, "-n", SHOP)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "\x1b" not in done.err
