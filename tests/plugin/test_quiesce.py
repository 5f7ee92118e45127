"""What `quiesce` and `resume` ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.conftest import Run, cluster, runner
from tests.plugin.tenants import Fleet

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
