"""What commands ask for, without an operator that carries it out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.cli.kubectl.client import Kubectl
from tests.plugin.conftest import Run, cluster, runner
from tests.plugin.tenants import TENANTS, Fleet, Tenant, resource

OPERATIONS = "janitor.baileys.dev/v1alpha1/baileysoperations"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster with a tenant and without an operator: what is asked for lies there."""
    with cluster(tmp_path_factory.mktemp("bare"), programs) as fleet:
        fleet.create("v1/namespaces", "", {"metadata": {"name": "shop"}})
        fleet.create(TENANTS, "shop", resource(Tenant("shop", "acme", "Healthy", 0)))
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
            (action, name) for name in ("acme", "t0", "t1", "t2")
        ]
    assert run("backup", "shop/t0", "t1", "-n", "shop", "-o", "name").out.count("/backup-t") == 2
    for words in (["backup"], ["backup", "t0", "--all"], ["drill", "t0", "-A"]):
        assert run(*words).code == 2
    assert "There is no BaileysTenant" in run("drill", "--all", "-n", "empty").err


@pytest.mark.parametrize(
    "words",
    [
        ["clean"],
        ["undo", "--wait"],
        ["backup"],
        ["drill"],
        ["quiesce"],
        ["resume"],
        ["rotate", "--yes"],
        ["rollback"],
        ["repair", "--contact-secret", "them"],
        ["restore", "--repository", "eu", "--identity-secret", "key"],
    ],
    ids=lambda words: words[0],
)
def test_nothing_is_asked_for_a_tenant_that_does_not_exist(
    bare: Fleet, run: Run, words: list[str]
) -> None:
    before = len(bare.select(OPERATIONS, "shop"))
    done = run(*words, "acmee", "-n", "shop")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "Error: There is no BaileysTenant acmee in the namespace shop (nearest: acme): no operation was created.\n",
    )
    assert len(bare.select(OPERATIONS, "shop")) == before


def test_one_name_that_does_not_exist_holds_all_of_them_back(bare: Fleet, run: Run) -> None:
    before = len(bare.select(OPERATIONS, "shop"))
    done = run("clean", "acme", "shop/amce", "other/zzz", "--namespace", "shop")
    assert "another namespace" in done.err
    done = run("clean", "shop/acme", "shop/amce", "other/zzz")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        (
            "Error: There is no BaileysTenant zzz in the namespace other and no amce in the namespace shop "
            "(nearest: acme): no operation was created.\n"
        ),
    )
    assert len(bare.select(OPERATIONS, "shop")) == before


def test_tenants_are_looked_for_by_one_read(
    bare: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        bare.create(TENANTS, "shop", resource(Tenant("shop", name, "Healthy", 0)))
    verbs: list[str] = []
    document = Kubectl._document

    def seen(self: Kubectl, command: Sequence[str], verb: str, *more: Any) -> dict[str, Any]:
        verbs.append(verb)
        return document(self, command, verb, *more)

    monkeypatch.setattr(Kubectl, "_document", seen)
    assert run("clean", "one", "two", "acme", "-n", "shop").code == 0
    assert verbs == ["list", "create", "create", "create"]
    verbs.clear()
    assert run("clean", "one", "-n", "shop").code == 0
    assert verbs == ["get", "create"]
    for name in ("one", "two"):
        bare.remove("shop", name)


LONG = "Waits for the pods that still use the claim of the tenant, of which there are some: bot-1, bot-2."


def test_lines_of_operations_are_wrapped_at_a_terminal_alone(bare: Fleet, run: Run) -> None:
    name = f"clean-{'a-long-name-' * 4}x"
    spec = {"tenant": "acme", "action": "Clean"}
    bare.create(OPERATIONS, "shop", {"metadata": {"name": name}, "spec": spec})
    for phase, code in (("Working", 4), ("Completed", 0)):
        bare.patch("shop", name, {"phase": phase, "message": LONG}, OPERATIONS)
        words = ("follow", name, "-n", "shop", "--timeout", "0s")
        piped = run(*words)
        assert piped.code == code
        assert f"{phase}: {LONG}\n" in piped.out + piped.err
        seen, shown = bare.at_terminal(80, *words)
        assert seen == code
        lines = shown.splitlines()
        assert f"{phase}: {LONG}" in " ".join(shown.split())
        command = f"  kubectl baileys follow {name} -n shop"
        assert (command in lines) is (phase == "Working"), "a command can be pasted"
        assert max(len(each) for each in lines if each != command) <= 80
        assert max(map(len, bare.at_terminal(400, *words)[1].splitlines())) > 120
