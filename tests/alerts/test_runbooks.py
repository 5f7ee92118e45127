"""Every alert has a runbook and every runbook an alert, and what a runbook tells people to type exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.generated.crd import crds
from baileys_janitor.controller.metrics.key_stores import STORE_DEFINITIONS
from baileys_janitor.controller.metrics.tenant_sets import SET_DEFINITIONS
from baileys_janitor.metrics.definitions import DEFINITIONS
from baileys_janitor.metrics.tenants import FAMILIES
from tests.alerts.commands import Unknown, blocks, check, commands, typed
from tests.alerts.rules import INDEX, PAGES, ROOT, Rule, rules

SECTIONS = ["What it means", "See it", "What to do", "What not to do", "When it ends"]
SUPPORTING = {
    "permission-denied",
    "undo-cleanup",
    "disaster-recovery",
    "waiting-for-this-message",
}
"""Pages that others lead to."""
BY_ALERT = [page for page in PAGES if page.stem not in SUPPORTING]

by_page = pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "docs" / "metrics.md"], ids=lambda page: page.stem
)
by_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.alert)


def check_all(text: str) -> None:
    for words in commands(text):
        check(words)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {rule.runbook for rule in rules()} == {page.stem for page in BY_ALERT}


def test_every_message_that_is_sent_has_a_runbook() -> None:
    assert {kind.runbook for kind in INCIDENT_KINDS.values()} <= {page.stem for page in PAGES}


@by_rule
def test_a_runbook_begins_with_its_alert_and_how_bad_it_is(rule: Rule) -> None:
    (page,) = (each for each in PAGES if each.stem == rule.runbook)
    said = " ".join(page.read_text().split())
    assert f"Alert {rule.alert}, severity {rule.severity}:" in said


@pytest.mark.parametrize("page", BY_ALERT, ids=lambda page: page.stem)
def test_a_runbook_tells_what_to_do_and_what_not_and_when_it_ends(page: Path) -> None:
    found = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert [each for each in found if each in SECTIONS] == SECTIONS


def test_the_index_lists_every_page_with_its_alerts() -> None:
    text = INDEX.read_text()
    assert set(re.findall(r"\]\(([a-z-]+)\.md\)", text)) == {page.stem for page in PAGES}
    for rule in rules():
        row = next(line for line in text.splitlines() if f"`{rule.alert}`" in line)
        assert f"| {rule.severity} |" in row
        assert f"({rule.runbook}.md)" in row


@by_page
def test_every_command_exists(page: Path) -> None:
    text = page.read_text()
    for words in typed(text):
        check(words)
    assert len(list(blocks(text))) == text.count("```sh"), "a block that is not read"


@by_rule
def test_every_command_that_an_alert_names_exists(rule: Rule) -> None:
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"\1", rule.annotations["description"])
    for quoted in re.findall(r'"(kubectl .+?)"(?=[\s.,;:]|$)', text):
        check_all(quoted)


@pytest.mark.parametrize(
    "wrong",
    [
        "kubectl frobnicate pods",
        "kubectl get baileystennants -A",
        "kubectl get pods --no-such-flag",
        "kubectl -n shop get jobs,podz -o wide",
        "kubectl exec POD -- nosuchprogram /data",
        "kubectl exec POD -- sh -c 'ls | nosuchprogram'",
        "helm upgrade janitor charts/baileys-janitor --no-such-flag",
        "baileys-janitor redo /data",
        "baileys-janitor undo /data --force",
        "baileys-janitor notify all --config operator.yaml",
        "baileys-janitor notify test --conf operator.yaml",
        "kubectl get pods | nosuchprogram",
        'kubectl annotate bt acme a="$(nosuchprogram)"',
    ],
)
def test_a_command_that_does_not_exist_would_be_noticed(wrong: str) -> None:
    with pytest.raises(Unknown):
        check_all(wrong)


def fields(schema: Any, path: str) -> Iterator[str]:
    """Every path of a schema."""
    yield path
    for name, child in (schema.get("properties") or {}).items():
        yield from fields(child, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], path)


def known_fields() -> set[str]:
    """Every value of the chart, and every field of the resource."""
    values = json.loads((ROOT / "charts/baileys-janitor/values.schema.json").read_text())
    schemas = [
        values,
        *(d["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for d in crds()),
    ]
    return {path.lstrip(".") for schema in schemas for path in fields(schema, "")}


@by_page
def test_every_field_that_is_named_exists(page: Path) -> None:
    known = known_fields()
    text = page.read_text()
    named = set(re.findall(r"`\.?((?:config|spec|status|networkPolicy|resources)\.[\w.]+)", text))
    named |= set(re.findall(r"--set ([\w.]+)=", text))
    wrong = {each for each in named if each not in known and not each.startswith("resources.")}
    assert wrong == set()
    # What stands alone in backquotes is short for one of these.
    tails = {each.split(".", 1)[-1] for each in known} | {
        tail for each in known for tail in [each.removeprefix("config.defaults.")]
    }
    short = set(re.findall(r"`((?:thresholds|retention|circuitBreaker|limits)\.\w+)`", text))
    assert short <= tails


@by_page
def test_every_metric_that_is_named_exists(page: Path) -> None:
    known = {*(family.name for family in FAMILIES)}
    known |= {each.name for each in (*DEFINITIONS, *STORE_DEFINITIONS, *SET_DEFINITIONS)}
    named = set(re.findall(r"\bbaileys_[a-z_]+", page.read_text()))
    assert {re.sub(r"_(bucket|count|sum)$", "", each) for each in named - known} <= known


def test_the_reasons_that_are_explained_are_all_that_there_are() -> None:
    explained = set()
    for line in (ROOT / "docs/runbooks/scan-stale.md").read_text().splitlines():
        if line.startswith("| `"):
            explained |= set(re.findall(r"`([A-Z]\w+)`", line.split("|")[1]))
    resource = set()
    for line in (ROOT / "docs/resource.md").read_text().splitlines():
        if line.startswith("| False | "):
            resource |= set(re.findall(r"`([A-Z]\w+)`", line.split("|")[2]))
    assert resource <= explained
    code = "".join(each.read_text() for each in (ROOT / "operator/baileys_janitor").rglob("*.py"))
    assert {each for each in explained if not re.search(rf'"{each}"', code)} == set()


def test_no_annotation_holds_a_secret_or_a_file_name() -> None:
    used = set()
    for rule in rules():
        for text in (*rule.annotations.values(), *rule.labels.values()):
            used |= set(re.findall(r"\$labels\.(\w+)", text))
    names = {"namespace", "tenant", "key_store", "company_id", "reason", "job", "channel", "site"}
    names |= {"shard", "workload", "tenant_set", "action", "phase"}
    assert used <= names


@by_rule
def test_an_alert_is_a_sentence_for_a_person_and_has_a_known_severity(rule: Rule) -> None:
    assert rule.severity in ("info", "warning", "critical")
    assert set(rule.annotations) == {"summary", "description", "runbook_url"}
    assert rule.annotations["description"].endswith(".")
    assert len(rule.annotations["summary"]) < 160
