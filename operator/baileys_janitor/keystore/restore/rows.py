"""The archived rows of a session by the file names that a restore plan uses, and the value to write for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import SQL

from baileys_janitor.keystore.adapter import Row, file_name
from baileys_janitor.keystore.layout import SEPARATOR
from baileys_janitor.keystore.postgres.queries import Queries
from baileys_janitor.policy.archives.restore_codes import (
    CLOSED,
    CONTENT_DIFFERS,
    SESSION_FORM_UNKNOWN,
)
from baileys_janitor.policy.files.session_text import with_closed_session
from baileys_janitor.policy.files.strict_json import is_whole

if TYPE_CHECKING:
    from baileys_janitor.keystore.backup.load import Loaded
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.policy.archives.restore_session import Put

_MS = 1000


class Unusable(Exception):  # noqa: N818  # no error: this row alone stays out
    """A row that cannot be put back; `reason` is a code of `policy.archives.restore_codes`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ArchivedKeys:
    """The keys of a loaded session; `now` is Unix seconds. Works in the caller's transaction."""

    def __init__(self, database: Database, loaded: Loaded, now: float) -> None:
        facts, session = loaded.facts, loaded.session
        queries = Queries(facts)
        self._closed_ms = int(now * _MS)
        self._prefix = f"{session}{SEPARATOR}" if facts.layout.prefixed else ""
        statement = SQL("SELECT {}, {}, {}::text FROM {} AS k WHERE {} AND {}").format(
            SQL("NULL::text") if queries.type is None else queries.type,
            queries.id,
            queries.value,
            queries.table,
            queries.wanted,
            queries.is_key,
        )
        self._rows: dict[str, tuple[Row, str | None]] = {}
        for key_type, ident, text in database.rows(statement, queries.of_session(session)):
            row = Row(key_type, (ident or "")[len(self._prefix) :], 0, None, "")
            # Of two rows with one file name the plan takes the first.
            self._rows.setdefault(file_name(row.type, row.id), (row, text))

    def key(self, name: str) -> dict[str, str]:
        """Return type and id of a row as its columns have them."""
        row, _ = self._rows[name]
        return {"key_type": row.type or "", "key_id": self._prefix + row.id}

    def changed(self, put: Put) -> str | None:
        """Return the new value of a row; None where it goes back as archived. Raises Unusable."""
        found = self._rows.get(put.file.name)
        text = None if found is None else found[1]
        data = b"" if text is None else text.encode("utf-8", "surrogatepass")
        if not is_whole(data):
            raise Unusable(CONTENT_DIFFERS)
        if put.how != CLOSED:
            return None
        try:
            closed = with_closed_session(data, self._closed_ms)
        except ValueError as error:
            raise Unusable(SESSION_FORM_UNKNOWN) from error
        return None if closed == data else closed.decode("utf-8", "surrogatepass")
