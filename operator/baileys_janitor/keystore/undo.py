"""Return a run's rows from the archive: never over a row that exists, never into another identity.

The tenant's own sender keys of a group and its memory row go back together, and only where none of them exists again:
an older memory row beside a newer key makes the next message of that group unreadable.

An undo of a restore removes the rows that it has put there (`restored`), and puts nothing back but the creds that were
replaced.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from psycopg.sql import SQL

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.adapter import TYPE_OF_KIND, Row, entries_of, file_name
from baileys_janitor.keystore.errors import DECLINED, KeystoreProblem
from baileys_janitor.keystore.layout import SEPARATOR
from baileys_janitor.keystore.postgres.printing import print_alike
from baileys_janitor.keystore.postgres.queries import identifier, quoted
from baileys_janitor.keystore.postgres.state import SCHEMA, State
from baileys_janitor.keystore.restored import RESTORE, Restored
from baileys_janitor.keystore.results import KnownRun, UndoResult
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.policy.cleanup.guards import refusal
from baileys_janitor.policy.files.file_kinds import REMOVABLE_KINDS, classify
from baileys_janitor.policy.files.own_groups import own_groups
from baileys_janitor.policy.reasons import MEMORY_WITHOUT_KEY
from baileys_janitor.volume.errors import (
    BUSY,
    ENDED,
    IDENTITY_CHANGED,
    RUN_PURGED,
    RUN_UNKNOWN,
    SESSION_WRITTEN,
)
from baileys_janitor.volume.report.results import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
)
from baileys_janitor.volume.runs.callbacks import go_on
from baileys_janitor.volume.runs.undo import (
    NEWER_EXISTS,
    NOT_THE_REMOVED_FILE,
    OWN_KEY_MISSING,
    WITH_ITS_PAIR,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.sql import Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.keystore.session import Listing

_ATTEMPTS: Final = 3
# No column of a keys' table has this name.
_PLACE: Final = "janitor~place"
_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"


class _Raced(Exception):  # noqa: N818  # no error: the session is read again
    """The library wrote a key between reading the session and returning its row."""


class _Kept(NamedTuple):
    """A row in the archive."""

    place: int
    unit: int
    key_type: str
    key_id: str
    reason: str
    fingerprint: str
    whole: bool


class Undoing:
    """One undo. `stop` returns a code when it is to end between two sessions."""

    def __init__(
        self,
        database: Database,
        facts: Facts,
        *,
        schema: str = SCHEMA,
        stop: Callable[[], str | None] = go_on,
    ) -> None:
        self._database = database
        self._facts = facts
        self._stop = stop
        self._sessions = Sessions(database, facts)
        self._state = State(database, facts, schema)
        self._restored = Restored(database, facts, schema)

    def runs(self) -> list[KnownRun]:
        """Return the runs that can be put back, the latest last."""
        restores = self._restored.runs()
        if not self._state.usable:
            return restores
        with self._database.transaction(read_only=True):
            found = self._database.rows(
                self._state.sql(
                    "SELECT r.run_id, extract(epoch FROM r.began)::float8, r.reason, count(*),"
                    " count(DISTINCT a.session) FROM {runs} AS r JOIN {archive} AS a USING (run_id)"
                    " WHERE r.store = %s AND r.reason <> %s GROUP BY r.run_id ORDER BY r.began, r.run_id"
                ),
                (self._state.store, RESTORE),
            )
        removals = [
            KnownRun(run=run, time=began, reason=reason, rows=rows, sessions=sessions)
            for run, began, reason, rows, sessions in found
        ]
        return sorted([*removals, *restores], key=lambda each: each.time)

    def undo(self, run: str | None = None, *, dry_run: bool = False) -> UndoResult:
        """Undo a run (None: the latest). Errors are in the result."""
        begun = time.monotonic()
        result = UndoResult(run=run or "", outcome=REFUSED)
        try:
            self._undo(run, result, dry_run=dry_run)
        except KeystoreProblem as problem:
            result.code, result.message = problem.code, problem.sentence
            declined = problem.code in DECLINED and not (result.restored or result.taken_away)
            result.outcome = REFUSED if declined else FAILED
        result.duration_ms = int((time.monotonic() - begun) * 1000)
        return result

    def _undo(self, run: str | None, result: UndoResult, *, dry_run: bool) -> None:
        there = self.runs()
        if run is None:
            if not there:
                result.outcome = NOTHING_TO_DO
                return
            run = result.run = there[-1].run
        elif not any(each.run == run for each in there):
            result.code = self._why_not_there(run)
            result.outcome = NOTHING_TO_DO if result.code is None else REFUSED
            return
        names = self._restored.sessions(run)
        each_session = self._take_away if names else self._put_back
        self._refuse_outright(putting_back=not names)
        for session in names or self._archived_sessions(run):
            result.code = self._stop()
            if result.code is not None:
                break
            each_session(run, session, result, dry_run=dry_run)
        if dry_run:
            result.outcome = DRY_RUN
        elif result.code in ENDED or result.kept:
            result.outcome = CAPPED
        else:
            done = result.restored or result.taken_away
            result.outcome = COMPLETED if done else NOTHING_TO_DO
        if not dry_run:
            with self._database.transaction():
                self._database.do(
                    self._state.sql("UPDATE {runs} SET undone = now() WHERE run_id = %s"), (run,)
                )

    def _why_not_there(self, run: str) -> str | None:
        """Return why a run has nothing in the archive; None where it removed nothing or all was put back."""
        if not self._state.usable:
            return RUN_UNKNOWN
        with self._database.transaction(read_only=True):
            found = self._database.rows(
                self._state.sql(
                    "SELECT removed > 0 AND undone IS NULL FROM {runs} WHERE run_id = %s AND store = %s"
                ),
                (run, self._state.store),
            )
        if not found:
            return RUN_UNKNOWN
        return RUN_PURGED if found[0][0] else None

    def _archived_sessions(self, run: str) -> list[str]:
        """Return the sessions with rows of a run in the archive."""
        with self._database.transaction(read_only=True):
            return [
                name
                for (name,) in self._database.rows(
                    self._state.sql(
                        "SELECT DISTINCT session FROM {archive} WHERE run_id = %s AND store = %s ORDER BY 1"
                    ),
                    (run, self._state.store),
                )
            ]

    def _refuse_outright(self, *, putting_back: bool) -> None:
        if self._facts.replica:
            raise KeystoreProblem(
                errors.REPLICA,
                "This database only takes reads: it is a replica. Use the primary's address.",
            )
        if putting_back and not self._facts.keys.insertable:
            raise KeystoreProblem(
                errors.RIGHTS_MISSING,
                f"This user lacks INSERT on {self._facts.keys.name}: `baileys-janitor keystore grants` prints the "
                "rights it needs.",
            )

    def _take_away(self, run: str, session: str, result: UndoResult, *, dry_run: bool) -> None:
        """Remove the rows restored into a session, as long as it is the same one and nobody has written to it."""
        restored = self._restored
        with self._database.transaction():  # a dry run, too: `print_alike` changes settings
            print_alike(self._database)
            put = restored.of(run, session)
            if not dry_run and not self._sessions.lock(session):
                result.kept[BUSY] = result.kept.get(BUSY, 0) + put.number
                return
            code = None
            if self._sessions.creds(session).identity.fingerprint != put.fingerprint:
                code = IDENTITY_CHANGED
            elif not restored.is_as_put(run, session):
                code = SESSION_WRITTEN
            if code is not None:
                result.kept[code] = result.kept.get(code, 0) + put.number
                return
            result.taken_away += put.number if dry_run else restored.take_away(run, session)
            result.sessions += 1

    def _put_back(self, run: str, session: str, result: UndoResult, *, dry_run: bool) -> None:
        """Put a session's rows back; read it again where the library wrote one of them meanwhile."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._database.transaction(read_only=dry_run):
                    found = self._attempt(run, session, dry_run=dry_run)
                break
            except _Raced:
                if attempt == _ATTEMPTS - 1:
                    raise KeystoreProblem(
                        errors.LOCKED,
                        "The session's process wrote the same keys at each attempt: stop it, and run undo again.",
                    ) from None
        back, kept = found
        result.sessions += bool(back)
        for row in back:
            result.restored += 1
            key_type = TYPE_OF_KIND[self._kind(session, row)]
            result.by_type[key_type] = result.by_type.get(key_type, 0) + 1
        for reason, number in kept.items():
            result.kept[reason] = result.kept.get(reason, 0) + number

    def _attempt(
        self, run: str, session: str, *, dry_run: bool
    ) -> tuple[list[_Kept], Counter[str]]:
        """Return the rows that went back, or would, and how many stay for each reason."""
        kept: Counter[str] = Counter()
        rows = self._archived(run, session)
        if not dry_run and not self._sessions.lock(session):
            kept[BUSY] += len(rows)
            return [], kept
        listing = self._sessions.look(session)
        (now,) = self._database.row(_NOW)
        identity = listing.creds.identity
        refused = refusal(identity, len(listing.entries), now)
        if refused is not None:
            kept[refused] += len(rows)
            return [], kept
        known = [each for each in rows if each.fingerprint == identity.fingerprint]
        if len(known) < len(rows):
            kept[IDENTITY_CHANGED] += len(rows) - len(known)
        chosen = self._returning(session, known, listing, kept)
        if (
            chosen
            and not dry_run
            and len(self._insert([each.place for each in chosen])) < len(chosen)
        ):
            raise _Raced
        return chosen, kept

    def _returning(
        self, session: str, rows: list[_Kept], listing: Listing, kept: Counter[str]
    ) -> list[_Kept]:
        """Return the rows that may go back, and count by reason those that stay."""
        identity = listing.creds.identity
        names = {each.name for each in listing.entries}
        groups = own_groups(listing.entries, identity)
        units: dict[int, list[_Kept]] = {}
        for each in rows:
            units.setdefault(each.unit, []).append(each)
        chosen: list[_Kept] = []
        for unit in units.values():
            entries = entries_of([self._row(session, each) for each in unit], None)
            taken = [entry.name in names for entry in entries]
            if any(taken):
                for there in taken:
                    kept[NEWER_EXISTS if there else WITH_ITS_PAIR] += 1
            elif not all(each.whole for each in unit) or any(
                entry.kind not in REMOVABLE_KINDS for entry in entries
            ):
                kept[NOT_THE_REMOVED_FILE] += len(unit)  # no run of ours has removed these
            elif unit[0].reason == MEMORY_WITHOUT_KEY:
                kept[OWN_KEY_MISSING] += len(unit)
            elif not groups.keys().isdisjoint(own_groups(entries, identity)):
                kept[WITH_ITS_PAIR] += len(unit)
            else:
                chosen += unit
        return chosen

    def _kind(self, session: str, kept: _Kept) -> str:
        row = self._row(session, kept)
        return classify(file_name(row.type, row.id))[0]

    def _row(self, session: str, kept: _Kept) -> Row:
        layout = self._facts.layout
        prefix = len(session) + len(SEPARATOR) if layout.prefixed else 0
        return Row(
            kept.key_type if layout.columns.type else None, kept.key_id[prefix:], 1, None, ""
        )

    def _archived(self, run: str, session: str) -> list[_Kept]:
        """Return a session's rows in the archive; a row is `whole` if its content matches its key."""
        columns = self._facts.layout.columns
        named = {columns.session: "session", columns.type: "key_type", columns.id: "key_id"}
        whole = SQL(" AND ").join(
            SQL("{}::text = {}").format(quoted("r", name), quoted("a", own))
            for name, own in named.items()
            if name
        )
        statement = SQL(
            "SELECT a.place, a.unit, a.key_type, a.key_id, a.reason, a.fingerprint, coalesce({whole}, false)"
            " FROM {archive} AS a, LATERAL json_populate_record(NULL::{table}, a.row) AS r"
            " WHERE a.run_id = %s AND a.store = %s AND a.session = %s ORDER BY a.unit, a.place"
        ).format(
            whole=whole, archive=self._state.table("archive"), table=identifier(self._facts.keys)
        )
        rows = self._database.rows(statement, (run, self._state.store, session))
        return [_Kept(*row) for row in rows]

    def _insert(self, places: list[int]) -> set[int]:
        """Put rows back where their keys are free; return the archive places of those that went back."""
        found = self._database.rows(self._statement(), (places,))
        return {place for (place,) in found}

    def _statement(self) -> Composed:
        table = self._facts.keys
        written = [each for each in table.columns.values() if not each.generated]
        names = SQL(", ").join(quoted(each.name) for each in written)
        values = SQL(", ").join(quoted("r", each.name) for each in written)
        columns = self._facts.layout.columns
        key = [name for name in (columns.session, columns.type, columns.id) if name]
        same = SQL(" AND ").join(
            SQL("{} = {}").format(quoted("b", name), quoted("r", name)) for name in key
        )
        keys = SQL(", ").join(map(quoted, key))
        return SQL(
            "WITH chosen AS (SELECT a.place AS {place}, r.* FROM {archive} AS a,"
            " LATERAL json_populate_record(NULL::{table}, a.row) AS r WHERE a.place = ANY(%s::bigint[])),"
            " back AS (INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM chosen AS r"
            " ON CONFLICT DO NOTHING RETURNING {keys}),"
            " returned AS (SELECT r.{place} FROM chosen AS r JOIN back AS b ON {same})"
            " DELETE FROM {archive} AS a USING returned AS r WHERE a.place = r.{place} RETURNING a.place"
        ).format(
            place=quoted(_PLACE),
            archive=self._state.table("archive"),
            table=identifier(table),
            names=names,
            values=values,
            keys=keys,
            same=same,
        )
