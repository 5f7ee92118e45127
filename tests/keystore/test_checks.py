"""Before the first delete: what is wrong with a database is said in one sentence, and nothing goes."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from baileys_janitor.keystore.clean import Keeping
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database, parameters
from baileys_janitor.keystore.postgres.grants import grants
from tests.certificates import private_ca
from tests.keystore.data import FIRST_LAYOUT, company, first_layout, removable, rows
from tests.keystore.server import Server, debian, embedded, running
from tests.keystore.test_clean import LIMITS, clean
from tests.keystore.test_undo import execute, execute_plainly, undo
from tests.policy.worlds import creds

HOSTILE_TABLE = 'we"ird; DROP TABLE x; --%s{}'
HOSTILE_COLUMN = 'co%s"mp'
SECRET = "hunter2"


def test_hostile_names_are_names(url: str) -> None:
    first_layout(url, found := company())
    for statement in (
        f"ALTER TABLE whatsapp_keys RENAME TO {_quoted(HOSTILE_TABLE)}",
        f"ALTER TABLE {_quoted(HOSTILE_TABLE)} RENAME company_id TO {_quoted(HOSTILE_COLUMN)}",
        f"ALTER TABLE {_quoted(HOSTILE_TABLE)} RENAME key_id TO {_quoted('{0}')}",
        f"ALTER TABLE {_quoted(HOSTILE_TABLE)} RENAME updated_at TO {_quoted('up; --')}",
        f"ALTER TABLE {_quoted(HOSTILE_TABLE)} ADD COLUMN {_quoted('janitor.place')} int",
    ):
        execute_plainly(url, statement)
    columns = {"session": HOSTILE_COLUMN, "id": "{0}", "updated": "up; --"}
    keys = {"table": _quoted(HOSTILE_TABLE), "columns": columns}

    result = clean(url, keys=keys)

    assert (result.outcome, result.removed) == ("Completed", len(removable(found)))
    with Database(url, limits=LIMITS) as database:
        from baileys_janitor.keystore.undo import Undoing

        assert (
            Undoing(database, inspect(database, layout_of(keys))).undo().restored == result.removed
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("DROP TABLE whatsapp_keys", "TableMissing"),
        ("ALTER TABLE whatsapp_keys RENAME TO other", "TableMissing"),
        ("DROP TABLE whatsapp_auth", "TableMissing"),
        ("ALTER TABLE whatsapp_keys DROP value", "ColumnMissing"),
        ("ALTER TABLE whatsapp_auth RENAME creds TO credentials", "ColumnMissing"),
        ("ALTER TABLE whatsapp_auth ALTER creds TYPE text", "ColumnType"),
        ("DROP TABLE whatsapp_auth; CREATE TABLE whatsapp_auth (company_id text, creds bytea)", "ColumnType"),
        ("ALTER TABLE whatsapp_keys RENAME TO k; CREATE VIEW whatsapp_keys AS SELECT * FROM k", "NotATable"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(url: str, change: str, code: str) -> None:
    first_layout(url)
    execute_plainly(url, change)

    with pytest.raises(KeystoreProblem) as refused:
        clean(url)

    assert refused.value.code == code
    assert re.search(r"whatsapp_|creds", refused.value.sentence)


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ("ALTER TABLE whatsapp_keys DROP CONSTRAINT whatsapp_keys_pkey", "NoUniqueKey", "company_id"),
        ("ALTER TABLE whatsapp_keys DROP updated_at", "NoTimes", "updated_at"),
        ("ALTER TABLE whatsapp_keys DROP updated_at, ADD updated_at bigint", "TimeType", "bigint"),
        ("ALTER TABLE whatsapp_keys DROP updated_at, ADD updated_at text", "TimeType", "text"),
        ("ALTER TABLE whatsapp_keys ALTER updated_at TYPE timestamp", "TimeZoneUnknown", "keys.columns.zone"),
        (
            ("ALTER TABLE whatsapp_keys ALTER updated_at DROP NOT NULL, DISABLE TRIGGER touched;"
            "UPDATE whatsapp_keys SET updated_at = NULL WHERE key_type = 'pre-key'"),
            "TimesMissing",
            "30 rows",
        ),
        ("DROP TRIGGER touched ON whatsapp_keys; UPDATE whatsapp_keys SET updated_at = created_at",
         "TimesUnproven", "moves with every write"),
        # Both times set by the same insert, one a moment later.
        ("DROP TRIGGER touched ON whatsapp_keys; UPDATE whatsapp_keys SET updated_at = created_at + interval '7 ms'",
         "TimesUnproven", "was written after its creation"),
        # It moves, but not for what grows old.
        (("DROP TRIGGER touched ON whatsapp_keys; UPDATE whatsapp_keys SET updated_at = created_at"
         " WHERE key_type IN ('session', 'sender-key')"), "TimesUnproven", "was written after its creation"),
        ("ALTER TABLE whatsapp_keys DROP created_at", "TimesUnproven", "keys.updatedOnEveryWrite"),
        ("ALTER TABLE whatsapp_keys ALTER created_at TYPE text", "TimeType", "created_at"),
    ],
)  # fmt: skip
def test_what_makes_ages_or_rows_uncertain_forbids_removals(
    url: str, change: str, code: str, named: str
) -> None:
    first_layout(url, company())
    execute_plainly(url, change)
    before = rows(url)

    result = clean(url)

    assert (result.outcome, result.code) == ("Refused", code)
    assert named in str(result.message)
    assert result.before is not None
    assert result.before.keys == len(before)
    assert rows(url) == before
    assert clean(url, dry_run=True).code == code


def test_times_without_a_zone_count_once_their_zone_is_named(url: str) -> None:
    first_layout(url, found := company())
    execute_plainly(
        url,
        "ALTER TABLE whatsapp_keys ALTER updated_at TYPE timestamp USING updated_at AT TIME ZONE 'Asia/Tokyo',"
        " ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'Asia/Tokyo'",
    )

    result = clean(url, keys={"columns": {"zone": "Asia/Tokyo"}})

    assert result.removed == len(removable(found))


def test_a_person_may_vouch_for_the_times(url: str) -> None:
    first_layout(url, found := company())
    execute_plainly(url, "ALTER TABLE whatsapp_keys DROP created_at")

    assert clean(url, keys={"updatedOnEveryWrite": True}).removed == len(removable(found))


def test_infinite_times_are_none(url: str) -> None:
    first_layout(url, company())
    execute_plainly(
        url,
        "ALTER TABLE whatsapp_keys DISABLE TRIGGER touched;"
        " UPDATE whatsapp_keys"
        " SET updated_at = (CASE WHEN key_id < '2411' THEN '-' ELSE '' END || 'infinity')::timestamptz"
        " WHERE key_type = 'session'",
    )

    result = clean(url)

    assert result.by_type.get("session") is None
    assert result.kept["TimeUnknown"] > 0


def test_row_security_would_show_a_part_only(url: str) -> None:
    first_layout(url, company())
    for statement in (
        "DROP ROLE IF EXISTS limited",
        "CREATE ROLE limited LOGIN",
        "GRANT ALL ON whatsapp_keys, whatsapp_auth TO limited",
        "GRANT CREATE ON DATABASE {} TO limited".format(conninfo_to_dict(url)["dbname"]),
        "ALTER TABLE whatsapp_keys ENABLE ROW LEVEL SECURITY",
    ):
        execute_plainly(url, statement)
    limited = make_conninfo(url, user="limited")
    try:
        result = clean(limited)

        assert (result.outcome, result.code) == ("Refused", "RowSecurity")
        assert "ALTER ROLE limited BYPASSRLS" in str(result.message)

        execute_plainly(url, "ALTER ROLE limited BYPASSRLS")
        assert clean(limited).outcome == "Completed"
    finally:
        execute_plainly(url, "DROP OWNED BY limited CASCADE; DROP ROLE limited")


@pytest.fixture
def janitor(url: str) -> Iterator[str]:
    """The first layout, as a user with the printed rights alone."""
    first_layout(url, company())
    role = f"j{conninfo_to_dict(url)['dbname']}"
    execute_plainly(url, grants(layout_of(), role))
    yield make_conninfo(url, user=role)
    execute_plainly(url, f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_the_printed_rights_are_enough(janitor: str) -> None:
    result = clean(janitor)

    assert (result.outcome, result.removed) == ("Completed", 32)
    assert undo(janitor).restored == 32


@pytest.mark.parametrize(
    ("right", "code"),
    [
        ("DELETE ON whatsapp_keys", "RightsMissing"),
        ("UPDATE (updated_at) ON whatsapp_keys", "RightsMissing"),
        ("INSERT ON whatsapp_keys", "RightsMissing"),
        ("CREATE ON SCHEMA baileys_janitor", "UndoImpossible"),
        ("USAGE ON SCHEMA baileys_janitor", "UndoImpossible"),
    ],
)
def test_each_of_them_is_needed(url: str, janitor: str, right: str, code: str) -> None:
    role = conninfo_to_dict(janitor)["user"]
    if "SCHEMA" in right:
        execute_plainly(url, "ALTER SCHEMA baileys_janitor OWNER TO postgres")
    else:
        execute_plainly(url, f"REVOKE {right} FROM {role}")
    before = rows(url)

    result = clean(janitor)

    assert (result.outcome, result.code) == ("Refused", code)
    assert "keystore grants" in str(result.message)
    assert rows(url) == before


@pytest.mark.parametrize("right", ["whatsapp_keys", "whatsapp_auth"])
def test_without_the_right_to_read_nothing_is_said_of_the_table(
    url: str, janitor: str, right: str
) -> None:
    execute_plainly(url, f"REVOKE ALL ON {right} FROM {conninfo_to_dict(janitor)['user']} CASCADE")
    if right == "whatsapp_auth":
        execute_plainly(
            url,
            f"REVOKE SELECT (company_id, creds) ON {right} FROM {conninfo_to_dict(janitor)['user']}",
        )

    with pytest.raises(KeystoreProblem) as refused:
        clean(janitor)

    assert refused.value.code == "RightsMissing"


def test_without_tables_of_its_own_it_cleans_only_where_that_is_written_out(
    url: str, janitor: str
) -> None:
    execute_plainly(url, "DROP SCHEMA baileys_janitor")

    assert clean(janitor, dry_run=True).removed == 32
    assert clean(janitor).code == "UndoImpossible"
    assert clean(janitor, keeping=Keeping(archive=False)).code == "UndoImpossible"

    result = clean(janitor, keeping=Keeping(archive=False, memory=False))

    assert (result.outcome, result.removed, result.archived) == ("Completed", 32, False)


def test_a_replica_is_reported_and_never_cleaned(server: Server, url: str) -> None:
    first_layout(url, company())
    replica = Server(embedded(), Path("/tmp", f"{server.home.name}-r"))
    try:
        replica.copy_of(server)
        replica.start("hot_standby=on")
        at_replica = replica.database(conninfo_to_dict(url)["dbname"])

        result = clean(at_replica)

        assert (result.outcome, result.code) == ("Refused", "Replica")
        assert result.before is not None
        assert result.before.keys == len(rows(url))
        assert undo(at_replica).code in ("Replica", None)
    finally:
        replica.stop()
        shutil.rmtree(replica.home)


def test_creds_that_were_encoded_twice_are_told_apart_from_broken_ones(url: str) -> None:
    first_layout(url, found := company())
    execute(url, "UPDATE whatsapp_auth SET creds = to_jsonb(%s::text)", json.dumps(found.creds))

    result = clean(url)
    assert (result.removed, result.refused) == (0, {"EncodedTwice": 1})

    again = clean(url, "run-2", credentials={"encoding": "JsonTextTwice"})
    assert again.removed == len(removable(found))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "CredentialsCorrupt"),
        ("{", "CredentialsCorrupt"),
        ("[]", "CredentialsCorrupt"),
        ("{}", "NotPaired"),
        (None, "CredentialsAbsent"),
        (json.dumps(creds(me=None)), "NotPaired"),
        (json.dumps(creds(account=7)), "NotPaired"),
        (json.dumps({**creds(), "more": "x" * 1_100_000}), "CredentialsTooLarge"),
    ],
)
def test_without_a_paired_identity_nothing_goes(url: str, text: str | None, reason: str) -> None:
    first_layout(url, company())
    execute_plainly(
        url, "ALTER TABLE whatsapp_auth ALTER creds TYPE text, ALTER creds DROP NOT NULL"
    )
    execute(url, "UPDATE whatsapp_auth SET creds = %s", text)

    result = clean(url, credentials={"encoding": "JsonText"})

    assert (result.removed, result.refused) == (0, {reason: 1})


@pytest.mark.parametrize("odd", ["\x00", "\ud800"])
def test_creds_with_text_that_the_database_cannot_take_apart_forbid_removals(
    url: str, odd: str
) -> None:
    first_layout(url, found := company())
    execute_plainly(url, "ALTER TABLE whatsapp_auth ALTER creds TYPE text")
    execute(url, "UPDATE whatsapp_auth SET creds = %s", json.dumps({**found.creds, "note": odd}))

    result = clean(url, credentials={"encoding": "JsonText"})

    assert (result.removed, result.refused) == (0, {"CredentialsCorrupt": 1})


def test_the_own_lid_comes_from_the_mapping_rows_where_creds_do_not_tell_it(url: str) -> None:
    found = company()
    found.creds = creds(me={"id": found.creds["me"]["id"]})
    first_layout(url, found)
    assert clean(url, dry_run=True).removed == len(removable(found))

    execute_plainly(url, "DELETE FROM whatsapp_keys WHERE key_id LIKE '%_reverse'")
    assert clean(url, dry_run=True).kept["OwnLidUnknown"] > 0


def test_no_private_key_leaves_the_database(url: str) -> None:
    found = company()
    found.creds["signedIdentityKey"]["private"] = {"type": "Buffer", "data": "PRIVATEKEYPRIVATEKEY"}
    found.keys = [
        key._replace(value='{"k": "PRIVATEKEYPRIVATEKEY"}') if key.type == "session" else key
        for key in found.keys
    ]
    first_layout(url, found)
    with Spied(url) as (spied, seen):
        assert clean(spied).removed == len(removable(found))

    assert b"OwnSenderKeyExpired" in seen
    assert b"PRIVATEKEY" not in seen


class Spied:
    """A URL through which everything passes to be read."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._seen = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> tuple[str, bytearray]:
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()
        port = self._listener.getsockname()[1]
        return make_conninfo(
            self._url, host="127.0.0.1", port=port, gssencmode="disable"
        ), self._seen

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)
        self._listener.close()

    def _pass_on(self) -> None:
        known = conninfo_to_dict(self._url)
        client, _ = self._listener.accept()
        database = socket.socket(socket.AF_UNIX)
        database.connect(f"{known['host']}/.s.PGSQL.{known['port']}")
        back = threading.Thread(target=self._copy, args=(database, client), daemon=True)
        back.start()
        self._copy(client, database)
        back.join(60)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(1 << 16):
            self._seen += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


# Connections


def _refused(url: str, ca_file: str | None = None) -> KeystoreProblem:
    with pytest.raises(KeystoreProblem) as refused:
        Database(url, ca_file)
    assert SECRET not in refused.value.sentence
    return refused.value


def test_a_database_that_is_not_there_is_told_from_one_that_refuses(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = f"postgresql://u:{SECRET}@127.0.0.1:{port}/d"

    assert _refused(gone).code == "Unreachable"
    assert _refused(f"postgresql://u:{SECRET}@no-such-host.invalid/d").code == "Unreachable"
    assert _refused(server.loopback("no_such_database", password=SECRET)).code == "DatabaseMissing"
    assert _refused(make_conninfo(server.url, user="nobody_of_that_name")).code == "LoginRefused"


@pytest.mark.parametrize(
    "text", ["", "not a url", "mysql://u:hunter2@h/d", "postgresql://[", "host=h options=-cx=y"]
)
def test_what_is_no_url_is_said_without_repeating_it(text: str) -> None:
    assert _refused(text).code == "UrlInvalid"


def test_a_wrong_password_is_refused(server: Server, url: str) -> None:
    hba = server.data / "pg_hba.conf"
    known = hba.read_text()
    execute_plainly(url, f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
    hba.write_text("host all locked all scram-sha-256\n" + known)
    try:
        execute_plainly(url, "SELECT pg_reload_conf()")
        wrong = make_conninfo(server.loopback("postgres"), user="locked", password=f"{SECRET}x")
        assert _refused(wrong).code == "LoginRefused"
        assert (
            _refused(make_conninfo(server.loopback("postgres"), user="locked")).code
            == "LoginRefused"
        )
        Database(make_conninfo(server.loopback("postgres"), user="locked", password=SECRET)).close()
    finally:
        hba.write_text(known)
        execute_plainly(url, "SELECT pg_reload_conf(); DROP ROLE locked")


def test_tls_is_verified_in_full_unless_the_url_says_otherwise() -> None:
    assert parameters("postgresql://db.example.com/d")["sslmode"] == "verify-full"
    assert parameters("postgresql://db.example.com/d", "/ca")["sslrootcert"] == "/ca"
    assert parameters("postgresql://db.example.com/d?sslmode=require")["sslmode"] == "require"
    for local in ("postgresql:///d", "postgresql://localhost/d", "postgresql://127.0.0.1/d"):
        assert "sslmode" not in parameters(local)


def test_a_certificate_counts_only_by_its_ca_and_for_its_host(tmp_path: Path) -> None:
    ca = private_ca(tmp_path / "ca")
    other = private_ca(tmp_path / "other")
    binaries = debian(15) or debian(17)
    if binaries is None:
        pytest.skip("Debian's PostgreSQL is not installed; the pinned one is built without TLS")
    with running(binaries) as server:
        server.stop()
        for name in ("s.key", "s.crt"):
            target = server.data / name
            target.write_bytes((tmp_path / "ca" / name).read_bytes())
            target.chmod(0o600)
            server.own(target)
        server.start("ssl=on", "ssl_cert_file=s.crt", "ssl_key_file=s.key")
        verified = make_conninfo(server.loopback("postgres"), sslmode="verify-full")

        Database(verified, str(ca.bundle)).close()
        assert _refused(verified, str(other.bundle)).code == "TlsFailed"
        assert _refused(verified, str(tmp_path / "none")).code == "TlsFailed"
        elsewhere = make_conninfo(verified, host="wrong.invalid", hostaddr="127.0.0.1")
        assert "another host name" in _refused(elsewhere, str(ca.bundle)).sentence


def test_a_server_without_tls_is_named(server: Server, tmp_path: Path) -> None:
    ca = private_ca(tmp_path)
    found = _refused(
        make_conninfo(server.loopback("postgres"), sslmode="verify-full"), str(ca.bundle)
    )

    assert found.code == "TlsFailed"
    assert "does not offer TLS" in found.sentence


def test_the_first_layouts_trigger_moves_the_time(url: str) -> None:
    assert "touch" in FIRST_LAYOUT
    first_layout(url, company())
    execute_plainly(
        url, "UPDATE whatsapp_keys SET value = '1' WHERE key_id = '240000000000000_1.3'"
    )
    with psycopg.connect(url) as connection:
        [(young,)] = connection.execute(
            "SELECT now() - updated_at < interval '1 minute' FROM whatsapp_keys WHERE key_id = '240000000000000_1.3'"
        ).fetchall()
    assert young
