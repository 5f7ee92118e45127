"""Archives of rows that somebody has forged: each is refused with its reason, and the store is never touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from baileys_janitor.backup.archive.archive import pack_rows
from baileys_janitor.backup.archive.rows_manifest import (
    CREDS_ROWS,
    KEYS_ROWS,
    ArchivedRows,
    RowsManifestDecoder,
    RowsSnapshot,
    rows_manifest_of,
)
from baileys_janitor.backup.archive.unpack import unpack, unpack_rows
from baileys_janitor.backup.drill import DrillResult
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.names import KEY_STORE, ArchivePath
from baileys_janitor.policy.archives.archived import LIMIT_BYTES
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from tests.backup.sessions import IDENTITIES, PLAIN, RECIPIENTS, packed, session_in, snapshot_of
from tests.keystore.backups import NOW, Store, keep_in_first_layout, paired
from tests.keystore.data import rows
from tests.pairings import whole

Change = Callable[[RowsSnapshot], RowsSnapshot]


@pytest.fixture(scope="module")
def store(server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all of them, since none may change anything."""
    with psycopg.connect(server.url, autocommit=True) as admin:  # type: ignore[attr-defined]
        admin.execute("CREATE DATABASE hostile_archives")
    url = server.database("hostile_archives")  # type: ignore[attr-defined]
    session = paired(old=2, days=3)
    session.keys.sort()
    keep_in_first_layout(url, session, paired("other", "b", old=1, days=1))
    yield Store(url, tmp_path_factory.mktemp("hostile") / "there")
    with psycopg.connect(server.url, autocommit=True) as admin:  # type: ignore[attr-defined]
        admin.execute("DROP DATABASE hostile_archives WITH (FORCE)")


@pytest.fixture(scope="module")
def snapshot(store: Store) -> RowsSnapshot:
    """What is genuinely in the store."""
    from baileys_janitor.keystore.backup.rows import SessionRows
    from baileys_janitor.keystore.layout import layout_of
    from baileys_janitor.keystore.postgres.checks import inspect

    with store.opened() as database:
        facts = inspect(database, layout_of())
        with database.transaction(read_only=True, one_moment=True):
            return SessionRows(database, facts).snapshot("acme", NOW)


def with_member(
    name: str, change: Callable[[bytes], bytes], *, number: int | None = None
) -> Change:
    """Change the content of a member, and have the manifest agree, but for the number of rows where one is given."""

    def forge(snapshot: RowsSnapshot) -> RowsSnapshot:
        data = change(snapshot.content[name])
        content = {**snapshot.content, name: data}
        tables = [
            each if each.name != name else _described(each, data, number)
            for each in snapshot.tables
        ]
        found = replace(snapshot, content=content, tables=tables)
        if name != CREDS_NAME:
            return found
        credentials = read_credentials(data)
        assert credentials is not None
        return replace(found, credentials=credentials)

    return forge


def _described(table: ArchivedRows, data: bytes, number: int | None = None) -> ArchivedRows:
    return replace(
        table,
        size=len(data),
        sha256=sha256(data).hexdigest(),
        rows=data.count(b"\n") if number is None else number,
    )


def with_columns(name: str, columns: tuple[str, ...]) -> Change:
    def forge(snapshot: RowsSnapshot) -> RowsSnapshot:
        tables = [
            replace(each, columns=columns) if each.name == name else each
            for each in snapshot.tables
        ]
        return replace(snapshot, tables=tables)

    return forge


def first_line(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        first, rest = data.split(b"\n", 1)
        return change(first) + b"\n" + rest

    return apply


def reversed_lines(data: bytes) -> bytes:
    return b"".join(reversed(data.splitlines(keepends=True)))


KEYS = ("company_id", "key_type", "key_id", "value", "created_at", "updated_at", "expires_at")

FORGED: dict[str, tuple[str, Change]] = {
    "all keys of another session": (
        "AnotherSession",
        with_member(KEYS_ROWS, lambda data: data.replace(b"acme\t", b"other\t")),
    ),
    "one key of another session": (
        "AnotherSession",
        with_member(KEYS_ROWS, first_line(lambda line: line.replace(b"acme", b"other", 1))),
    ),
    "a key of no session": (
        "AnotherSession",
        with_member(KEYS_ROWS, first_line(lambda line: line.replace(b"acme", b"\\N", 1))),
    ),
    "everything of another session": (
        "AnotherSession",
        lambda found: with_member(CREDS_ROWS, lambda data: data.replace(b"acme\t", b"other\t"))(
            with_member(KEYS_ROWS, lambda data: data.replace(b"acme\t", b"other\t"))(found)
        ),
    ),
    "creds of two sessions": (
        "AnotherSession",
        with_member(CREDS_ROWS, lambda data: data + data.replace(b"acme\t", b"other\t")),
    ),
    "creds of no session": ("AnotherSession", with_member(CREDS_ROWS, lambda _: b"")),
    "creds twice": ("RowsDiffer", with_member(CREDS_ROWS, lambda data: data + data)),
    "other creds in the row than in creds.json": (
        "RowsDiffer",
        with_member(CREDS_NAME, lambda _: whole("z")),
    ),
    "another layout": (
        "LayoutDiffers",
        with_columns(KEYS_ROWS, ("sessionId", "id", "data", "touched", "made", "a", "b")),
    ),
    "a column of the system": ("LayoutDiffers", with_columns(KEYS_ROWS, ("ctid", *KEYS[1:]))),
    "a column that is a statement": (
        "LayoutDiffers",
        with_columns(KEYS_ROWS, ('"; DROP TABLE whatsapp_keys; --%s', *KEYS[1:])),
    ),
    "without the value": ("LayoutDiffers", with_columns(KEYS_ROWS, (*KEYS[:3], *KEYS[4:]))),
    "columns in another order": (
        "RowsInvalid",
        with_columns(KEYS_ROWS, (*KEYS[:3], "updated_at", "created_at", "value", "expires_at")),
    ),
    "a value that is no JSON": (
        "RowsInvalid",
        with_member(KEYS_ROWS, first_line(lambda line: line.replace(b'{"', b"{", 1))),
    ),
    "a value in another spelling": (
        "RowsDiffer",
        with_member(KEYS_ROWS, first_line(lambda line: line.replace(b'": ', b'":   ', 1))),
    ),
    "a row with a field less": (
        "RowsInvalid",
        with_member(KEYS_ROWS, first_line(lambda line: line.rsplit(b"\t", 1)[0])),
    ),
    "a row with a field more": (
        "RowsInvalid",
        with_member(KEYS_ROWS, first_line(lambda line: line + b"\tmore")),
    ),
    "bytes that are no text": (
        "RowsInvalid",
        with_member(KEYS_ROWS, first_line(lambda line: line.replace(b"acme", b"\xff\xfe", 1))),
    ),
    "an end in the middle": (
        "RowsDiffer|RowsInvalid",
        with_member(KEYS_ROWS, first_line(lambda line: b"\\.\n" + line)),
    ),
    "keys in another order": ("RowsDiffer", with_member(KEYS_ROWS, reversed_lines)),
    "a key twice": (
        "RowsInvalid",
        with_member(KEYS_ROWS, lambda data: data.split(b"\n", 1)[0] + b"\n" + data),
    ),
    "fewer rows than it says": (
        "RowsDiffer",
        with_member(KEYS_ROWS, lambda data: data.split(b"\n", 1)[1], number=10_000),
    ),
    "a session without keys": ("Passed", with_member(KEYS_ROWS, lambda _: b"")),
}


def drill(store: Store, forged: RowsSnapshot) -> DrillResult:
    archive = pack_rows(forged, namespace=KEY_STORE, tenant="acme", recipients=RECIPIENTS)
    path = ArchivePath(KEY_STORE, "acme", archive.name)
    store.repository.put(path, archive.data)
    try:
        return _drill(store, path)
    finally:
        store.repository.delete([path])


def _drill(store: Store, path: ArchivePath) -> DrillResult:
    from baileys_janitor.keystore.backup.drill import drill_rows
    from baileys_janitor.keystore.layout import layout_of
    from baileys_janitor.keystore.postgres.checks import inspect

    wanted = store.wanted(name=path.name)
    with store.opened() as database:
        facts = inspect(database, layout_of())
        done = drill_rows(database, facts, store.repository, wanted, IDENTITIES, NOW + 1, "acme")
        assert database.row("SELECT count(*) FROM pg_class WHERE relname LIKE 'janitor%%'") == (0,)
        return done


@pytest.mark.parametrize("what", FORGED)
def test_what_is_forged_is_refused(store: Store, snapshot: RowsSnapshot, what: str) -> None:
    codes, change = FORGED[what]
    before = rows(store.url)

    found = drill(store, change(snapshot))

    assert (found.code or found.outcome) in codes.split("|")
    assert (found.message is None) == (codes == "Passed")
    assert not found.message or "acme" not in found.message
    assert rows(store.url) == before


def test_the_genuine_one_passes(store: Store, snapshot: RowsSnapshot) -> None:
    assert drill(store, snapshot).outcome == "Passed"


@pytest.mark.parametrize(
    ("what", "code", "change"),
    [
        ("columns twice", "ManifestInvalid", (b'["company_id","creds"]', b'["creds","creds"]')),
        ("no columns", "ManifestInvalid", (b'["company_id","creds"]', b"[]")),
        ("columns without end", "ManifestInvalid",
         (b'["company_id","creds"]', b"[" + b",".join(b'"c%d"' % n for n in range(401)) + b"]")),
        ("another name", "ManifestInvalid", (b'"creds.copy"', b'"../../etc/passwd"')),
        ("a space more", "ManifestInvalid", (b'"rows":1,', b'"rows": 1,')),
        ("a size below nothing", "ManifestInvalid", (b'"rows":1,', b'"rows":-1,')),
        ("rows that need too much memory", "ArchiveTooLarge", (b'"rows":1,', b'"rows":65536,')),
        ("a newer version", "ArchiveVersion", (b'"version":2', b'"version":3')),
        ("the form of files", "ArchiveOfFiles", (b'"version":2', b'"version":1')),
        ("another tenant's characters", "ManifestInvalid", (b'"tenant":"acme"', b'"tenant":"../x"')),
        ("a tail", "ManifestInvalid", (b"]}\n", b"]}\n\n")),
        ("megabytes", "ManifestInvalid", (b"]}\n", b"]}\n" + b" " * (1 << 20))),
        ("half of it", "ManifestInvalid", (b'"members"', b"")),
    ],
)  # fmt: skip
def test_a_manifest_is_what_we_would_write(
    snapshot: RowsSnapshot, what: str, code: str, change: tuple[bytes, bytes]
) -> None:
    data = rows_manifest_of(snapshot, cluster="", namespace=KEY_STORE, tenant="acme").encode()
    assert change[0] in data, what

    def read() -> None:
        decoder = RowsManifestDecoder()
        changed = data.replace(*change, 1)
        for place in range(0, len(changed), 1000):
            decoder.feed(changed[place : place + 1000])
        decoder.finish()

    with pytest.raises(BackupProblem) as refused:
        read()
    assert refused.value.code == code


def test_a_manifest_comes_back_as_it_was(snapshot: RowsSnapshot) -> None:
    manifest = rows_manifest_of(snapshot, cluster="Moskva", namespace=KEY_STORE, tenant="acme")
    decoder = RowsManifestDecoder()
    decoder.feed(manifest.encode())

    assert decoder.finish() == manifest


def test_neither_form_is_taken_for_the_other(snapshot: RowsSnapshot, tmp_path: Path) -> None:
    of_rows = pack_rows(snapshot, namespace=KEY_STORE, tenant="acme", recipients=PLAIN)
    of_files = packed(snapshot_of(session_in(tmp_path / "acme")), PLAIN)

    with pytest.raises(BackupProblem) as rows_refused:
        unpack([of_rows.data], None)
    with pytest.raises(BackupProblem) as files_refused:
        unpack_rows([of_files.data], None)

    assert rows_refused.value.code == "ArchiveOfRows"
    assert files_refused.value.code == "ArchiveOfFiles"


def test_one_changed_bit_or_a_cut_is_found(snapshot: RowsSnapshot) -> None:
    data = pack_rows(snapshot, namespace=KEY_STORE, tenant="acme", recipients=RECIPIENTS).data
    for place in range(0, len(data), max(1, len(data) // 40)):
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        for bad in (flipped, data[:place]):
            with pytest.raises(BackupProblem):
                unpack_rows([bad], IDENTITIES)


def test_more_than_an_archive_holds_is_refused_before_it_is_read(snapshot: RowsSnapshot) -> None:
    zeros = with_member(KEYS_ROWS, lambda _: bytes(LIMIT_BYTES), number=1)(snapshot)
    data = pack_rows(zeros, namespace=KEY_STORE, tenant="acme", recipients=RECIPIENTS).data
    assert len(data) < 1 << 20

    with pytest.raises(BackupProblem) as refused:
        unpack_rows([data], IDENTITIES)

    assert refused.value.code == "ArchiveTooLarge"
