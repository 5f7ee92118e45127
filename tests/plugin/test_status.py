"""`kubectl baileys status`, through a real kubectl."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from baileys_janitor.cli.plugin.tenants import brief, tenant_document
from tests.api.statuses import FULL_STATUS
from tests.plugin.conftest import Run, read
from tests.plugin.tenants import FLEET, GROUP, NUMBER, Fleet, acting, resource


def test_the_fleet_is_shown_the_worst_first(run: Run) -> None:
    done = run("status", "-A")
    assert done.code == 0, done.err
    head, headings, *rows = done.out.splitlines()
    assert head.startswith(
        "4 tenants in 2 namespaces: 1 Emergency, 1 Critical, 1 Warning, 1 Healthy; "
    )
    assert head.endswith("1 suspended")
    assert headings.split()[:3] == ["NAMESPACE", "NAME", "LEVEL"]
    assert [row.split()[2] for row in rows[:4]] == ["Emergency", "Critical", "Warning", "Healthy"]
    assert "188/180" in rows[0]
    assert "shop/acme: Raise spec.thresholds." in done.out
    assert "support/a-very-long-tenant-name-of-some-company-in-moscow: The store eu refuses" in (
        done.out
    ), "what is wrong, where nothing else asks for attention"


def test_one_namespace_alone(run: Run) -> None:
    for done in (run("status", "-n", "support"), run("-n", "support", "status")):
        assert done.out.startswith("1 tenant: 1 Warning")
        assert "NAMESPACE" not in done.out


@pytest.mark.parametrize(
    ("columns", "commands"),
    [
        (80, (["status", "-A"], ["status", "shop/acme"], ["status", "shop/acme", "--incident"])),
        (200, (["status", "-A"],)),
    ],
)
def test_no_line_is_wider_than_the_terminal(
    fleet: Fleet, columns: int, commands: tuple[list[str], ...]
) -> None:
    for words in commands:
        code, shown = fleet.at_terminal(columns, *words)
        assert code == 0, shown
        lines = [
            line for line in shown.splitlines() if not line.lstrip().startswith(("|", "kubectl"))
        ]
        assert max(map(len, lines)) <= columns, words
        assert len(lines) > 4


def test_a_terminal_gets_no_more_rows_than_fit_unless_all_are_asked_for(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "3")
    from baileys_janitor.cli.plugin import fleet_table

    tenants = [
        tenant_document(resource(each._replace(name=f"t{n}")))
        for n in range(20)
        for each in FLEET[:1]
    ]
    printed: list[str] = []
    monkeypatch.setattr(fleet_table, "terminal_height", lambda _: 3)
    monkeypatch.setattr(fleet_table, "print_prose", lambda lines: printed.extend(lines))
    monkeypatch.setattr(
        fleet_table, "print_table", lambda _, rows, *__, **___: printed.extend("row" for _ in rows)
    )
    fleet_table.print_fleet(tenants, 0.0, everywhere=True, wide=False)
    assert printed.count("row") == 5
    assert "... and 15 more, none worse (-o wide shows all)" in printed
    printed.clear()
    fleet_table.print_fleet(tenants, 0.0, everywhere=True, wide=True)
    assert printed.count("row") == 20


def test_one_tenant_says_why_since_when_what_comes_and_what_to_do(run: Run) -> None:
    done = run("status", "acme", "-n", "shop")
    assert done.code == 0, done.err
    assert done.out.startswith("shop/acme: Critical for 2h, 176/180 files, Ready\n")
    for said in (
        "Why:       It is Critical.",
        "ThresholdUnreachable, for 1h: ThresholdUnreachable holds.",
        "Forbidden, for 1h: The store eu refuses to put objects.",
        "Next:      Raise spec.thresholds.",
        "4.5 files a day; Emergency in 22h; a cleanup would remove 9 files now",
        "Last runs: 1h ago: Trigger, Completed: Removed 12 of 188 files; 20 sessions are in use.\n",
        "Trigger, Completed, 12 files removed, 188 to 176 counted\n",
        "kubectl baileys clean acme -n shop --dry-run --wait",
        "kubectl baileys undo acme -n shop --wait",
        "Session:   creds.json: Paired",
        "failed (Forbidden): The store refuses to put objects there.",
        "kubectl baileys status acme -n shop --incident",
    ):
        assert said in done.out


def test_a_name_can_bring_its_namespace_and_several_are_shown_one_after_the_other(run: Run) -> None:
    done = run("status", "shop/acme", f"shop/{NUMBER}")
    assert re.findall(r"^(shop/\S+):", done.out, re.MULTILINE) == ["shop/acme", f"shop/{NUMBER}"]


def test_a_right_that_is_missing_is_a_line_and_no_failure(run: Run) -> None:
    done = run("status", "shop/acme", acting("reader"))
    assert (done.code, done.err) == (0, "")
    assert "Not shown: events: it takes the right list on events in the namespace shop" in done.out
    document = read(run("status", "shop/acme", acting("reader"), "-o", "json"))
    of_operations = f"list on baileysoperations.{GROUP} in the namespace shop"
    assert document["notShown"] == [
        {"what": "events", "right": "list on events in the namespace shop"},
        {"what": "operations", "right": of_operations},
    ]
    fleet = run("status", "-n", "shop", acting("reader"))
    assert fleet.code == 0
    assert f"Not shown: operations: it takes the right {of_operations}" in fleet.out


def test_events_of_the_tenant_are_shown(run: Run, fleet: Fleet) -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e1", "namespace": "shop"},
        "involvedObject": {"kind": "BaileysTenant", "name": "acme", "namespace": "shop"},
        "reason": "Cleaned",
        "message": "Removed 12 files.\n\x1b[31m",
        "type": "Normal",
        "count": 3,
        "lastTimestamp": "2026-11-22T08:30:00Z",
    }
    fleet.kubectl("create", "-f", "-", body=event)
    said = run("status", "shop/acme").out
    assert re.search(r"Events: +\S+ ago: Cleaned \(x3\): Removed 12 files", said)
    assert "\x1b" not in said


def test_what_others_wrote_cannot_steer_the_terminal(run: Run) -> None:
    for words in (["status", "-A"], ["status", f"shop/{NUMBER}"], ["status", "-A", "-o", "yaml"]):
        said = run(*words).out
        assert "\x1b" not in said
        assert "\x07" not in said


def test_the_documents_for_machines(run: Run) -> None:
    document = read(run("status", "-A", "-o", "json"))
    assert document["schema"] == "baileys-janitor/tenants/v1"
    names = [each["name"] for each in document["tenants"]]  # type: ignore[attr-defined]
    assert sorted(names) == sorted(each.name for each in FLEET)
    one = yaml.safe_load(run("status", "shop/acme", "-o", "yaml").out)
    assert one["tenants"][0]["status"]["files"]["counted"] == 176
    assert "events" in one["tenants"][0]
    assert (
        "baileystenant.janitor.baileys.dev/acme\n" in run("status", "-n", "shop", "-o", "name").out
    )


def test_an_exit_code_for_scripts(run: Run) -> None:
    assert run("status", "-A", "--fail-on", "emergency").code == 3
    assert run("status", "-A", "--fail-on", "emergency", "-o", "json").code == 3
    assert run("status", "-n", "support", "--fail-on", "Critical", "-o", "json").code == 0
    assert run("status", "-n", "support", "--fail-on", "Critical").code == 0
    assert run("status", "-n", "support", "--fail-on", "Warning").code == 3


def test_the_recovery_checklist_is_filled_in_without_the_number(run: Run) -> None:
    done = run("status", f"shop/{NUMBER}", "--incident")
    assert done.code == 0, done.err
    assert NUMBER not in done.out
    assert "## Recovery checklist" in done.out
    assert "Are the credentials whole?" in done.out
    incident = json.loads(run("status", f"shop/{NUMBER}", "--incident", "-o", "json").out)
    assert {each["id"] for each in incident["checks"]} >= {"credentials", "trigger", "thresholds"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nobody", "-n", "shop"], 1, "There is no BaileysTenant nobody in the namespace shop"),
        (["-n", "shop", "--", "-x"], 2, "-x is not a valid name of a BaileysTenant"),
        (["-n", "shop", "-x"], 2, "No such option"),
        (["a\x1b[31m"], 2, r"a\x1b[31m is not a valid name"),
        (["a/b/c"], 2, "is not a valid name"),
        (["shop/acme", "-n", "support"], 2, "names another namespace"),
        (["acme", "-A"], 2, "either names or --all-namespaces"),
        (["-A", "-n", "shop"], 2, "either --namespace or --all-namespaces"),
        (["-n", "-x"], 2, "not a valid name of a namespace"),
        (["-n", "empty"], 1, "There is no BaileysTenant in the namespace empty"),
        (["--incident"], 2, "about one tenant"),
        (["acme", "--incident", "-o", "yaml"], 2, "--incident prints text"),
        (["-A", acting("reader")], 1, "may not list BaileysTenants: ask for the verb list on"),
        (["shop/acme", acting("nobody")], 1, "may not get BaileysTenants: ask for the verb get on"),
        (["--kubeconfig", "/nowhere"], 1, "kubectl failed: stat /nowhere"),
        (["--context", "nowhere"], 1, "kubectl failed: context"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, words: list[str], code: int, said: str) -> None:
    done = run("status", *words)
    assert (done.code, done.out) == (code, ""), done
    assert said in done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err


def test_a_row_needs_no_more_than_the_brief_tenant_has() -> None:
    from baileys_janitor.cli.plugin import fleet_table

    full = tenant_document({**resource(FLEET[0]), "status": FULL_STATUS})
    headings = fleet_table.headings_of(everywhere=True, wide=True)
    now = 1_795_000_000.0
    assert fleet_table.row(brief(full), headings, now) == fleet_table.row(full, headings, now)
    assert len(json.dumps(brief(full))) < len(json.dumps(full)) / 4
