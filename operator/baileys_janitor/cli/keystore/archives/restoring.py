"""Restores sessions' rows one after the other: fetch, dry run or restore, and report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from baileys_janitor.backup.errors import FINGERPRINT_DIFFERS, IDENTITY_UNKNOWN, BackupProblem
from baileys_janitor.backup.fetch import FetchedRows, Wanted, fetch_rows
from baileys_janitor.backup.known import Known
from baileys_janitor.backup.latest import Fingerprint, fingerprint_of
from baileys_janitor.backup.names import tenant_of
from baileys_janitor.cli.keystore.archives.archived_sessions import Place
from baileys_janitor.cli.keystore.archives.restore_words import sentence_of
from baileys_janitor.cli.terminal.formatting import counted, rfc3339, watching
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.cli.terminal.progress import with_progress
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.restore.quiet import Writes
from baileys_janitor.keystore.restore.view import Asked
from baileys_janitor.keystore.results import masked
from baileys_janitor.policy.archives.restore_codes import ANOTHER_IDENTITY, ANOTHER_PAIRING
from baileys_janitor.volume.report.results import COMPLETED
from baileys_janitor.volume.scanning.quiet import AFTERWARDS_SECONDS, WATCH_SECONDS

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.names import ArchiveName
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.cli.backup.owners import Owners
    from baileys_janitor.cli.terminal.reporting import Problems
    from baileys_janitor.cli.terminal.signals import Interrupt
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.keystore.restore.run import RestoringRows, RowsRestored


class RowsRestoreDocument(TypedDict):
    """A restore of one session's rows or its dry run. `told` are codes of facts that a person should know."""

    session: str
    tenant: str
    repository: str
    identity: str | None
    mode: str
    outcome: str
    applied: bool
    run: str | None
    archive: str
    time: str | None
    fingerprint: str
    vouched: bool
    restored: int
    restoredByKind: dict[str, int]
    keptBack: dict[str, dict[str, int]]
    nextPreKeyId: int | None
    told: list[str]
    duration: float
    code: str | None
    message: str | None


class Request(NamedTuple):
    """The user's request; `name` is None for the latest archive. `known` is what the database has recorded."""

    destination: Destination
    identities: Identities | None
    name: ArchiveName | None
    mode: str
    acknowledged: Sequence[str]
    owners: Owners
    known: Mapping[str, Known]
    place: Place = Place()


class Restores:
    """The restores of one run. Failures of a session go into `problems`; `pause` waits for some seconds."""

    def __init__(
        self,
        restoring: RestoringRows,
        request: Request,
        run: str,
        problems: Problems,
        interrupt: Interrupt,
        pause: Callable[[float], None],
    ) -> None:
        self._restoring = restoring
        self._request = request
        self._run = run
        self._problems = problems
        self._interrupt = interrupt
        self._pause = pause
        self._restored: list[str] = []

    def carry_out(
        self, database: Database, facts: Facts, sessions: Sequence[str], *, apply: bool
    ) -> list[RowsRestoreDocument]:
        """Restore each session, or make its dry run. Raises KeystoreProblem for a failure that affects all."""
        if not apply:
            return self._each(sessions, None)
        self._restoring.begin()
        writes = Writes(database, facts, sessions)
        live = writes.live
        if live:
            names = masked(live[0]) if len(live) == 1 else counted(len(live), "session")
            say(watching(names, WATCH_SECONDS))
            writes.wait(WATCH_SECONDS, self._pause, self._interrupt.code)
        documents = self._each(sessions, writes)
        self._restoring.end()
        self._look_again(writes)
        return documents

    def _each(self, sessions: Sequence[str], writes: Writes | None) -> list[RowsRestoreDocument]:
        documents = []
        for session in with_progress(sessions, "Restoring"):
            if self._interrupt.asked:
                break
            try:
                documents.append(self._one(session, writes))
            except BackupProblem as problem:
                self._add(session, problem.code, problem.sentence)
            except KeystoreProblem as problem:
                self._add(session, problem.code, problem.sentence)
            except Problem as problem:
                self._problems.add_of(masked(session), problem)
        return documents

    def _one(self, session: str, writes: Writes | None) -> RowsRestoreDocument:
        started = time.monotonic()
        request, tenant = self._request, self._request.place.tenant(session)
        chosen = request.owners.of(tenant_of(session))
        fetched = self._fetch(session, tenant, chosen)
        source = fetched.unpacked.session
        # A verified archive has a verified identity, too.
        known = [(source.time, source.identity.fingerprint)] if fetched.vouched else []
        asked = Asked(
            request.mode, known, "" if chosen is None else chosen.identity, request.acknowledged
        )
        if writes is None:
            result = self._restoring.look(session, fetched, asked)
        elif writes.changed(session):
            text = (
                "the session's rows were just written, so its process runs: nothing was restored."
            )
            raise Problem(f"{masked(session)}: {text} Stop it first.", code="StillWriting")
        else:
            result = self._restoring.apply(session, fetched, asked)
            if result.outcome == COMPLETED:
                self._restored.append(session)
                writes.renew(session)
        document = self._document(session, fetched, result, time.monotonic() - started)
        if document["message"] is not None:
            self._add(session, document["code"] or "Failed", document["message"])
        return document

    def _fetch(self, session: str, tenant: str, chosen: Fingerprint | None) -> FetchedRows:
        """Get the archive with the fingerprint that the user gave, else with that of the creds in the table."""
        request = self._request
        own = self._restoring.own(session) if chosen is None else None
        count = chosen if own is None else fingerprint_of(own)
        known = request.known.get(session, Known())
        wanted = Wanted(request.place.namespace, tenant, known, request.name, count, anybody=True)
        try:
            return fetch_rows(
                request.destination.repository, wanted, request.identities, time.time()
            )
        except BackupProblem as problem:
            if problem.code != FINGERPRINT_DIFFERS or own is None:
                raise
            same = str(problem.details["found"]).startswith(own.fingerprint)
            code = ANOTHER_PAIRING if same else ANOTHER_IDENTITY
            raise Problem(f"{masked(session)}: {sentence_of(code)}", code=code) from None

    def _document(
        self, session: str, fetched: FetchedRows, result: RowsRestored, seconds: float
    ) -> RowsRestoreDocument:
        source = fetched.unpacked.session
        applied = result.outcome == COMPLETED
        found = str(fingerprint_of(source.credentials))
        message = result.message
        if result.code in (IDENTITY_UNKNOWN, FINGERPRINT_DIFFERS):
            message = BackupProblem(result.code, found=found).sentence
        elif result.code is not None and message is None:
            message = sentence_of(result.code)
        return {
            "session": masked(session),
            "tenant": self._request.place.tenant(session),
            "repository": self._request.destination.name,
            "identity": result.state or None,
            "mode": self._request.mode,
            "outcome": result.outcome,
            "applied": applied,
            "run": self._run if applied else None,
            "archive": str(fetched.name),
            "time": rfc3339(source.time),
            "fingerprint": found,
            "vouched": fetched.vouched,
            "restored": result.rows,
            "restoredByKind": result.restored_by_kind,
            "keptBack": result.kept_back,
            "nextPreKeyId": result.next_pre_key_id or None,
            "told": result.told,
            "duration": round(seconds, 3),
            "code": result.code,
            "message": message,
        }

    def _look_again(self, writes: Writes) -> None:
        """Check whether a process writes to the restored rows, and so was not stopped."""
        if not self._restored:
            return
        writes.wait(AFTERWARDS_SECONDS, self._pause, self._interrupt.code)
        for session in self._restored:
            if writes.changed(session):
                text = (
                    f"a process has written to the session within {AFTERWARDS_SECONDS:.0f} seconds after the restore,"
                    " so it was not stopped, and what it held in memory may be in the table again."
                )
                self._add(session, "WrittenOver", text)

    def _add(self, session: str, code: str, text: str) -> None:
        shown = masked(session)
        self._problems.add_of(shown, Problem(f"{shown}: {text}", code=code))
