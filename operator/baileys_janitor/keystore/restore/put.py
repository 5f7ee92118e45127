"""Put rows of an archive into the tables: all in the caller's transaction, and never over an existing row.

Changes (closed sessions, raised counters) are made in the temporary tables, from which one statement copies all rows
that go back.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from psycopg.sql import SQL

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import NO_COLUMN
from baileys_janitor.keystore.postgres.queries import Queries, identifier, literal, quoted
from baileys_janitor.keystore.restore.creds import CredsRow
from baileys_janitor.keystore.restored import INSERTED, REPLACED, UNTOUCHED
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.policy.archives.restore_codes import RAISED
from baileys_janitor.policy.cleanup.plan import Removal
from baileys_janitor.policy.files.credentials_text import with_counters
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.reasons import MEMORY_WITHOUT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg.sql import Composable

    from baileys_janitor.keystore.backup.load import Loaded
    from baileys_janitor.keystore.postgres.checks import Facts, Table
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.keystore.postgres.state import State
    from baileys_janitor.keystore.restore.rows import ArchivedKeys
    from baileys_janitor.keystore.restore.view import View
    from baileys_janitor.keystore.restored import Restored
    from baileys_janitor.policy.archives.restore_session import Put

_CONSTRAINTS: Final = "23"


class Putting:
    """Carries out one plan. `values` maps a name to the value that replaces the archived one."""

    def __init__(
        self,
        database: Database,
        facts: Facts,
        loaded: Loaded,
        view: View,
        keys: ArchivedKeys,
        values: Mapping[str, str],
        time: float,
    ) -> None:
        self._database = database
        self._facts = facts
        self._loaded = loaded
        self._view = view
        self._keys = keys
        self._values = values
        self._time = time
        self._session = loaded.session
        self._names = [each.file.name for each in view.plan.puts if each.file.name != CREDS_NAME]

    def carry_out(self, run: str, state: State, restored: Restored) -> int:
        """Write and record all rows; return their number. Raises KeystoreProblem."""
        with _constraints():
            self._set_memories_aside(run, state)
            creds, before = self._put_creds()
            self._put_keys()
        keys = [self._keys.key(name) for name in self._names]
        plan = self._view.plan
        restored.note(run, self._session, plan.fingerprint, keys, creds, before)
        return len(keys) + (creds != UNTOUCHED)

    def _set_memories_aside(self, run: str, state: State) -> None:
        memories = self._view.plan.memories
        if not memories:
            return
        removals = [Removal(each, MEMORY_WITHOUT_KEY, unit) for unit, each in enumerate(memories)]
        sessions = Sessions(self._database, self._facts)
        gone = sessions.remove(self._session, self._view.listing, removals, run=run, state=state)
        if len(gone) < len(memories):
            raise _in_use()

    def _put_creds(self) -> tuple[str, str | None]:
        """Write the creds; return whether they were inserted, replaced or untouched, and their previous text."""
        [*puts] = [each for each in self._view.plan.puts if each.file.name == CREDS_NAME]
        if not puts:
            return UNTOUCHED, None
        [put] = puts
        found, row = self._view.creds, CredsRow(self._database, self._facts, self._session)
        archived = CredsRow(self._database, self._loaded.facts, self._session)
        new = row.encoded(self._creds_text(put, archived.read().data or b""))
        if found.exists:
            row.replace(new)
            return REPLACED, found.raw
        archived.replace(new)
        own = self._loaded.facts.credentials
        source, target = (
            (self._loaded.facts.keys, self._facts.keys)
            if own is None or self._facts.credentials is None
            else (own, self._facts.credentials)
        )
        names = _columns(source, target, self._layout_columns())
        statement: Any = SQL(
            "INSERT INTO {} ({}) SELECT {} FROM {} AS k WHERE {} ON CONFLICT DO NOTHING"
        ).format(
            identifier(target),
            SQL(", ").join(map(quoted, names)),
            SQL(", ").join([quoted("k", name) for name in names]),
            archived.table,
            archived.condition,
        )
        if self._database.do(statement, archived.values) != 1:
            raise _in_use()
        return INSERTED, None

    def _creds_text(self, put: Put, archived: bytes) -> bytes:
        data = self._view.creds.data if put.own else archived
        assert data is not None  # the plan has read them
        return with_counters(data, self._view.plan.next_pre_key_id) if put.how == RAISED else data

    def _put_keys(self) -> None:
        if not self._names:
            return
        self._change()
        source, target = Queries(self._loaded.facts), self._facts.keys
        same_type: Composable = SQL("true")
        if source.type is not None:
            same_type = SQL("{} = w.key_type").format(source.type)
        names = _columns(self._loaded.facts.keys, target, self._layout_columns())
        statement: Any = SQL(
            "INSERT INTO {target} ({names}) SELECT {values} FROM {source} AS k"
            " JOIN json_to_recordset(%s::json) AS w(key_type text, key_id text) ON {id} = w.key_id AND {same_type}"
            " WHERE {is_key} ON CONFLICT DO NOTHING"
        ).format(
            target=identifier(target),
            names=SQL(", ").join(map(quoted, names)),
            values=SQL(", ").join([quoted("k", name) for name in names]),
            source=source.table,
            id=source.id,
            same_type=same_type,
            is_key=source.is_key,
        )
        wanted = json.dumps([self._keys.key(name) for name in self._names])
        if self._database.do(statement, (wanted,)) != len(self._names):
            raise _in_use()

    def _change(self) -> None:
        """Change rows in the temporary table before they go back: values, and times later than the archive's own.

        A clock that ran ahead may have written such times.
        """
        source = Queries(self._loaded.facts)
        condition: Composable = SQL("{} = %s").format(source.id)
        if source.type is not None:
            condition = SQL("{} AND {} = %s").format(condition, source.type)
        changes: list[tuple[str, ...]] = []
        for name in self._names:
            if name in self._values:
                key = self._keys.key(name)
                own = [key["key_id"], *([key["key_type"]] if source.type is not None else [])]
                changes.append((self._values[name], *own))
        if changes:
            statement: Any = SQL("UPDATE {} AS k SET {} = %s WHERE {}").format(
                source.table, quoted(self._facts.layout.columns.value), condition
            )
            self._database.do_many(statement, changes)
        updated = self._loaded.facts.updated
        if updated is not None and updated.timestamp:
            latest: Composable = SQL("to_timestamp(%s::float8)")
            if updated.type != "timestamp with time zone":
                zone = self._facts.layout.columns.zone or "UTC"
                latest = SQL("(to_timestamp(%s::float8) AT TIME ZONE {})").format(literal(zone))
            column = quoted(updated.name)
            self._database.do(
                SQL("UPDATE {} AS k SET {} = {} WHERE {} > {}").format(
                    source.table, column, latest, quoted("k", updated.name), latest
                ),
                (self._time, self._time),
            )

    def _layout_columns(self) -> set[str]:
        layout = self._facts.layout
        own, columns = layout.credentials, layout.columns
        names = {own.session, own.creds, columns.session, columns.type, columns.id, columns.value}
        return names - {NO_COLUMN}


def _columns(source: Table, target: Table, kept: set[str]) -> list[str]:
    """Return the columns to copy: those of the archive, except numbers that the server assigns.

    Such a number may belong to another row by now, and an explicit one would be assigned a second time.
    """
    return [name for name in source.columns if name in kept or not target.columns[name].numbered]


@contextmanager
def _constraints() -> Iterator[None]:
    try:
        yield
    except KeystoreProblem as problem:
        if not (problem.state or "").startswith(_CONSTRAINTS):
            raise
    else:
        return
    raise KeystoreProblem(
        errors.ROWS_REFUSED,
        "A constraint of the table refuses the rows (a foreign key to the company's own row, say), so nothing was "
        "restored: create the referenced rows first.",
    )


def _in_use() -> KeystoreProblem:
    return KeystoreProblem(
        errors.STILL_RUNNING,
        "Rows of the session came or went during the restore, or a trigger keeps them out, so nothing was restored: "
        "stop the session's process first.",
    )
