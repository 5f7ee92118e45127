"""`kubectl baileys top`: the screen, and a fleet that changes beneath it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from baileys_janitor.cli.kubectl.client import Kubectl
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin import top_command, watching
from baileys_janitor.cli.plugin.tenants import TenantDocument, brief_of, tenant_document
from tests.plugin.conftest import Run
from tests.plugin.tenants import FLEET, Fleet, Tenant, acting, resource, status

PATIENCE_SECONDS = 60
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def of_tenants(namespace: str | None, *options: str) -> watching.WatchedList[TenantDocument]:
    return watching.WatchedList(Kubectl(options), TENANTS, namespace, brief_of)


@contextmanager
def watched(namespace: str | None, *options: str) -> Iterator[watching.WatchedList[TenantDocument]]:
    fleet = of_tenants(namespace, *options)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.end()


def until(fleet: watching.WatchedList[TenantDocument], holds: object) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, fleet.trouble
        fleet.wait(0.2)


@pytest.mark.parametrize(("width", "height"), [(80, 6), (80, 24), (200, 24), (40, 4)])
@pytest.mark.parametrize("sort", top_command.SORTS)
def test_the_screen_fits_the_terminal(width: int, height: int, sort: str) -> None:
    fleet = of_tenants(None)
    found = [brief_of({**resource(each), "status": status(each)}) for each in FLEET]
    fleet._found = {(each["namespace"], each["name"]): each for each in found}
    fleet.trouble = "It takes the right to watch, " * 20
    lines = top_command.screen(fleet, sort, time.time(), width, height, everywhere=True)
    assert len(lines) <= height
    assert max(map(len, lines)) <= max(width, 60)
    assert lines[-1].endswith(f"sorted by {sort}; q ends") or "…" in lines[-1]


def test_tenants_are_sorted() -> None:
    full = Tenant("n", "full", "Healthy", 190)
    soon = Tenant("n", "soon", "Healthy", 90)
    documents = []
    for each, growth in ((full, 1.0), (soon, 9.0)):
        said = status(each) | {"growthPerDay": growth}
        documents.append(tenant_document({**resource(each), "status": said}))
    unknown = tenant_document(resource(Tenant("n", "unknown", "Healthy", 0)))
    for sort, first in (
        ("files", "full"),
        ("growth", "soon"),
        ("full", "full"),
        ("level", "unknown"),
    ):
        ordered = top_command.sorted_by(sort, [unknown, *documents])
        assert ordered[0]["name"] == first, sort
    assert top_command.sorted_by("growth", [unknown, *documents])[-1]["name"] == "unknown"


def test_changes_arrive_by_a_watch(run: Run, fleet: Fleet) -> None:
    with watched("support") as tenants:
        assert [each["status"]["level"] for each in tenants.all()] == ["Warning"]
        fleet.add(Tenant("support", "new", "Healthy", 10))
        until(tenants, lambda: len(tenants.all()) == 2)
        fleet.patch("support", "new", {"level": "Critical"})
        until(tenants, lambda: "Critical" in {t["status"].get("level") for t in tenants.all()})
        fleet.remove("support", "new")
        until(tenants, lambda: len(tenants.all()) == 1)
        assert tenants.trouble is None


def test_without_the_right_to_watch_the_list_is_read_again(
    run: Run, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.2)
    with watched("shop", acting("reader")) as tenants:
        until(tenants, lambda: tenants.trouble)
        assert "it takes the right watch on baileystenants.janitor.baileys.dev" in str(
            tenants.trouble
        )
        fleet.add(Tenant("shop", "later", "Healthy", 10))
        until(tenants, lambda: "later" in {each["name"] for each in tenants.all()})
    fleet.remove("shop", "later")


def test_the_screen_follows_and_q_ends_it_with_its_kubectl(run: Run, fleet: Fleet) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = subprocess.Popen(
        [str(fleet.programs / "kubectl"), "baileys", "top", "-n", "support"],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, **fleet.variables, "TERM": "xterm"},
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        read_until(ours, "1 tenant: 1 Warning")
        fleet.add(Tenant("support", "seen", "Emergency", 190))
        read_until(ours, "2 tenants: 1 Emergency, 1 Warning")
        children = descendants(process.pid)
        os.write(ours, b"q")
        drain(ours)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
        assert not [each for each in children if Path(f"/proc/{each}").exists()]
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        fleet.remove("support", "seen")


def test_top_needs_a_terminal_and_the_right_to_list(run: Run, fleet: Fleet) -> None:
    done = run("top")
    assert done.code == 2
    assert "top draws on a terminal" in done.err
    code, shown = fleet.at_terminal(80, "top", "-n", "shop", acting("nobody"))
    assert code == 1
    assert "ask for the verb list" in " ".join(shown.split())


def read_until(file: int, text: str) -> None:
    shown = ""
    end = time.monotonic() + PATIENCE_SECONDS
    while text not in CONTROLS.sub("", shown):
        assert time.monotonic() < end, shown
        if select.select([file], [], [], 1)[0]:
            shown += os.read(file, 1 << 16).decode(errors="replace")


def drain(file: int) -> None:
    try:
        while os.read(file, 1 << 16):
            pass
    except OSError:
        pass


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found
