"""Back up the sessions of a store: each is read in one short transaction, and put while none is open."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from baileys_janitor.backup.names import KEY_STORE, tenant_of
from baileys_janitor.backup.results import BackupResult, Destination, Keep
from baileys_janitor.backup.run import back_up_source
from baileys_janitor.backup.source import Rows
from baileys_janitor.keystore.backup.memory import NoMemory, StoreMemory, as_source
from baileys_janitor.keystore.backup.rows import SessionRows, require_backupable
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import SEPARATOR
from baileys_janitor.keystore.session import Sessions

if TYPE_CHECKING:
    from baileys_janitor.backup.memory import Memory
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database


class BackingUp:
    """The parameters for backing up the sessions of one store; `memory` is None to remember nothing.

    `quiesced`: no process uses any of them. `named` derives the tenant's part of an archive's name from a session's.
    """

    def __init__(
        self,
        database: Database,
        facts: Facts,
        *,
        destinations: Sequence[Destination],
        recipients: Sequence[str],
        keep: Keep,
        memory: StoreMemory | None,
        namespace: str = KEY_STORE,
        force: bool = False,
        quiesced: bool = False,
        named: Callable[[str], str] = tenant_of,
    ) -> None:
        require_backupable(facts)
        if memory is not None:
            memory.ensure()
        self._database = database
        self.destinations = destinations
        self._recipients = recipients
        self._keep = keep
        self._memory = memory
        self._namespace = namespace
        self._force = force
        self._quiesced = quiesced
        self.named = named
        self._rows = SessionRows(database, facts)
        self.sessions = sorted(Sessions(database, facts).names())

    def memory_of(self, session: str) -> Memory:
        """Return the memory of a session's archives."""
        return NoMemory() if self._memory is None else self._memory.of(session)

    def back_up(
        self, session: str, now: float | None = None, memory: Memory | None = None
    ) -> BackupResult:
        """Back up one session at `now` (Unix seconds). Errors of the database or a store are in the result.

        `memory` is a result of `memory_of`, for a caller that reads it afterwards.
        """
        tenant = self.named(session)

        def read(moment: float) -> Rows:
            try:
                with self._database.transaction(read_only=True, patient=True, one_moment=True):
                    snapshot = self._rows.snapshot(
                        session, moment, self._beginning_like(session), quiesced=self._quiesced
                    )
            except KeystoreProblem as problem:
                raise as_source(problem) from None
            return Rows(snapshot, self._namespace, tenant)

        return back_up_source(
            read,
            memory or self.memory_of(session),
            namespace=self._namespace,
            tenant=tenant,
            destinations=self.destinations,
            recipients=self._recipients,
            keep=self._keep,
            now=time.time() if now is None else now,
            force=self._force,
        )

    def _beginning_like(self, session: str) -> list[str]:
        """Return the sessions whose names start with this one's and the separator."""
        beginning = session + SEPARATOR
        found = []
        for each in self.sessions[bisect_left(self.sessions, beginning) :]:
            if not each.startswith(beginning):
                break
            found.append(each)
        return found
