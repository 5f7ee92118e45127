"""Restore sessions into the tables: planned as for files, each in one transaction, undoable.

The archive is loaded into temporary tables and compared with its contents; from there the same transaction copies the
rows that may go back. Killed at any moment, a session has all of them or none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.backup.drill import session_of
from baileys_janitor.keystore.backup.load import loaded
from baileys_janitor.keystore.backup.rows import require_backupable
from baileys_janitor.keystore.errors import DECLINED, KeystoreProblem
from baileys_janitor.keystore.postgres.state import SCHEMA, State
from baileys_janitor.keystore.restore.creds import CredsRow
from baileys_janitor.keystore.restore.put import Putting
from baileys_janitor.keystore.restore.rows import ArchivedKeys, Unusable
from baileys_janitor.keystore.restore.view import Asked, View, Viewer
from baileys_janitor.keystore.restored import RESTORE, Restored
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.policy.archives.pairing import Credentials, read_credentials
from baileys_janitor.policy.archives.restore_codes import WHOLE
from baileys_janitor.policy.archives.restore_credentials import NOT_WHOLE
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.volume.errors import BUSY
from baileys_janitor.volume.report.results import COMPLETED, DRY_RUN, FAILED, NOTHING_TO_DO, REFUSED

if TYPE_CHECKING:
    from baileys_janitor.backup.fetch import FetchedRows
    from baileys_janitor.keystore.postgres.checks import Facts, Table
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.policy.archives.restore_session import SessionPlan

_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"
_REFUSALS: Final = DECLINED | {
    BUSY,
    errors.ROWS_INVALID,
    errors.ROWS_DIFFER,
    errors.LAYOUT_DIFFERS,
    errors.ANOTHER_SESSION,
}


@dataclass(slots=True, kw_only=True)
class RowsRestored:
    """A restored session, or the dry run of a restore.

    `outcome` is Completed, DryRun, NothingToDo, Refused or Failed, with a code, and with a sentence where the code is
    not one of `policy.archives.restore_codes`. `state` is that of the creds in the table, "" before they were read.
    `rows` go back, by kind in `restored_by_kind`; `kept_back` counts the others by reason and kind; `told` are codes of
    notes for the person. `fingerprint` is the archive's.
    """

    outcome: str
    code: str | None = None
    message: str | None = None
    state: str = ""
    fingerprint: str = ""
    rows: int = 0
    restored_by_kind: dict[str, int] = field(default_factory=dict)
    kept_back: dict[str, dict[str, int]] = field(default_factory=dict)
    next_pre_key_id: int = 0
    told: list[str] = field(default_factory=list)


def require_restorable(facts: Facts) -> None:
    """Raise KeystoreProblem where rows of this layout cannot be put back at all, or not by this user."""
    require_backupable(facts)
    if facts.replica:
        raise KeystoreProblem(
            errors.REPLICA,
            "This database only takes reads: it is a replica. Use the primary's address.",
        )
    layout = facts.layout
    columns, own = layout.columns, layout.credentials
    _require_key(facts.keys, {each for each in (columns.session, columns.type, columns.id) if each})
    _require_rights(facts.keys, columns.value if facts.credentials is None else None)
    if facts.credentials is not None:
        _require_key(facts.credentials, {own.session})
        _require_rights(facts.credentials, own.creds)


def _require_key(table: Table, key: set[str]) -> None:
    if not any(unique <= key for unique in table.unique):
        raise KeystoreProblem(
            errors.NO_UNIQUE_KEY,
            f"No unique key of {table.name} covers {', '.join(sorted(key))}, so a row that exists could be put there a "
            "second time: add a primary key or a unique index on them.",
        )


def _require_rights(table: Table, creds: str | None) -> None:
    missing = [] if table.insertable else ["INSERT"]
    if creds is not None and not table.columns[creds].updatable:
        missing.append(f"UPDATE of {creds}")
    if missing:
        raise KeystoreProblem(
            errors.RIGHTS_MISSING,
            f"This user lacks {' and '.join(missing)} on {table.name}: `baileys-janitor keystore grants --restore` "
            "prints the rights it needs.",
        )


class RestoringRows:
    """One run, which restores any number of sessions. `run` is its id."""

    def __init__(self, database: Database, facts: Facts, run: str, *, schema: str = SCHEMA) -> None:
        require_backupable(facts)
        self._database = database
        self._facts = facts
        self._run = run
        self._sessions = Sessions(database, facts)
        self._state = State(database, facts, schema)
        self._restored = Restored(database, facts, schema)
        self._rows = 0

    def begin(self) -> None:
        """Claim the run. Raises KeystoreProblem, also where rows cannot be put back at all."""
        require_restorable(self._facts)
        self._state.ensure()
        self._restored.ensure()
        if self._state.claim(self._run, RESTORE) is not None:
            raise KeystoreProblem(
                errors.ROWS_EXIST, "A run of this name has been before: run the command again."
            )
        self._state.bury()

    def end(self) -> None:
        """Record the run's outcome."""
        outcome = COMPLETED if self._rows else NOTHING_TO_DO
        self._state.end(self._run, outcome, self._rows, json.dumps({"restored": self._rows}))

    def own(self, session: str) -> Credentials | None:
        """Return the credentials in the table, None where no session can start with them. Raises KeystoreProblem."""
        with self._database.transaction(read_only=True):
            found = CredsRow(self._database, self._facts, session).read()
        return None if found.data is None else read_credentials(found.data)

    def look(self, session: str, fetched: FetchedRows, asked: Asked) -> RowsRestored:
        """Return what a restore would do now. Changes nothing. Errors are in the result."""
        return self._guarded(session, fetched, asked, apply=False)

    def apply(self, session: str, fetched: FetchedRows, asked: Asked) -> RowsRestored:
        """Carry out the restore in one transaction. Errors are in the result: then nothing has changed."""
        return self._guarded(session, fetched, asked, apply=True)

    def _guarded(
        self, session: str, fetched: FetchedRows, asked: Asked, *, apply: bool
    ) -> RowsRestored:
        fingerprint = fetched.unpacked.session.identity.fingerprint
        try:
            result = self._restore(session, fetched, asked, apply=apply)
        except KeystoreProblem as problem:
            outcome = REFUSED if problem.code in _REFUSALS else FAILED
            return RowsRestored(
                outcome=outcome,
                code=problem.code,
                message=problem.sentence,
                fingerprint=fingerprint,
            )
        if apply:
            self._rows += result.rows
        return result

    def _restore(
        self, session: str, fetched: FetchedRows, asked: Asked, *, apply: bool
    ) -> RowsRestored:
        database = self._database
        with loaded(database, self._facts, fetched.unpacked, session) as found:
            creds = CredsRow(database, self._facts, session)
            if apply:
                if not self._sessions.lock(session):
                    raise KeystoreProblem(BUSY, "Another run works on this session: wait for it.")
                creds.hold()
            (now,) = database.row(_NOW)
            source = session_of(database, found, fetched)
            viewer = Viewer(database, self._facts, self._state, self._restored)
            view = viewer.view(source, found, now, asked, creds)
            keys = ArchivedKeys(database, found, now)
            values = _checked(view.plan, keys)
            plan = view.plan
            if not apply or plan.refused is not None or not plan.puts:
                return _result(view, _outcome(plan, apply=apply), len(plan.puts))
            putting = Putting(database, self._facts, found, view, keys, values, source.time)
            rows = putting.carry_out(self._run, self._state, self._restored)
            self._state.alive(self._run, self._rows + rows)
            return _result(view, COMPLETED, rows)


def _checked(plan: SessionPlan, keys: ArchivedKeys) -> dict[str, str]:
    """Drop unusable rows from a plan; return by name the values that replace archived ones."""
    values: dict[str, str] = {}
    against: dict[str, str] = {}
    for each in plan.puts:
        if each.file.name == CREDS_NAME:
            continue
        try:
            value = keys.changed(each)
        except Unusable as unusable:
            against[each.file.name] = unusable.reason
            continue
        if value is not None:
            values[each.file.name] = value
    if against and plan.mode == WHOLE:
        plan.refuse(NOT_WHOLE)
    plan.drop(against)
    return values


def _outcome(plan: SessionPlan, *, apply: bool) -> str:
    if plan.refused is not None:
        return REFUSED
    return NOTHING_TO_DO if apply else DRY_RUN


def _result(view: View, outcome: str, rows: int) -> RowsRestored:
    plan = view.plan
    return RowsRestored(
        outcome=outcome,
        code=plan.refused,
        state=view.state,
        fingerprint=plan.fingerprint,
        rows=rows,
        restored_by_kind=plan.restored_by_kind,
        kept_back=plan.kept_back,
        next_pre_key_id=plan.next_pre_key_id,
        told=plan.told,
    )
