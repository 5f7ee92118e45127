"""Stores of keys that can be backed up, and repositories for the tests of their backups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from baileys_janitor.backup.archive.unpack import UnpackedRows
from baileys_janitor.backup.drill import DrillResult
from baileys_janitor.backup.fetch import Wanted, fetch_rows
from baileys_janitor.backup.known import Known
from baileys_janitor.backup.names import KEY_STORE, ArchiveName, parse_name, tenant_of
from baileys_janitor.backup.results import BackupResult, Destination, Keep
from baileys_janitor.backup.stores.repository import open_repository
from baileys_janitor.keystore.backup.drill import drill_rows
from baileys_janitor.keystore.backup.memory import StoreMemory
from baileys_janitor.keystore.backup.run import BackingUp
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from tests.backup.sessions import IDENTITIES, RECIPIENT
from tests.keystore.data import FIRST_LAYOUT, Company, company
from tests.keystore.test_clean import LIMITS
from tests.keystore.test_layouts import NAMED, PREFIXED, TIMES, put
from tests.pairings import whole
from tests.policy.worlds import OWN_LID, OWN_PN

NOW = 1_764_322_500.0
ME = {"id": f"{OWN_PN}:7@s.whatsapp.net", "lid": f"{OWN_LID}:7@lid", "name": "Acmé ✓"}
TWICE = {"encoding": "JsonTextTwice"}


def paired(name: str = "acme", pairing: str = "a", **more: Any) -> Company:
    """A session in daily use whose creds are whole."""
    found = company(name, **more)
    found.creds = json.loads(whole(pairing, me=ME))
    return found


def keep_in_first_layout(url: str, *companies: Company) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FIRST_LAYOUT)
        add_to_first_layout(connection, *companies)


def add_to_first_layout(connection: psycopg.Connection[Any], *companies: Company) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        for each in companies:
            cursor.execute(
                "INSERT INTO whatsapp_auth VALUES (%s, %s)", (each.name, json.dumps(each.creds))
            )
            cursor.executemany(
                "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value) VALUES (%s, %s, %s, %s)",
                [(each.name, key.type, key.id, key.value) for key in each.keys],
            )


def _rows(companies: Sequence[Company], named: Any, creds: Any) -> list[Any]:
    found: list[Any] = []
    for each in companies:
        found.append(((*creds(each.name), json.dumps(each.creds)), 0, 0))
        found += [
            ((*named(each.name, f"{key.type}-{key.id}"), key.value), key.age, key.created)
            for key in each.keys
        ]
    return found


def keep_in_named_rows(url: str, *companies: Company) -> None:
    rows = _rows(companies, lambda name, key: (name, key), lambda name: (name, "creds"))
    put(url, NAMED, rows, "Session")


def keep_in_prefixed_rows(url: str, *companies: Company) -> None:
    rows = _rows(
        companies, lambda name, key: (f"{name}:{key}",), lambda name: (f"{name}:auth_creds",)
    )
    put(url, PREFIXED, rows, "auth_data")


def keep_in_texts(url: str, *companies: Company) -> None:
    """A hand-made store: other names, ids that are numbers, and creds that were encoded twice."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """CREATE SCHEMA "b.o""ts"; CREATE TABLE "b.o""ts"."k%s" ("te nant" text, kind varchar(40),
            key text, data text, length int GENERATED ALWAYS AS (length(data)) STORED NOT NULL,
            PRIMARY KEY ("te nant", kind, key));
            CREATE TABLE "b.o""ts".auth (made interval DEFAULT '1 day', "te nant" text, creds text)"""
        )
        with connection.transaction(), connection.cursor() as cursor:
            for each in companies:
                cursor.execute(
                    """INSERT INTO "b.o""ts".auth VALUES (default, %s, %s)""",
                    (each.name, json.dumps(json.dumps(each.creds))),
                )
                cursor.executemany(
                    """INSERT INTO "b.o""ts"."k%%s" VALUES (%s, %s, %s, %s)""",
                    [(each.name, key.type, key.id, key.value) for key in each.keys],
                )


#: By name: what makes the tables and fills them, and the layout.
STORES: dict[str, tuple[Any, dict[str, Any], dict[str, Any] | None]] = {
    "KeyTypeColumn": (keep_in_first_layout, {}, None),
    "NamedRows": (keep_in_named_rows, {"preset": "NamedRows", "columns": TIMES}, None),
    "PrefixedRows": (keep_in_prefixed_rows, {"preset": "PrefixedRows", "columns": TIMES}, None),
    "other names": (
        keep_in_texts,
        {
            "table": '"b.o""ts"."k%s"',
            "columns": {
                "session": "te nant",
                "type": "kind",
                "id": "key",
                "value": "data",
                "updated": "",
                "created": "",
            },
        },
        {
            "table": '"b.o""ts".auth',
            "columns": {"session": "te nant", "creds": "creds"},
            **TWICE,
        },
    ),
}


@dataclass
class Store:
    """A store of keys and a directory as its repository, at a time that a test sets."""

    url: str
    home: Path
    keys: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, Any] | None = None
    now: float = NOW
    namespace: str = KEY_STORE

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        self.repository = open_repository(str(self.home), environ={})

    def back_up(self, session: str = "acme", *, memory: bool = True, **more: Any) -> BackupResult:
        with self.opened() as database:
            facts = inspect(database, layout_of(self.keys, self.credentials))
            settings: dict[str, Any] = {
                "destinations": [Destination("there", self.repository)],
                "recipients": [RECIPIENT],
                "keep": Keep(),
                "memory": StoreMemory(database, facts) if memory else None,
                **more,
            }
            return BackingUp(database, facts, **settings).back_up(session, self.now)

    def opened(self) -> Database:
        return Database(self.url, limits=LIMITS)

    def known(self, session: str = "acme") -> Known:
        with self.opened() as database:
            facts = inspect(database, layout_of(self.keys, self.credentials))
            return StoreMemory(database, facts).sessions().get(session, Known())

    def wanted(self, session: str = "acme", name: ArchiveName | None = None) -> Wanted:
        return Wanted(KEY_STORE, tenant_of(session), self.known(session), name, anybody=True)

    def fetched(self, session: str = "acme") -> UnpackedRows:
        return fetch_rows(self.repository, self.wanted(session), IDENTITIES, self.now + 1).unpacked

    def drill(self, session: str = "acme", *, into: str | None = None) -> DrillResult:
        """Drill, with the tables of another database where `into` names one."""
        wanted = self.wanted(session)
        with Database(into or self.url, limits=LIMITS) as database:
            facts = inspect(database, layout_of(self.keys, self.credentials))
            return drill_rows(
                database, facts, self.repository, wanted, IDENTITIES, self.now + 1, session
            )

    def archives(self, session: str = "acme") -> list[Path]:
        found = self.home / KEY_STORE / tenant_of(session)
        return sorted(each for each in found.iterdir() if parse_name(each.name))
