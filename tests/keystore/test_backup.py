"""Backups of sessions in a database: what was in the rows is in the archive, and a drill proves it."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from baileys_janitor.backup.archive.archive import pack_rows
from baileys_janitor.backup.archive.unpack import UnpackedRows, unpack_rows
from baileys_janitor.backup.known import Known
from baileys_janitor.backup.names import parse_name
from baileys_janitor.backup.results import Keep
from baileys_janitor.backup.stores.repository import open_repository
from baileys_janitor.keystore.adapter import KEY_TYPES
from baileys_janitor.keystore.backup.load import loaded
from baileys_janitor.keystore.backup.memory import StoreMemory
from baileys_janitor.keystore.backup.rows import SessionRows
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import Facts, inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.policy.archives.archive_retention import Retention
from baileys_janitor.policy.archives.pairing import read_credentials
from tests.backup.servers import ENVIRON, S3Server
from tests.backup.sessions import PLAIN, SECRET
from tests.keystore.backups import ME, NOW, STORES, Store, keep_in_first_layout, paired
from tests.keystore.data import Company, Key, rows
from tests.keystore.test_clean import LIMITS
from tests.keystore.test_undo import execute, execute_plainly
from tests.pairings import whole

HOUR, DAY = 3600.0, 86_400.0
AGE = Path(__file__).parents[2] / ".tools/shells/usr/bin/age"


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    keep_in_first_layout(url, paired())
    return Store(url, tmp_path / "there")


@pytest.mark.parametrize("name", STORES)
def test_a_session_of_every_layout_is_backed_up_and_passes_its_drill(
    url: str, tmp_path: Path, name: str
) -> None:
    keep, keys, credentials = STORES[name]
    session = paired()
    keep(url, session, paired("acme2", "b"), paired("acme:b", "c"))
    store = Store(url, tmp_path / "there", keys, credentials)

    done = store.back_up()
    drilled = store.drill()

    assert (done.outcome, done.code, done.message) == ("Completed", None, None)
    assert [each.outcome for each in done.repositories] == ["Put"]
    assert done.files == len(session.keys) + 1
    assert (drilled.outcome, drilled.code, drilled.message) == ("Passed", None, None)
    assert drilled.files == done.files
    assert drilled.vouched
    assert store.fetched().content["keys.copy"].count(b"\n") == len(session.keys)
    assert store.back_up().repositories[0].outcome == "Unchanged"


def test_an_unchanged_session_is_put_once_a_week(store: Store) -> None:
    first = store.back_up()
    store.now += HOUR
    again = store.back_up()
    store.now += HOUR
    execute(store.url, "UPDATE whatsapp_keys SET value = '1' WHERE key_id = '7'")
    changed = store.back_up()
    store.now += 8 * DAY
    later = store.back_up()

    outcomes = [each.repositories[0].outcome for each in (first, again, changed, later)]
    assert outcomes == ["Put", "Unchanged", "Put", "Put"]
    assert len(store.archives()) == 3
    assert [each.name for each in store.known().archives] == sorted(
        (parse_name(each.name) for each in store.archives()), reverse=True
    )


def test_retention_removes_what_is_remembered_and_nothing_else(store: Store) -> None:
    keep = Keep(Retention(hourly=0, daily=2, monthly=0))
    foreign = store.home / "keystore" / "acme" / "20200101T000000Z-0a1b2c3d.tar.gz.age"
    for day in range(6):
        execute(store.url, "UPDATE whatsapp_keys SET value = %s WHERE key_id = '7'", str(day))
        done = store.back_up(keep=keep)
        if not day:
            foreign.write_bytes(b"of somebody else")
        store.now += DAY
        assert done.outcome == "Completed"

    assert foreign.exists()
    assert len(store.archives()) - 1 <= 3
    assert len(store.known().archives) == len(store.archives()) - 1


def test_two_backups_at_once_remember_both(store: Store) -> None:
    with store.opened() as database:
        facts = inspect(database, layout_of())
        StoreMemory(database, facts).ensure()

    def change(number: int) -> None:
        with store.opened() as database:
            memory = StoreMemory(database, inspect(database, layout_of())).of("acme")
            memory.change(lambda known: known.asked(f"{number:016x}", number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(1, 9)))

    assert sorted(store.known().listed.values()) == list(range(1, 9))


@pytest.mark.parametrize("text", ["", "nonsense", '{"version":1}', "[" * 5000, "\\u0000"])
def test_a_memory_that_is_not_ours_is_none(store: Store, text: str) -> None:
    store.back_up()
    execute(store.url, "UPDATE baileys_janitor.backups SET known = %s", text)

    assert store.known() == Known()
    assert store.back_up(force=True).repositories[0].outcome in ("Put", "Unchanged", "Failed")


def test_another_identity_in_the_place_of_the_tenant_does_not_pass_for_it(store: Store) -> None:
    store.back_up()
    known = store.known()
    text = json.dumps(json.loads(whole("z", me=ME)))
    execute(store.url, "UPDATE whatsapp_auth SET creds = %s", text)
    store.now += HOUR
    store.back_up()

    first, second = store.known().archives[::-1]
    assert first.fingerprint == known.archives[0].fingerprint != second.fingerprint


def test_a_session_that_is_read_beside_its_writer_is_of_one_moment(url: str, store: Store) -> None:
    stop = Event()
    begun = Barrier(2)

    def write() -> int:
        number = 0
        with psycopg.connect(url) as connection:
            while not stop.is_set():
                number += 1
                connection.execute(
                    "UPDATE whatsapp_keys SET value = to_jsonb(%s::int) WHERE key_id IN ('1', '30')",
                    (number,),
                )
                connection.execute(
                    "UPDATE whatsapp_auth SET creds = jsonb_set(creds, '{nextPreKeyId}', to_jsonb(%s::int))",
                    (number + 100,),
                )
                connection.execute(
                    "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value)"
                    " VALUES ('acme', 'pre-key', %s, %s)",
                    (str(1000 + number), str(number)),
                )
                connection.commit()
                if number == 1:
                    begun.wait(60)
        return number

    seen = set()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        begun.wait(60)
        with store.opened() as database:
            rows = SessionRows(database, inspect(database, layout_of()))
            for _ in range(50):
                with database.transaction(read_only=True, one_moment=True):
                    found = rows.snapshot("acme", NOW)
                keys = {
                    tuple(line.split(b"\t")[1:3]): line.split(b"\t")[3]
                    for line in found.content["keys.copy"].splitlines()
                }
                number = int(keys[b"pre-key", b"1"])
                assert keys[b"pre-key", b"30"] == b"%d" % number
                assert found.credentials.next_pre_key_id == number + 100
                assert (b"pre-key", b"%d" % (1000 + number)) in keys
                assert (b"pre-key", b"%d" % (1001 + number)) not in keys
                seen.add(number)
        stop.set()
        written = writing.result(30)
    assert len(seen) > 5
    assert written >= max(seen)


KEY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | KEY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY_TEXT, inner, max_size=3),
    max_leaves=6,
)
IDS = (KEY_TEXT | st.sampled_from(["\\.", "\\N", "a\tb", "a\nb", "G@g.us::1100_1::0"])).filter(
    lambda text: not text.endswith(":auth_creds")
)
KEYS = st.dictionaries(st.tuples(st.sampled_from([*KEY_TYPES, "notes"]), IDS), VALUES, max_size=12)


@pytest.mark.parametrize("name", STORES)
def test_rows_out_of_an_archive_are_the_rows_that_went_in(url: str, name: str) -> None:
    keep, keys, credentials = STORES[name]
    layout = layout_of(keys, credentials)

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mine=KEYS, others=KEYS)
    def check(mine: dict[tuple[str, str], Any], others: dict[tuple[str, str], Any]) -> None:
        execute_plainly(
            url,
            'DROP SCHEMA IF EXISTS "b.o""ts" CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
        )
        keep(url, _company("acme", mine, "a"), _company("acme2", others, "b"))
        with Database(url, limits=LIMITS) as database:
            facts = inspect(database, layout)
            with database.transaction(read_only=True, one_moment=True):
                snapshot = SessionRows(database, facts).snapshot("acme", NOW)
            archive = pack_rows(snapshot, namespace="keystore", tenant="acme", recipients=PLAIN)
            unpacked = unpack_rows([archive.data], None)
            assert unpacked.content == snapshot.content
            with loaded(database, facts, unpacked) as found:
                assert found.session == "acme"
            _require_alike(url, facts, unpacked, mine)

    check()


def _company(name: str, keys: dict[tuple[str, str], Any], pairing: str) -> Company:
    found = Company(name, [Key(*key, 0, 0, json.dumps(value)) for key, value in keys.items()])
    found.creds = json.loads(whole(pairing, me=ME))
    return found


def _require_alike(
    url: str, facts: Facts, unpacked: UnpackedRows, mine: dict[tuple[str, str], Any]
) -> None:
    """Put the rows beside the table with nothing but COPY, as a person would, and compare them with the session's."""
    member = unpacked.manifest.tables[1]
    assert member.rows == len(mine)
    table = Identifier(str(facts.keys.name.schema), facts.keys.name.name)
    columns = SQL(", ").join(map(Identifier, member.columns))
    with psycopg.connect(url) as connection:
        connection.execute(SQL("CREATE TEMP TABLE back (LIKE {} INCLUDING ALL)").format(table))
        with connection.cursor() as cursor:
            with cursor.copy(SQL("COPY back ({}) FROM STDIN").format(columns)) as copy:
                copy.write(unpacked.content["keys.copy"])
            assert cursor.rowcount == len(mine)
        lost = connection.execute(
            SQL(
                "SELECT count(*) FROM (SELECT b::text FROM back b EXCEPT SELECT k::text FROM {} k) AS x"
            ).format(table)
        ).fetchone()
        assert lost == (0,)


def test_age_tar_and_copy_alone_bring_the_rows_back(store: Store, tmp_path: Path) -> None:
    before = rows(store.url)
    store.back_up()
    [archive] = store.archives()
    key = tmp_path / "key"
    key.write_text(SECRET)
    restored = tmp_path / "restored"
    restored.mkdir()
    if not AGE.exists():
        pytest.skip("age is not installed: `make tools` fetches it")
    age = subprocess.run([AGE, "-d", "-i", key, archive], check=True, capture_output=True).stdout
    subprocess.run(["tar", "xz", "-C", restored], check=True, input=age)
    execute(store.url, "DELETE FROM whatsapp_keys")
    execute(store.url, "DELETE FROM whatsapp_auth")

    manifest = json.loads((restored / "manifest.json").read_text())
    with psycopg.connect(store.url) as connection, connection.cursor() as cursor:
        for each in manifest["members"][1:]:
            columns = ", ".join(each["columns"])
            with cursor.copy(f"COPY {each['table']} ({columns}) FROM STDIN") as copy:
                copy.write((restored / each["name"]).read_bytes())

    assert sorted(each.name for each in restored.iterdir()) == [
        "creds.copy", "creds.json", "keys.copy", "manifest.json",
    ]  # fmt: skip
    assert rows(store.url) == before
    assert read_credentials((restored / "creds.json").read_bytes()) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE whatsapp_keys SET value = to_jsonb(repeat('x', 1000000)) WHERE key_id = '7'",
        "UPDATE whatsapp_auth SET creds = jsonb_set(creds, '{x}', to_jsonb(repeat('x', 1000000)))",
        "INSERT INTO whatsapp_keys SELECT 'acme', 'pre-key', 'n' || n, '1' FROM generate_series(1, 1100) n",
    ],
)
def test_a_session_that_takes_too_much_is_refused(store: Store, statement: str) -> None:
    execute_plainly(store.url, statement)

    with store.opened() as database:
        rows = SessionRows(database, inspect(database, layout_of()), limit_bytes=1_000_000)
        with pytest.raises(KeystoreProblem) as refused, database.transaction(read_only=True):
            rows.snapshot("acme", NOW)

    assert refused.value.code == "SessionTooLarge"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM whatsapp_auth", "CredentialsAbsent"),
        ("UPDATE whatsapp_auth SET creds = '{\"me\": 1}'", "NotPaired"),
        ("UPDATE whatsapp_auth SET creds = '[]'", "CredentialsCorrupt"),
        ("UPDATE whatsapp_auth SET creds = to_jsonb(creds::text)", "EncodedTwice"),
        ("UPDATE whatsapp_auth SET creds = creds - 'noiseKey'", "CredentialsIncomplete"),
    ],
)
def test_creds_that_are_not_whole_are_put_nowhere(store: Store, statement: str, code: str) -> None:
    store.back_up()
    store.now += HOUR
    execute_plainly(store.url, statement)

    done = store.back_up(force=True)

    assert (done.outcome, done.code) == ("Failed", code)
    assert len(store.archives()) == 1


def test_a_real_store_takes_the_archives(store: Store, moto_server: S3Server) -> None:
    url = f"s3://{moto_server.bucket()}/prod"
    store.repository = open_repository(url, endpoint=moto_server.url, environ=ENVIRON)

    done = store.back_up()
    drilled = store.drill()

    assert (done.outcome, done.repositories[0].verified) == ("Completed", True)
    assert (drilled.outcome, drilled.files) == ("Passed", done.files)


def test_rows_that_row_security_may_hide_are_no_backup(store: Store) -> None:
    role = f"bot{os.urandom(4).hex()}"
    execute_plainly(
        store.url,
        f"CREATE ROLE {role} LOGIN; GRANT SELECT ON whatsapp_keys, whatsapp_auth TO {role};"
        "ALTER TABLE whatsapp_keys ENABLE ROW LEVEL SECURITY",
    )
    parts = psycopg.conninfo.conninfo_to_dict(store.url)
    owner, store.url = store.url, psycopg.conninfo.make_conninfo(**{**parts, "user": role})
    try:
        with pytest.raises(KeystoreProblem) as refused:
            store.back_up(memory=False)
    finally:
        execute_plainly(owner, f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert refused.value.code == "RowSecurity"


def test_who_may_not_write_the_memory_is_told_so_before_anything_is_put(store: Store) -> None:
    store.back_up()
    role = f"bot{os.urandom(4).hex()}"
    execute_plainly(
        store.url,
        f"CREATE ROLE {role} LOGIN; GRANT SELECT ON whatsapp_keys, whatsapp_auth TO {role};"
        f"GRANT USAGE ON SCHEMA baileys_janitor TO {role};"
        f"GRANT SELECT ON baileys_janitor.backups TO {role}",
    )
    parts = psycopg.conninfo.conninfo_to_dict(store.url)
    owner, store.url = store.url, psycopg.conninfo.make_conninfo(**{**parts, "user": role})
    try:
        with pytest.raises(KeystoreProblem) as refused:
            store.back_up()
        drilled = store.drill()
    finally:
        execute_plainly(owner, f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert refused.value.code == "RightsMissing"
    assert (drilled.outcome, drilled.vouched) == ("Passed", True)


def test_a_database_that_only_takes_reads_remembers_nothing(store: Store) -> None:
    name = psycopg.conninfo.conninfo_to_dict(store.url)["dbname"]
    execute_plainly(store.url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with pytest.raises(KeystoreProblem) as refused:
        store.back_up()
    done = store.back_up(memory=False)

    assert refused.value.code == "Replica"
    assert done.outcome == "Completed"
