"""The record of a tenant: each of its parts is written in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import baileys_janitor
from baileys_janitor.tenants import record
from baileys_janitor.tenants.backoff import Backoff
from baileys_janitor.tenants.backup_state import BackupState
from baileys_janitor.tenants.cleanup_state import CleanupState
from baileys_janitor.tenants.copies_state import CopiesState
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.scan_state import ScanState
from baileys_janitor.tenants.stored_status import StoredStatus
from baileys_janitor.tenants.timers import Timers

SOURCE = Path(baileys_janitor.__file__).parent
PARTS: dict[str, type] = {
    "resource": record.Resource,
    "stored": StoredStatus,
    "scan": ScanState,
    "backup": BackupState,
    "cleanup": CleanupState,
    "copies": CopiesState,
    "timers": Timers,
    "backoff": Backoff,
    "jobs": record.JobState,
    "queue": record.QueueEntry,
}
"""The parts of the record, each with the class whose methods write it."""


def stores(code: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, part, field) of each assignment to a field of a part: `tenant.scan.look = ...`, or by an alias."""
    tree = ast.parse(code)
    aliases = {
        target.id: node.value.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if isinstance(target, ast.Name) and node.value.attr in PARTS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            owner = node.value
            part = None
            if isinstance(owner, ast.Attribute):
                part = owner.attr
            elif isinstance(owner, ast.Name):
                part = aliases.get(owner.id)
            if part in PARTS and node.attr in {one.name for one in fields(PARTS[part])}:
                yield node.lineno, part, node.attr


def test_no_module_assigns_to_a_field_of_another_ones_part() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {part}.{field}"
        for path in SOURCE.rglob("*.py")
        for line, part, field in stores(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "tenant.scan.look = None",
        "tenant.backoff.failures += 1",
        "one.tenant.jobs.scan, other = 1, 2",
        "scan = tenant.scan\nscan.look = None",
        "del tenant.cleanup.run",
    ],
)
def test_the_check_finds_assignments(code: str) -> None:
    assert len(list(stores(code))) == 1


def test_the_record_has_no_other_parts() -> None:
    known = {"namespace", "name", "uid"}
    assert {one.name for one in fields(TenantRecord)} - known == PARTS.keys()


def test_no_field_of_a_part_is_written_by_name() -> None:
    """`setattr` would go unseen: only a part itself uses it, on itself."""
    for path in (SOURCE / "controller").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr":
                target = node.args[0]
                assert isinstance(target, ast.Name), path
                assert target.id == "self", path
