"""Every layout seen in the field: what is counted, and that the same keys go from each as from the first."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.keystore.report import make_report
from baileys_janitor.keystore.results import Report
from baileys_janitor.keystore.undo import Undoing
from baileys_janitor.policy.settings import DEFAULTS
from tests.keystore.data import FIRST_LAYOUT, Company, company, first_layout, removable, rows
from tests.keystore.test_clean import LIMITS, clean
from tests.keystore.test_undo import execute_plainly

NAMED = """
CREATE TABLE "Session" ("sessionId" text NOT NULL, id text NOT NULL, data text,
  touched timestamptz NOT NULL DEFAULT now(), made timestamptz NOT NULL DEFAULT now(), UNIQUE ("sessionId", id))
"""
PREFIXED = """
CREATE TABLE auth_data (session_key text PRIMARY KEY, data text,
  touched timestamptz NOT NULL DEFAULT now(), made timestamptz NOT NULL DEFAULT now())
"""
TIMES = {"updated": "touched", "created": "made"}


def report_of(url: str, keys: dict[str, Any], credentials: dict[str, Any] | None = None) -> Report:
    with Database(url, limits=LIMITS) as database:
        return make_report(database, inspect(database, layout_of(keys, credentials)), DEFAULTS)


def put(
    url: str, ddl: str, found: list[tuple[tuple[object, ...], float, float]], table: str
) -> None:
    """Make a table and fill it: the first columns, then age and time since creation."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ddl)
        with connection.cursor() as cursor:
            for values, age, created in found:
                marks = SQL(", ").join([SQL("%s")] * len(values))
                cursor.execute(
                    SQL(
                        "INSERT INTO {} VALUES ({}, now() - make_interval(secs => %s),"
                        " now() - make_interval(secs => %s))"
                    ).format(Identifier(table), marks),
                    (*values, age, created),
                )


def named_rows(url: str, *companies: Company) -> None:
    found: list[tuple[tuple[object, ...], float, float]] = []
    for each in companies:
        found.append(((each.name, "creds", json.dumps(each.creds)), 0, 0))
        found += [
            ((each.name, f"{key.type}-{key.id}", key.value), key.age, key.created)
            for key in each.keys
        ]
    put(url, NAMED, found, "Session")


def prefixed_rows(url: str, *companies: Company) -> None:
    found: list[tuple[tuple[object, ...], float, float]] = []
    for each in companies:
        found.append(((f"{each.name}:auth_creds", json.dumps(each.creds)), 0, 0))
        found += [
            ((f"{each.name}:{key.type}-{key.id}", key.value), key.age, key.created)
            for key in each.keys
        ]
    put(url, PREFIXED, found, "auth_data")


def ids(url: str, statement: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {text for (text,) in connection.execute(statement).fetchall()}


def test_named_rows(any_url: str) -> None:
    both = company("a"), company("b", seed=2)
    named_rows(any_url, *both)
    keys = {"preset": "NamedRows", "columns": TIMES}
    statement = """SELECT k::text FROM "Session" AS k"""
    before = ids(any_url, statement)

    result = clean(any_url, keys=keys)

    assert (result.outcome, result.removed) == ("Completed", 64)
    left = ids(any_url, """SELECT "sessionId" || ' ' || id FROM "Session" """)
    for each in both:
        assert not left & {f"{each.name} {kind}-{ident}" for kind, ident in removable(each)}
    with Database(any_url, limits=LIMITS) as database:
        assert Undoing(database, inspect(database, layout_of(keys))).undo().restored == 64
    assert ids(any_url, statement) == before


def test_prefixed_rows(any_url: str) -> None:
    # A session whose name begins with that of another, and one with a colon in it.
    three = company("a"), company("a:b", seed=2), company("ab", seed=3)
    prefixed_rows(any_url, *three)
    keys = {"preset": "PrefixedRows", "columns": TIMES}
    before = ids(any_url, "SELECT k::text FROM auth_data AS k")

    result = clean(any_url, keys=keys)

    assert (result.outcome, result.removed) == ("Completed", 96)
    left = ids(any_url, "SELECT session_key FROM auth_data")
    for each in three:
        assert not left & {f"{each.name}:{kind}-{ident}" for kind, ident in removable(each)}
    with Database(any_url, limits=LIMITS) as database:
        assert Undoing(database, inspect(database, layout_of(keys))).undo().restored == 96
    assert ids(any_url, "SELECT k::text FROM auth_data AS k") == before


@pytest.mark.parametrize(
    ("preset", "make"), [("NamedRows", named_rows), ("PrefixedRows", prefixed_rows)]
)
def test_without_a_time_column_keys_are_counted_and_never_removed(
    url: str, preset: str, make: Any
) -> None:
    found = company()
    make(url, found)

    report = report_of(url, {"preset": preset})
    result = clean(url, keys={"preset": preset})

    assert report.keys == len(found.keys)
    assert report.by_type["lid-mapping"].count == 182
    assert (report.ages, report.oldest, report.sessions) == (None, None, 1)
    assert (result.outcome, result.code, result.removed) == ("Refused", "NoTimes", 0)
    assert "counted, never removed" in str(result.message)


def test_a_session_in_one_row_is_counted_only(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """CREATE TABLE "Session" (id text PRIMARY KEY, "sessionId" text UNIQUE, creds text)"""
        )
        for name in ("x", "y"):
            creds = json.dumps(json.dumps(company().creds))
            connection.execute("""INSERT INTO "Session" VALUES (%s, %s, %s)""", (name, name, creds))
    keys = {"preset": "SessionBlob"}

    report = report_of(url, keys)

    assert (report.keys, report.sessions) == (2, 2)
    assert clean(url, keys=keys).code == "CountedOnly"


@pytest.mark.parametrize(
    "change",
    [
        (
            "ALTER TABLE whatsapp_keys ALTER company_id TYPE integer USING company_id::int;"
            "ALTER TABLE whatsapp_auth ALTER company_id TYPE integer USING company_id::int"
        ),
        "ALTER TABLE whatsapp_keys ALTER company_id TYPE varchar(40), ALTER key_id TYPE varchar(200)",
        "ALTER TABLE whatsapp_keys ALTER value TYPE text",
        "ALTER TABLE whatsapp_keys ALTER value TYPE json",
        "ALTER TABLE whatsapp_keys ALTER value TYPE bytea USING convert_to(value::text, 'UTF8')",
        "ALTER TABLE whatsapp_auth ALTER creds TYPE json",
        (
            "CREATE TYPE kind AS ENUM ('pre-key', 'session', 'sender-key', 'sender-key-memory', 'lid-mapping',"
            " 'app-state-sync-key', 'app-state-sync-version');"
            "ALTER TABLE whatsapp_keys ALTER key_type TYPE kind USING key_type::kind"
        ),
        (
            "ALTER TABLE whatsapp_keys ADD serial bigint GENERATED ALWAYS AS IDENTITY,"
            " ADD length int GENERATED ALWAYS AS (length(key_id)) STORED, ADD note numeric DEFAULT 1.10"
        ),
    ],
)
def test_kin_of_the_first_layout(url: str, change: str) -> None:
    first_layout(url, found := company())
    execute_plainly(url, change)
    before = rows(url)

    result = clean(url)

    assert (result.outcome, result.removed) == ("Completed", len(removable(found)))
    with Database(url, limits=LIMITS) as database:
        assert Undoing(database, inspect(database, layout_of())).undo().restored == result.removed
    assert rows(url) == before


def test_a_partitioned_table(url: str) -> None:
    parted = FIRST_LAYOUT.replace(
        "PRIMARY KEY (company_id, key_type, key_id));",
        "PRIMARY KEY (company_id, key_type, key_id)) PARTITION BY HASH (company_id);"
        + "".join(
            f"CREATE TABLE part{each} PARTITION OF whatsapp_keys FOR VALUES WITH (MODULUS 3, REMAINDER {each});"
            for each in range(3)
        ),
        1,
    )
    companies = [company(str(number), seed=number) for number in range(6)]
    first_layout(url, *companies, ddl=parted)
    before = rows(url)

    result = clean(url)

    assert (result.outcome, result.removed) == ("Completed", 6 * 32)
    assert result.before is not None
    assert result.before.table.bytes > 8192 * 3
    with Database(url, limits=LIMITS) as database:
        assert Undoing(database, inspect(database, layout_of())).undo().restored == 6 * 32
    assert rows(url) == before


def test_creds_in_a_row_of_the_keys_table(url: str) -> None:
    first_layout(url, found := company())
    execute_plainly(
        url,
        "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value)"
        " SELECT company_id, 'creds', 'default', creds FROM whatsapp_auth; DROP TABLE whatsapp_auth",
    )

    result = clean(url, credentials={"row": "creds"})

    assert result.removed == len(removable(found))
    assert result.before is not None
    assert result.before.keys == len(found.keys)


def test_a_table_in_another_schema(url: str) -> None:
    first_layout(url, found := company())
    execute_plainly(
        url,
        "CREATE SCHEMA bots; ALTER TABLE whatsapp_keys SET SCHEMA bots; ALTER TABLE whatsapp_auth SET SCHEMA bots",
    )

    result = clean(
        url, keys={"table": "bots.whatsapp_keys"}, credentials={"table": "bots.whatsapp_auth"}
    )

    assert result.removed == len(removable(found))


def test_ages_fall_into_five_buckets(url: str) -> None:
    found = Company("1")
    for ident, days in enumerate((0.5, 1.5, 6.5, 7.5, 13.5, 14.5, 29.5, 30.5, 400)):
        found.add("lid-mapping", [str(1100 + ident)], days * 86_400)
    first_layout(url, found)

    report = report_of(url, {})

    assert report.ages == {
        "under1d": 1,
        "from1dTo7d": 2,
        "from7dTo14d": 2,
        "from14dTo30d": 2,
        "over30d": 2,
    }
    assert report.oldest is not None
    assert report.time - report.oldest == pytest.approx(400 * 86_400, abs=60)


def test_an_empty_store_is_reported(url: str) -> None:
    first_layout(url)

    report = report_of(url, {})

    assert (report.keys, report.sessions, report.oldest) == (0, 0, None)
    assert report.hindrances == []
    assert clean(url).outcome == "NothingToDo"
