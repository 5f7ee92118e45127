"""The janitor's own tables, in a schema of their own: archive, runs, activity.

    archive    rows that runs removed, whole, until the undo window is over
    runs       every run once, with its result: a run id that exists is refused
    activity   the memory of each session's running time (`policy.running`)

They are created when the first run needs them. One schema serves any number of key stores: `store` distinguishes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.sql import SQL

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.postgres.queries import quoted
from baileys_janitor.policy.ages.running_text import decode, encode

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.policy.ages.running import Memory

SCHEMA: Final = "baileys_janitor"
_TABLES: Final = ("archive", "runs", "activity")
#: A run without a heartbeat for this long is considered dead.
DEAD_SECONDS: Final = 600
#: How long results of runs are kept.
RESULT_SECONDS: Final = 90 * 86_400
_PURGE_ROWS: Final = 5_000

# "bjkc": this program takes no other lock with this first number.
CREATING: Final = (0x626A6B63, 1)

_CREATE: Final = (
    """
    CREATE TABLE IF NOT EXISTS {runs} (
      run_id text PRIMARY KEY, store text NOT NULL, reason text NOT NULL,
      began timestamptz NOT NULL DEFAULT now(), seen timestamptz NOT NULL DEFAULT now(), ended timestamptz,
      undone timestamptz, outcome text, removed bigint NOT NULL DEFAULT 0, result json)
    """,
    """
    CREATE TABLE IF NOT EXISTS {archive} (
      place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id text NOT NULL, store text NOT NULL,
      session text NOT NULL, fingerprint text NOT NULL, unit integer NOT NULL, kind text NOT NULL,
      key_type text, key_id text NOT NULL, reason text NOT NULL, removed_at timestamptz NOT NULL DEFAULT now(),
      row json NOT NULL)
    """,
    "CREATE INDEX IF NOT EXISTS archive_of_run ON {archive} (run_id, session)",
    """
    CREATE TABLE IF NOT EXISTS {activity} (
      store text NOT NULL, session text NOT NULL, running text NOT NULL, looked timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (store, session))
    """,
)
_THERE: Final = """
SELECT n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'CREATE'), false),
       has_database_privilege(current_database(), 'CREATE'),
       coalesce((SELECT array_agg(c.relname::text) FROM pg_catalog.pg_class c
                 WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND c.relname = ANY(%s::text[])
                   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
                   AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                   AND has_table_privilege(c.oid, 'DELETE')), '{}'),
       coalesce((SELECT array_agg(c.relname::text) FROM pg_catalog.pg_class c
                 WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND c.relname = ANY(%s::text[])
                   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), '{}'),
       coalesce((SELECT array_agg(c.relname::text) FROM pg_catalog.pg_class c
                 WHERE c.relnamespace = n.oid AND c.relname = ANY(%s::text[])), '{}')
FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %s::text
"""


class State:
    """The janitor's tables for one store. `usable`: all of them exist, and this user may use them."""

    def __init__(self, database: Database, facts: Facts, schema: str = SCHEMA) -> None:
        self._database = database
        self.store = str(facts.keys.name)
        self.schema = schema
        with database.transaction(read_only=True):
            there, creatable, schema_creatable, usable, readable, named = database.row(
                _THERE, (list(_TABLES),) * 3 + (schema,)
            )
        self._there = there
        self._named = set(named)
        self.usable = set(usable) == set(_TABLES)
        self.readable = "activity" in readable
        missing = set(_TABLES) - set(named)
        self.creatable = self.usable or (
            set(named) <= set(usable)
            and (creatable if there else schema_creatable)
            and bool(missing)
        )

    def table(self, name: str) -> Composed:
        """Return the quoted name of one of the tables."""
        return SQL("{}").format(quoted(self.schema, name))

    def sql(self, text: str) -> Composed:
        """Return a statement with the table names in braces replaced."""
        return SQL(text).format(**{name: self.table(name) for name in _TABLES})

    def ensure(self) -> None:
        """Create what is missing. Raises KeystoreProblem."""
        if self.usable:
            return
        if not self.creatable:
            raise KeystoreProblem(
                errors.UNDO_IMPOSSIBLE,
                f"This user may not create the tables for undo in the schema {self.schema}, so nothing is removed: "
                "grant that (`baileys-janitor keystore grants` prints how), or do without: undo: None and memory: None "
                "(--no-undo and --no-memory).",
            )
        database = self._database
        with database.transaction():
            database.row("SELECT pg_advisory_xact_lock(%s, %s)::text", CREATING)
            if not self._there:
                database.do(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(quoted(self.schema)))
            for statement in _CREATE:
                database.do(self.sql(statement))
        self.usable = True

    def claim(self, run: str, reason: str) -> dict[str, Any] | None:
        """Claim a run id; return None, or the record of the run that has used it."""
        with self._database.transaction():
            claimed = self._database.do(
                self.sql(
                    "INSERT INTO {runs} (run_id, store, reason) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
                ),
                (run, self.store, reason),
            )
            if claimed:
                return None
            outcome, removed, result = self._database.row(
                self.sql("SELECT outcome, removed, result FROM {runs} WHERE run_id = %s"), (run,)
            )
        return {"outcome": outcome, "removed": removed, "result": result}

    def alive(self, run: str, removed: int) -> None:
        """Record, in the caller's transaction, that a run is alive and how many rows it has removed."""
        self._database.do(
            self.sql("UPDATE {runs} SET seen = clock_timestamp(), removed = %s WHERE run_id = %s"),
            (removed, run),
        )

    def end(self, run: str, outcome: str, removed: int, result: str) -> None:
        """Record a run's outcome."""
        with self._database.transaction():
            self._database.do(
                self.sql(
                    "UPDATE {runs} SET seen = now(), ended = now(), outcome = %s, removed = %s, result = %s::json"
                    " WHERE run_id = %s"
                ),
                (outcome, removed, result, run),
            )

    def bury(self) -> int:
        """Record the end of runs that were killed; return their number."""
        with self._database.transaction():
            return self._database.do(
                self.sql(
                    "UPDATE {runs} SET ended = now(), outcome = 'Killed' WHERE ended IS NULL AND store = %s"
                    " AND seen < now() - make_interval(secs => %s::float8)"
                ),
                (self.store, DEAD_SECONDS),
            )

    def purge(self, undo_window: float) -> int:
        """Delete rows that have been in the archive for `undo_window` seconds; return their number."""
        purged = 0
        while True:
            with self._database.transaction():
                gone = self._database.do(
                    self.sql(
                        "DELETE FROM {archive} WHERE place IN (SELECT a.place FROM {archive} AS a"
                        " JOIN {runs} AS r USING (run_id) WHERE r.store = %s"
                        " AND r.began <= now() - make_interval(secs => %s::float8)"
                        " AND a.removed_at <= now() - make_interval(secs => %s::float8)"
                        " LIMIT %s FOR UPDATE OF a SKIP LOCKED)"
                    ),
                    (self.store, undo_window, undo_window, _PURGE_ROWS),
                )
            purged += gone
            if gone < _PURGE_ROWS:
                break
        with self._database.transaction():
            self._database.do(
                self.sql(
                    "DELETE FROM {runs} AS r WHERE ended < now() - make_interval(secs => %s::float8) AND store = %s"
                    " AND NOT EXISTS (SELECT FROM {archive} AS a WHERE a.run_id = r.run_id)"
                ),
                (RESULT_SECONDS, self.store),
            )
        return purged

    def memory(self, session: str) -> Memory | None:
        """Return the memory of a session, in the caller's transaction."""
        found = self._database.rows(
            self.sql("SELECT running FROM {activity} WHERE store = %s AND session = %s"),
            (self.store, session),
        )
        return decode(found[0][0]) if found else None

    def remember(self, session: str, memory: Memory) -> None:
        """Store the memory of a session, in the caller's transaction."""
        self._database.do(
            self.sql(
                "INSERT INTO {activity} (store, session, running) VALUES (%s, %s, %s)"
                " ON CONFLICT (store, session) DO UPDATE SET running = excluded.running, looked = now()"
            ),
            (self.store, session, encode(memory)),
        )
