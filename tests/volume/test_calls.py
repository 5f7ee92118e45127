"""What a cleanup asks of the disk: counted, since times tell little on a busy machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.volume.files import noreplace
from tests.running_time import remember
from tests.volume.directories import DAY, DUE, EVERYTHING, NOW, write
from tests.volume.interference import clean, scan

#: Plan, memory, journal and the directory before the first file moves; memory, directory and journal after the last.
SYNCS = 7
#: At the lock, the plan, the journal and the file before it moves; at both its names after that, and at the end.
LOOKS_AT_A_FILE = 8
MORE = 50


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each function was called, and how often creds.json was opened."""
    made: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            made["creds" if arguments[0] == "creds.json" and name == "open" else name] += 1
            return real(*arguments, **options)

        return call

    for name in ("fsync", "scandir", "lstat", "open"):
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    rename = counting("rename", noreplace.rename_no_replace)
    monkeypatch.setattr(noreplace, "rename_no_replace", rename)
    return made


def test_a_cleanup_syncs_lists_and_reads_no_more_than_it_must(
    session: Path, calls: Counter[str]
) -> None:
    assert clean(session).removed == len(DUE)
    # One read before the lock, one under it that agrees, and one for the scan at the end.
    assert (calls["fsync"], calls["scandir"], calls["creds"]) == (SYNCS, 2, 3)


def test_a_scan_syncs_nothing_and_lists_and_reads_once(session: Path, calls: Counter[str]) -> None:
    scan(session)
    assert (calls["fsync"], calls["scandir"], calls["creds"]) == (0, 1, 1)


def test_each_file_is_looked_at_a_bounded_number_of_times(
    session: Path, calls: Counter[str]
) -> None:
    for number in range(MORE):
        write(session / f"session-77{number:02}.0.json", b"{}", NOW - 20 * DAY)
    remember(session, NOW)
    calls.clear()
    removed = clean(session, settings=EVERYTHING).removed
    assert removed == MORE + len(DUE)
    assert calls["lstat"] <= removed * LOOKS_AT_A_FILE + 50
