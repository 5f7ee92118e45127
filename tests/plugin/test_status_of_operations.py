"""What `kubectl baileys status` says of operations, where the API server chooses them and where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.api.generated.crd import crds
from baileys_janitor.cli.plugin import tenant_operations
from tests.plugin.conftest import Run, cluster, read, runner
from tests.plugin.tenants import ESCAPES, FLEET, GROUP, Fleet, Tenant, ago

OPERATIONS = f"{GROUP}/v1alpha1/baileysoperations"
DEFINITION = "apiextensions.k8s.io/v1/customresourcedefinitions"
RUN = "20261128-150000-abcdef"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster with operations of several tenants."""
    with cluster(tmp_path_factory.mktemp("asked"), programs) as fleet:
        fleet.create("v1/namespaces", "", {"metadata": {"name": "shop"}})
        fleet.add(FLEET[0])
        fleet.add(Tenant("shop", "bank", "Healthy", 90))
        done = {"completionTime": ago(600), "startTime": ago(620), "run": RUN}
        for name, tenant, action, status in (
            ("one", "acme", "Clean", {"phase": "Completed", "message": "42 files removed."} | done),
            (
                "two",
                "acme",
                "Restore",
                {"phase": "Failed", "message": f"No archive.{ESCAPES}"} | done,
            ),
            ("three", "acme", "Backup", {"phase": "Working", "startTime": ago(130)}),
            (
                "four",
                "acme",
                "Drill",
                {"phase": "Pending", "message": "The operation three comes first."},
            ),
            ("five", "bank", "Clean", {"phase": "Failed", "completionTime": ago(200_000)}),
            ("six", "bank", "Undo", {}),
        ):
            spec = {"tenant": tenant, "action": action}
            spec |= {"restore": {"repository": "eu"}} if action == "Restore" else {}
            made: dict[str, Any] = {
                "apiVersion": f"{GROUP}/v1alpha1",
                "kind": "BaileysOperation",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": spec,
            }
            fleet.create(OPERATIONS, "shop", made)
            if status:
                fleet.patch("shop", name, status, OPERATIONS)
        yield fleet


@pytest.fixture(params=["chosen by the server", "chosen here"])
def see(
    request: pytest.FixtureRequest,
    asked: Fleet,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """`kubectl baileys` beside a server that can choose by a field, and beside one that cannot."""
    chosen = request.param == "chosen by the server"
    (definition,) = (
        each
        for each in crds(field_selectors=chosen)
        if each["spec"]["names"]["plural"] == "baileysoperations"
    )
    name = definition["metadata"]["name"]
    asked.kubectl("replace", "-f", "-", body=definition)
    assert ("selectableFields" in asked.kubectl("get", "crd", name, "-o", "yaml")) is chosen
    return runner(asked, capsys, monkeypatch)


def test_a_tenants_operations_are_listed_what_is_under_way_first(see: Run) -> None:
    done = see("status", "shop/acme")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("Asked for:"))
    assert lines[first] == "Asked for: Backup Working for 2m"
    assert lines[first + 1].strip().startswith("Drill Pending for ")
    assert lines[first + 1].endswith(": The operation three comes first.")
    both = "\n".join(lines[first + 2 : first + 4])
    assert f"Clean Completed 10m ago (run {RUN}): 42 files removed." in both
    assert f"Restore Failed 10m ago (run {RUN}): No archive." in both
    assert "Undo" not in both
    assert "\x1b" not in done.out
    document = read(see("status", "shop/acme", "-o", "json"))
    listed = document["tenants"][0]["operations"]  # type: ignore[index]
    assert [each["action"] for each in listed][:2] == ["Backup", "Drill"]
    assert {each["tenant"] for each in listed} == {"acme"}


def test_a_fleet_says_what_failed_of_late_and_what_waits(see: Run) -> None:
    done = see("status", "-A")
    assert done.code == 0, done.err
    assert "Operations: 1 failed within a day, 1 under way, 2 wait." in done.out
    assert "shop/acme: Restore Failed 10m ago" in done.out
    assert "... and 1 more operations (-o wide shows all)" in done.out
    assert "42 files" not in done.out
    assert "Clean" not in done.out.partition("Operations:")[2], "that was days ago, or went well"
    wide = see("status", "-A", "-o", "wide")
    assert "shop/bank: Undo Pending for" in wide.out
    assert "the operator has not looked at it yet" in wide.out
    assert "\x1b" not in done.out + wide.out


@pytest.mark.parametrize("columns", [80, 200])
def test_lines_about_operations_fit_the_terminal(asked: Fleet, columns: int) -> None:
    for words in (["status", "-A"], ["status", "shop/acme"]):
        code, shown = asked.at_terminal(columns, *words, lines=60)
        assert code == 0, shown
        assert "Restore Failed" in " ".join(shown.split())
        lines = [line for line in shown.splitlines() if not line.lstrip().startswith("kubectl")]
        assert max(map(len, lines)) <= columns


def test_more_than_are_read_are_told_of(
    asked: Fleet,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tenant_operations, "_READ_MOST", 2)
    plain = crds()[2]
    asked.kubectl("replace", "-f", "-", body=plain)
    see = runner(asked, capsys, monkeypatch)
    assert "There are more than 2 operations" in see("status", "-A").out


def test_a_cluster_without_operations_says_nothing_of_them(run: Run, fleet: Fleet) -> None:
    assert "Operations:" not in run("status", "-A").out
    assert "Asked for:" not in run("status", "shop/acme").out
