"""The archives that we have made of each session, in the janitor's schema: the counterpart of `.janitor~backups`.

Only remembered archives are thinned out or count as the latest one (see `backup.known`). The text is read with bounds,
and anything that we would not have written ourselves is no record at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL

from baileys_janitor.backup.known import LIMIT_BYTES, Known, decoded, encoded
from baileys_janitor.backup.source import SourceProblem
from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.postgres.own_table import OwnTable
from baileys_janitor.keystore.postgres.state import SCHEMA
from baileys_janitor.volume.errors import BUSY

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database

_TABLE: Final = "backups"
_COLUMNS: Final = """
store text NOT NULL, session text NOT NULL, known text NOT NULL, changed timestamptz NOT NULL DEFAULT now(),
PRIMARY KEY (store, session)
"""
_RIGHTS: Final = ("INSERT", "UPDATE")


class StoreMemory:
    """The memory of the sessions of one store. Methods raise KeystoreProblem."""

    def __init__(self, database: Database, facts: Facts, schema: str = SCHEMA) -> None:
        self._database = database
        self._store = str(facts.keys.name)
        self._schema = schema
        self._table = OwnTable(database, schema, _TABLE, _COLUMNS, _RIGHTS)
        self._replica = facts.replica

    def ensure(self) -> None:
        """Create the table where it is missing, and check that it is writable."""
        if self._replica:
            raise KeystoreProblem(
                errors.REPLICA,
                "This database only takes reads, so that no archive can be remembered: use the primary's address, or "
                "do without (--no-memory, with --bucket-days).",
            )
        try:
            self._table.ensure()
        except KeystoreProblem as problem:
            if problem.code != errors.RIGHTS_MISSING:
                raise
            raise self._no_right() from None

    def _no_right(self) -> KeystoreProblem:
        return KeystoreProblem(
            errors.RIGHTS_MISSING,
            f"This user may not create, or not write to, the table in the schema {self._schema} in which archives are "
            "remembered: grant that (`baileys-janitor keystore grants` prints how), or do without (--no-memory, with "
            "--bucket-days).",
        )

    def sessions(self) -> dict[str, Known]:
        """Return the known archives of every session, by its name; an empty dict where this user may not read them."""
        if not self._table.readable:
            return {}
        statement = SQL(
            "SELECT session, known FROM {} WHERE store = %s AND octet_length(known) <= %s ORDER BY 1"
        ).format(self._table.sql)
        with self._database.transaction(read_only=True):
            found = self._database.rows(statement, (self._store, LIMIT_BYTES))
        return {session: _known(text) for session, text in found}

    def of(self, session: str) -> SessionMemory:
        """Return the memory of one session."""
        return SessionMemory(
            self._database,
            self._table.sql,
            (self._store, session),
            there=self._table.readable,
        )


class SessionMemory:
    """The memory of one session, in the form that a backup uses. Methods raise SourceProblem."""

    def __init__(
        self, database: Database, table: Composed, key: tuple[str, str], *, there: bool
    ) -> None:
        self._database = database
        self._table = table
        self._key = key
        self._there = there

    def read(self) -> Known:
        """Return the known archives."""
        if not self._there:
            return Known()
        statement = SQL("SELECT known FROM {} WHERE store = %s AND session = %s").format(
            self._table
        )
        try:
            with self._database.transaction(read_only=True):
                found = self._database.rows(statement, self._key)
        except KeystoreProblem as problem:
            raise as_source(problem) from None
        return _known(found[0][0]) if found else Known()

    def change(self, change: Callable[[Known], Known]) -> Known:
        """Change the known archives, and return them; one change at a time."""
        entering = SQL(
            "INSERT INTO {} (store, session, known) VALUES (%s, %s, '') ON CONFLICT DO NOTHING"
        )
        reading = SQL("SELECT known FROM {} WHERE store = %s AND session = %s FOR UPDATE")
        writing = SQL("UPDATE {} SET known = %s, changed = now() WHERE store = %s AND session = %s")
        try:
            with self._database.transaction():
                self._database.do(entering.format(self._table), self._key)
                (text,) = self._database.row(reading.format(self._table), self._key)
                before = _known(text)
                after = change(before)
                if after != before:
                    new = encoded(after).decode("ascii")
                    self._database.do(writing.format(self._table), (new, *self._key))
        except KeystoreProblem as problem:
            raise as_source(problem) from None
        return after


class NoMemory:
    """A memory that lasts for one backup only, for users that may only read."""

    def __init__(self) -> None:
        self._known = Known()

    def read(self) -> Known:
        """Return the known archives."""
        return self._known

    def change(self, change: Callable[[Known], Known]) -> Known:
        """Change the known archives, and return them."""
        self._known = change(self._known)
        return self._known


def as_source(problem: KeystoreProblem) -> SourceProblem:
    """Return a problem in the form that a backup expects."""
    code = BUSY if problem.code == errors.LOCKED else problem.code
    return SourceProblem(code, problem.sentence)


def _known(text: str) -> Known:
    if len(text) > LIMIT_BYTES:
        return Known()
    return decoded(text.encode("utf-8", "surrogatepass")) or Known()
