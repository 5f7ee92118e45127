"""Tables as stores of keys make them, and sessions to fill them with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Identifier

from tests.policy.worlds import OWN_LID, OWN_PN, creds

DAY = 86_400.0

FIRST_LAYOUT = """
CREATE TABLE whatsapp_keys (
  company_id text NOT NULL, key_type text NOT NULL, key_id text NOT NULL, value jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz, PRIMARY KEY (company_id, key_type, key_id));
CREATE TABLE whatsapp_auth (company_id text PRIMARY KEY, creds jsonb NOT NULL);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON whatsapp_keys FOR EACH ROW EXECUTE FUNCTION touch();
"""


class Key(NamedTuple):
    """A key, its age in seconds since the last write and since its creation."""

    type: str
    id: str
    age: float
    created: float
    value: str = '{"key": "0123456789"}'


@dataclass
class Company:
    """One session."""

    name: str
    keys: list[Key] = field(default_factory=list)
    creds: dict[str, Any] = field(default_factory=creds)

    def add(self, key_type: str, ids: Iterable[str], age: float, **more: Any) -> Company:
        for ident in ids:
            self.keys.append(
                Key(
                    key_type,
                    ident,
                    age,
                    more.get("created", age + 40 * DAY),
                    **{key: value for key, value in more.items() if key == "value"},
                )
            )
        return self

    @property
    def names(self) -> set[tuple[str, str]]:
        return {(key.type, key.id) for key in self.keys}


def company(name: str = "962302", seed: int = 1, *, old: int = 8, days: float = 90) -> Company:
    """A session in daily use for `days`: contacts and groups, `old` of them unused for 40 days, and all that must stay.

    The days are told by mappings, which are written once.
    """
    random = Random(f"{name}{seed}")
    found = Company(name)
    found.add("pre-key", map(str, range(1, 31)), days * DAY)
    found.creds = creds()
    found.add("app-state-sync-key", ["AAAAAP//", "AAAAAQ+/"], days * DAY)
    found.add("app-state-sync-version", ["critical_block", "regular_low"], 2 * DAY)
    found.add("session", [f"{OWN_PN}.0", f"{OWN_LID}_1.3"], 80 * DAY)
    found.add("lid-mapping", [OWN_PN], days * DAY, value=json.dumps(OWN_LID))
    found.add("lid-mapping", [f"{OWN_LID}_reverse"], days * DAY, value=json.dumps(OWN_PN))
    for half in range(2 * int(days)):
        found.add("lid-mapping", [f"49301{half:05d}"], half * DAY / 2 + random.uniform(0, 3600))
    for number in range(old):
        found.add("session", [f"242000000{number:06d}_1.0"], (40 + number) * DAY)
        group = f"1203630000000{number:05d}@g.us"
        found.add("sender-key", [f"{group}::242000000{number:06d}_1::0"], (40 + number) * DAY)
        found.add("sender-key", [f"{group}::{OWN_LID}_1::7"], (41 + number) * DAY)
        found.add("sender-key-memory", [group], (41 + number) * DAY)
    for number in range(12):
        age = random.uniform(1200, 20 * DAY) if number else 1800.0
        found.add("session", [f"241000000{number:06d}_1.0"], age)
        group = f"1203640000000{number:05d}@g.us"
        found.add("sender-key", [f"{group}::241000000{number:06d}_1::0"], age)
        found.add("sender-key", [f"{group}::{OWN_LID}_1::7"], 35 * DAY)  # its memory is young
        found.add("sender-key-memory", [group], age)
    return found


def removable(found: Company, days: float = 30) -> set[tuple[str, str]]:
    """What a rule of so many days may take of `company`, in the tests' own words."""
    names = set()
    young = {
        key.id for key in found.keys if key.type == "sender-key-memory" and key.age <= days * DAY
    }
    for key in found.keys:
        if key.age <= days * DAY or key.type not in ("session", "sender-key", "sender-key-memory"):
            continue
        own = key.id.startswith((f"{OWN_PN}.", f"{OWN_LID}_1."))
        if own or (f"::{OWN_LID}" in key.id and key.id.partition("::")[0] in young):
            continue
        names.add((key.type, key.id))
    return names


def first_layout(url: str, *companies: Company, ddl: str = FIRST_LAYOUT) -> None:
    """Make the tables of the first layout and fill them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ddl)
        fill(connection, companies)


def fill(
    connection: psycopg.Connection[Any],
    companies: Iterable[Company],
    table: str = "whatsapp_keys",
    auth: str = "whatsapp_auth",
) -> None:
    """Put companies into tables of the first layout; the times that they shall have are set in one go."""
    columns = "(company_id, key_type, key_id, value, created_at, updated_at, expires_at)"
    with connection.transaction():
        for each in companies:
            connection.execute(
                SQL("INSERT INTO {} VALUES (%s, %s)").format(Identifier(auth)),
                (each.name, json.dumps(each.creds)),
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    SQL(
                        f"INSERT INTO {{}} {columns} VALUES (%s, %s, %s, %s, now() - make_interval(secs => %s),"
                        " now() - make_interval(secs => %s), now() - interval '1 day')"
                    ).format(Identifier(table)),
                    [
                        (each.name, key.type, key.id, key.value, key.created, key.age)
                        for key in each.keys
                    ],
                )


def rows(url: str, table: str = "whatsapp_keys") -> dict[tuple[str, str, str], str]:
    """Every row of the first layout, whole, as the server prints it."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            SQL(
                "SELECT company_id::text, key_type::text, key_id::text, k::text FROM {} AS k"
            ).format(Identifier(table))
        ).fetchall()
    return {(session, key_type, ident): row for session, key_type, ident, row in found}
