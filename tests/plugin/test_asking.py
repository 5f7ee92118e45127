"""What commands ask for, without an operator that carries it out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.conftest import Run, cluster, runner
from tests.plugin.tenants import TENANTS, Fleet, Tenant, resource

OPERATIONS = "janitor.baileys.dev/v1alpha1/baileysoperations"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster without an operator: what is asked for lies there."""
    with cluster(tmp_path_factory.mktemp("bare"), programs) as fleet:
        fleet.create("v1/namespaces", "", {"metadata": {"name": "shop"}})
        yield fleet


@pytest.fixture
def run(bare: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(bare, capsys, monkeypatch)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["quiesce", "acme"], {"action": "Quiesce"}),
        (["resume", "acme"], {"action": "Resume"}),
        (
            ["quiesce", "acme", "--workload", "deploy/bot", "--max-duration", "30m"],
            {
                "action": "Quiesce",
                "quiesce": {
                    "method": "Scale",
                    "workload": {"kind": "Deployment", "name": "bot"},
                    "maxDuration": "30m",
                },
            },
        ),
        (
            [
                *("quiesce", "acme", "--workload", "StatefulSet.apps/bot"),
                *("--pods-timeout", "5m", "--acknowledge", "StopsTenants"),
            ],
            {
                "action": "Quiesce",
                "quiesce": {
                    "method": "Scale",
                    "workload": {"kind": "StatefulSet", "name": "bot"},
                    "timeout": "5m",
                    "acknowledge": ["StopsTenants"],
                },
            },
        ),
    ],
)
def test_what_is_asked_for(bare: Fleet, run: Run, words: list[str], asked: object) -> None:
    done = run(*words, "-n", "shop", "-o", "json")
    assert done.code == 0, done.err
    [operation] = json.loads(done.out)["operations"]
    stored = {one["metadata"]["name"]: one["spec"] for one in bare.select(OPERATIONS, "shop")}
    assert stored[operation["name"]] == {"tenant": "acme", **asked}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["acme", "--workload", "job/bot"], 2, "write it as deployment/NAME or statefulset/NAME"),
        (["acme", "--workload", "deployment/\x1b"], 2, "write it as"),
        (["acme", "beta", "--workload", "sts/bot"], 2, "give one NAME"),
        (["acme", "--max-duration", "3d", "--workload", "sts/bot"], 1, "spec.quiesce.maxDuration"),
    ],
)
def test_bad_input_is_one_sentence(
    bare: Fleet, run: Run, words: list[str], code: int, said: str
) -> None:
    done = run("quiesce", *words, "-n", "shop")
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "\x1b" not in done.err


def test_backups_and_drills_of_tenants_that_are_named_or_of_all(bare: Fleet, run: Run) -> None:
    for number in range(3):
        bare.create(TENANTS, "shop", resource(Tenant("shop", f"t{number}", "Healthy", 0)))
    for action in ("Backup", "Drill"):
        done = run(action.lower(), "--all", "-A", "-o", "json")
        assert done.code == 0, done.err
        asked = json.loads(done.out)["operations"]
        assert [(each["action"], each["tenant"]) for each in asked] == [
            (action, f"t{number}") for number in range(3)
        ]
    assert run("backup", "shop/t0", "t1", "-n", "shop", "-o", "name").out.count("/backup-t") == 2
    for words in (["backup"], ["backup", "t0", "--all"], ["drill", "t0", "-A"]):
        assert run(*words).code == 2
    assert "There is no BaileysTenant" in run("drill", "--all", "-n", "empty").err
