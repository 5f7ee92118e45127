"""A drill of an archive of rows: load it into temporary tables, compare, and plan a restore into an empty table."""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING

from baileys_janitor.backup.drill import DrillResult, judge
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.fetch import FetchedRows, Wanted, fetch_rows
from baileys_janitor.keystore.backup.load import Loaded, loaded
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, classify

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.stores.repository import Repository
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.policy.files.file_entry import Entry

_MODE = 0o600


def drill_rows(
    database: Database,
    facts: Facts,
    repository: Repository,
    wanted: Wanted,
    identities: Identities | None,
    now: float,
    session: str | None = None,
) -> DrillResult:
    """Rehearse a restore of rows at `now` (Unix seconds). Errors of the archive or database are in the result.

    Every row is written to a temporary table and read again, and must be unchanged. Nothing is left behind.
    """
    started = clock.monotonic()
    result = DrillResult()
    try:
        fetched = fetch_rows(repository, wanted, identities, now)
        with loaded(database, facts, fetched.unpacked, session) as found:
            archived = session_of(database, found, fetched)
    except (BackupProblem, KeystoreProblem) as problem:
        result.code, result.message = problem.code, problem.sentence
    else:
        judge(result, fetched, archived, now)
    result.seconds = clock.monotonic() - started
    return result


def session_of(database: Database, found: Loaded, fetched: FetchedRows) -> ArchivedSession:
    """Return the loaded rows as the session of files that a restore plan expects.

    The entries have no checksums: those of all rows were compared.
    """
    listing = Sessions(database, found.facts).look(found.session)
    session = fetched.unpacked.session
    files = [_file(each) for each in listing.entries if each.name != CREDS_NAME]
    return ArchivedSession(
        time=session.time,
        quiesced=session.quiesced,
        files=[*session.files, *files],
        identity=listing.creds.identity,
        credentials=session.credentials,
    )


def _file(entry: Entry) -> ArchivedFile:
    name = entry.name
    if classify(name)[0] != entry.kind:  # a row of another type that only resembles the kind
        name = f"~{name}"
    return ArchivedFile(name, entry.size, entry.mtime_ns, _MODE, "")
