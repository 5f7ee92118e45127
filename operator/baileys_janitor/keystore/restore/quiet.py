"""Watch sessions' rows for writes: a process that is said to be stopped writes none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL

from baileys_janitor.keystore.postgres.queries import Queries
from baileys_janitor.keystore.restore.creds import CredsRow
from baileys_janitor.volume.scanning.quiet import STEP_SECONDS

if TYPE_CHECKING:
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database

_EMPTY: Final = (0, "0", ())

Written = tuple[int, str, tuple[str, ...]]


class Writes:
    """Fingerprints of some sessions' rows, to detect writes; each check opens a transaction. Raises KeystoreProblem."""

    def __init__(self, database: Database, facts: Facts, sessions: Iterable[str]) -> None:
        self._database = database
        self._facts = facts
        queries = Queries(facts)
        self._queries = queries
        # Other operations do not change a row's transaction id, only a write does.
        self._statement = SQL(
            "SELECT count(*), coalesce(sum(hashtextextended(concat_ws(chr(31), {}, {}, {}), 0)), 0)::text"
            " FROM {} AS k WHERE {}"
        ).format(
            SQL("''") if queries.type is None else queries.type,
            queries.id,
            queries.version,
            queries.table,
            queries.wanted,
        )
        self._before = {each: self._look(each) for each in sessions}

    @property
    def live(self) -> list[str]:
        """The sessions that had rows."""
        return [session for session, written in self._before.items() if written != _EMPTY]

    def changed(self, session: str) -> bool:
        """Return whether anybody has written to a session since the first look."""
        return self._look(session) != self._before[session]

    def renew(self, session: str) -> None:
        """Accept the current rows as seen."""
        self._before[session] = self._look(session)

    def wait(
        self,
        seconds: float,
        pause: Callable[[float], None],
        stop: Callable[[], str | None],
    ) -> None:
        """Wait for a number of seconds, or until `stop` returns a code; `pause` waits for a number of seconds."""
        waited = 0.0
        while waited < seconds and stop() is None:
            pause(STEP_SECONDS)
            waited += STEP_SECONDS

    def _look(self, session: str) -> Written:
        with self._database.transaction(read_only=True):
            number, written = self._database.row(self._statement, self._queries.of_session(session))
            creds: tuple[str, ...] = ()
            if self._facts.credentials is not None:
                row = CredsRow(self._database, self._facts, session)
                creds = tuple(
                    version
                    for (version,) in self._database.rows(
                        SQL("SELECT k.xmin::text FROM {} AS k WHERE {}").format(
                            row.table, row.condition
                        ),
                        row.values,
                    )
                )
        return number, written, creds
