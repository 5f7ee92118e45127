"""Rows become the listing that their files would be, so the rules decide the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from baileys_janitor.keystore.adapter import Row, entries_of, file_name, key_of, row_of
from baileys_janitor.policy.cleanup.plan import Plan
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.file_kinds import CREDS, OTHER
from tests.all_checks import examples
from tests.policy.worlds import World, worlds
from tests.real import sessions

IDS = [
    ("session", "1100_1.12", "session-1100_1.12.json"),
    ("session", "1100:12.0", "session-1100-12.0.json"),
    ("sender-key", "12036@g.us::1100_1::0", "sender-key-12036@g.us--1100_1--0.json"),
    ("sender-key", "1100-160@g.us::1100:3::0", "sender-key-1100-160@g.us--1100-3--0.json"),
    ("sender-key-memory", "1100-160@g.us", "sender-key-memory-1100-160@g.us.json"),
    ("pre-key", "812", "pre-key-812.json"),
    ("app-state-sync-key", "AAAAAP//", "app-state-sync-key-AAAAAP____.json"),
    ("app-state-sync-version", "critical_block", "app-state-sync-version-critical_block.json"),
    ("lid-mapping", "2400_reverse", "lid-mapping-2400_reverse.json"),
    ("tctoken", "__index", "tctoken-__index.json"),
    ("identity-key", "1100_1.0", "identity-key-1100_1.0.json"),
]


@pytest.mark.parametrize(("key_type", "ident", "name"), IDS)
def test_an_id_and_the_name_of_its_file_are_read_both_ways(
    key_type: str, ident: str, name: str
) -> None:
    assert file_name(key_type, ident) == name
    assert file_name(None, f"{key_type}-{ident}") == name
    assert key_of(name) == (key_type, ident)


@pytest.mark.parametrize("name", ["creds.json", "session-1100.json", "notes.txt", "creds.json.bak"])
def test_what_is_no_key_of_the_library_has_no_row(name: str) -> None:
    assert key_of(name) is None


@pytest.mark.parametrize("scenario", sessions.scenarios())
def test_every_file_of_a_genuine_session_has_a_row(scenario: str, tmp_path) -> None:
    names = [each.name for each in sessions.unpack(scenario, tmp_path / "s").iterdir()]

    for name in names:
        key = key_of(name)
        assert (key is None) == (Entry.of(name, 1, 1, 1, 1).kind in (CREDS, OTHER))
        assert key is None or file_name(*key) == name


@pytest.mark.parametrize(
    ("key_type", "ident"),
    [
        ("sender-key", "memory-12036@g.us"),
        ("sender", "key-12036@g.us::1100::0"),
        ("pre", "key-7"),
        ("session", ""),
        ("", "session-1100.0"),
        ("session", "1100.0\n"),
    ],
)
def test_a_row_that_only_looks_like_a_key_stays(key_type: str, ident: str) -> None:
    [entry] = entries_of([Row(key_type, ident, 100, 0, "1")], None)

    assert entry.kind == OTHER


def _decision(plan: Plan) -> tuple[object, ...]:
    gone = [(each.entry.name, each.reason, each.unit) for each in plan.removals]
    return gone, plan.kept, plan.left, plan.refused, plan.before, plan.after


def _rows(world: World, *, typed: bool) -> tuple[list[Entry], list[Row], int | None]:
    """The same session as files and as rows; only names that a row can bear."""
    files, rows, creds = [], [], None
    for entry in world.entries:
        key = key_of(entry.name)
        entry.mtime_ns -= entry.mtime_ns % 1000  # a database keeps microseconds
        entry.ctime_ns = 0
        if entry.kind == CREDS:
            files.append(entry)
            creds = entry.size
        elif key is not None:
            files.append(entry)
            named = key if typed else (None, f"{key[0]}-{key[1]}")
            rows.append(Row(*named, entry.size, entry.mtime_ns // 1000, "1"))
    return files, rows, creds


@settings(max_examples=examples(150))
@given(worlds())
def test_rows_and_files_of_a_session_give_the_same_plan(world: World) -> None:
    for typed in (True, False):
        files, rows, creds = _rows(world, typed=typed)
        listed = entries_of(rows, creds)

        by_files = world._replace(entries=files).plan()
        by_rows = world._replace(entries=listed).plan()

        assert _decision(by_rows) == _decision(by_files)
        for removal in by_rows.removals:
            row = row_of(removal.entry, rows)
            assert file_name(row.type, row.id) == removal.entry.name
