"""A session's rows in the store as input of a restore plan, and the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.sql import SQL

from baileys_janitor.keystore.adapter import file_name
from baileys_janitor.keystore.layout import SEPARATOR
from baileys_janitor.keystore.postgres.queries import Queries, quoted
from baileys_janitor.keystore.restore.creds import CredsRow, FoundCreds
from baileys_janitor.keystore.session import Listing, Sessions
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.archives.restore_codes import WHOLE
from baileys_janitor.policy.archives.restore_session import SessionTarget, make_session_plan
from baileys_janitor.policy.files.file_entry import MAX_ENTRIES
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.files.identity import PAIRED, TOO_LARGE, Identity, read_identity
from baileys_janitor.policy.reasons import TOO_MANY_FILES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from baileys_janitor.keystore.backup.load import Loaded
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.keystore.postgres.state import State
    from baileys_janitor.keystore.restored import Restored
    from baileys_janitor.policy.archives.archived import ArchivedSession
    from baileys_janitor.policy.archives.restore_credentials import Known
    from baileys_janitor.policy.archives.restore_session import SessionPlan


class Asked(NamedTuple):
    """A request for a restore.

    `known` are the caller's records of the session's identity, `expected` the fingerprint that a person has written
    out, "" without one; `acknowledged` are codes.
    """

    mode: str
    known: Sequence[Known] = ()
    expected: str = ""
    acknowledged: Collection[str] = ()


class View(NamedTuple):
    """A session in the store at one moment, and the restore plan. `state` is the identity's."""

    plan: SessionPlan
    state: str
    listing: Listing
    creds: FoundCreds


class Viewer:
    """Reads sessions of one store, in the caller's transaction."""

    def __init__(self, database: Database, facts: Facts, state: State, restored: Restored) -> None:
        self._database = database
        self._facts = facts
        self._state = state
        self._restored = restored
        self._sessions = Sessions(database, facts)

    def view(
        self, source: ArchivedSession, loaded: Loaded, now: float, asked: Asked, creds: CredsRow
    ) -> View:
        """Return the session, and the plan at `now` (Unix seconds). Raises KeystoreProblem."""
        session = loaded.session
        found = creds.read()
        listing = self._sessions.look(session)
        identity = _identity(listing, found)
        paired = identity.state == PAIRED and found.data is not None
        same = self._same(loaded, source, found) if asked.mode == WHOLE else frozenset()
        target = SessionTarget(
            identity=identity,
            credentials=read_credentials(found.data or b"") if paired else None,
            entries=listing.entries,
            known=[*self._recorded(session), *asked.known],
            same=same,
        )
        plan = make_session_plan(
            target, source, now, asked.mode, asked.expected, asked.acknowledged
        )
        if len(listing.rows) > MAX_ENTRIES:
            plan.refuse(TOO_MANY_FILES)
        return View(plan, identity.state, listing, found)

    def _recorded(self, session: str) -> list[Known]:
        """Return the identities of this session in the janitor's tables: of runs, restores, and its running time."""
        known = self._restored.identities(session)
        if not self._state.usable:
            return known
        known += [
            (int(time), fingerprint)
            for time, fingerprint in self._database.rows(
                self._state.sql(
                    "SELECT extract(epoch FROM max(removed_at))::float8, fingerprint FROM {archive}"
                    " WHERE store = %s AND session = %s GROUP BY fingerprint"
                ),
                (self._state.store, session),
            )
        ]
        memory = self._state.memory(session)
        return known if memory is None else [*known, (memory.looked, memory.identity)]

    def _same(self, loaded: Loaded, source: ArchivedSession, found: FoundCreds) -> frozenset[str]:
        """Return the names of files whose rows have the archived values."""
        queries, layout = Queries(self._facts), self._facts.layout
        columns = layout.columns
        key = [name for name in (columns.session, columns.type, columns.id) if name]
        statement = SQL(
            "SELECT {type}, {id} FROM {table} AS k JOIN {archived} AS a ON {same} WHERE {wanted} AND {is_key}"
            " AND {value}::text = {other}::text"
        ).format(
            type=SQL("NULL::text") if queries.type is None else queries.type,
            id=queries.id,
            table=queries.table,
            archived=Queries(loaded.facts).table,
            same=SQL(" AND ").join(
                [SQL("{} = {}").format(quoted("k", each), quoted("a", each)) for each in key]
            ),
            wanted=queries.wanted,
            is_key=queries.is_key,
            value=queries.value,
            other=quoted("a", columns.value),
        )
        prefix = len(loaded.session) + len(SEPARATOR) if layout.prefixed else 0
        names = {
            file_name(key_type, ident[prefix:])
            for key_type, ident in self._database.rows(
                statement, queries.of_session(loaded.session)
            )
        }
        credentials = read_credentials(found.data or b"")
        if credentials is not None and credentials == source.credentials:
            names.add(CREDS_NAME)
        return frozenset(names)


def _identity(listing: Listing, found: FoundCreds) -> Identity:
    """Return the session's identity. Creds that PostgreSQL cannot parse but the library can are not corrupt."""
    identity = listing.creds.identity
    if identity.state in (PAIRED, TOO_LARGE) or found.data is None:
        return identity
    read = read_identity(found.data)
    return read if read.state == PAIRED else identity
