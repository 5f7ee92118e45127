"""Clean a store of keys, session by session, by the same rules as for files.

Each session has a transaction of its own: its lock, its identity, its rows, the plan, and the first batch of removals.
Further batches have transactions of their own, which take the lock and read the identity again. A kill at any moment
loses nothing: rows removed by a transaction are in the archive, and all others are still in the table.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.adapter import TYPE_OF_KIND
from baileys_janitor.keystore.errors import DECLINED, KeystoreProblem
from baileys_janitor.keystore.postgres.state import SCHEMA, State
from baileys_janitor.keystore.report import make_report, reasons_against
from baileys_janitor.keystore.restored import Restored
from baileys_janitor.keystore.results import CleanResult
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.policy.ages.ages import Ages
from baileys_janitor.policy.ages.running import advance, observe, recount
from baileys_janitor.policy.cleanup.plan import make_plan
from baileys_janitor.policy.files.file_kinds import REMOVABLE_KINDS
from baileys_janitor.volume.errors import DEADLINE_REACHED, ENDED
from baileys_janitor.volume.report.results import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
    REPEATED,
)
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.keystore.session import Listing
    from baileys_janitor.policy.ages.running import Memory
    from baileys_janitor.policy.cleanup.plan import Plan, Removal
    from baileys_janitor.policy.settings import Settings

CHANGED: Final = "Changed"
DEFAULT_UNDO_WINDOW: Final = 72 * 3600.0


class Keeping(NamedTuple):
    """The data that a run stores: an archive for undo and the memory of running time; and for how long.

    Both need tables in `schema`. Without `archive` an undo is impossible; without `memory` ages are computed from the
    rows alone.
    """

    archive: bool = True
    memory: bool = True
    schema: str = SCHEMA
    undo_window: float = DEFAULT_UNDO_WINDOW


def show_nobody(session: str, listing: Listing, plan: Plan) -> None:
    """Ignore a plan: the default observer."""


class Cleaning:
    """One run.

    `stop` returns a code when the run is to end between two transactions; `progress` receives the numbers of sessions
    done and known; `watch` receives each plan before it is carried out; `pause` waits for a number of seconds.
    """

    def __init__(
        self,
        database: Database,
        facts: Facts,
        settings: Settings,
        run: str,
        *,
        reason: str = "",
        keeping: Keeping | None = None,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        watch: Callable[[str, Listing, Plan], None] = show_nobody,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._facts = facts
        self._settings = settings
        self._run = run
        self._reason = reason
        self._keeping = keeping or Keeping()
        self._stop = stop
        self._progress = progress
        self._watch = watch
        self._pause = pause
        self._sessions = Sessions(database, facts)
        self._state: State | None = None
        self._begun = time.monotonic()
        self.result = CleanResult(run=run, outcome=REFUSED)

    def dry_run(self) -> CleanResult:
        """Return what a run would do now. Writes nothing. Errors are in the result."""
        return self._guarded(self._look_only)

    def apply(self) -> CleanResult:
        """Carry out the run. Errors are in the result: outcome Refused or Failed, a code and a sentence."""
        return self._guarded(self._remove)

    def _guarded(self, work: Callable[[], None]) -> CleanResult:
        result = self.result
        try:
            result.before = make_report(self._database, self._facts, self._settings)
            result.time = result.before.time
            against = reasons_against(self._facts, result.before)
            if against:
                raise against[0]
            work()
        except KeystoreProblem as problem:
            result.code, result.message = problem.code, problem.sentence
            declined = problem.code in DECLINED and not result.removed
            result.outcome = REFUSED if declined else FAILED
        result.duration_ms = int((time.monotonic() - self._begun) * 1000)
        return result

    # A dry run.

    def _look_only(self) -> None:
        keeping = self._keeping
        if keeping.memory:
            state = State(self._database, self._facts, keeping.schema)
            self._state = state if state.readable else None
        for session in self._each():
            with self._database.transaction(read_only=True):
                listing, plan, _ = self._decide(session)
            if plan.removals:
                self._watch(session, listing, plan)
                self.result.cleaned += 1
            for each in plan.removals:
                self._count(each)
                self.result.row_bytes += each.entry.size
        if self.result.code is None:
            self.result.outcome = DRY_RUN

    # A run.

    def _remove(self) -> None:
        result, keeping = self.result, self._keeping
        if keeping.archive or keeping.memory:
            self._state = state = State(self._database, self._facts, keeping.schema)
            if keeping.archive and not self._facts.keys.insertable:
                raise KeystoreProblem(
                    errors.RIGHTS_MISSING,
                    f"This user lacks INSERT on {self._facts.keys.name}, so no undo could put a row back: "
                    "`baileys-janitor keystore grants` prints the rights it needs.",
                )
            state.ensure()
            earlier = state.claim(self._run, self._reason)
            if earlier is not None:
                result.outcome, result.code = REPEATED, earlier["outcome"]
                result.removed = earlier["removed"]
                return
            state.bury()
            result.purged = state.purge(keeping.undo_window)
            Restored(self._database, self._facts, keeping.schema).purge(keeping.undo_window)
        result.archived = keeping.archive
        try:
            for session in self._each():
                self._clean(session)
        finally:
            self._settle()
        if self._state is not None:
            if keeping.undo_window <= 0:
                result.purged += self._state.purge(0)
                result.archived = False
            self._state.end(
                self._run, result.outcome, result.removed, json.dumps(_recorded(result))
            )

    def _settle(self) -> None:
        """Set the outcome, and report on the store again."""
        result = self.result
        if result.code in ENDED or result.left or result.busy:
            result.outcome = CAPPED
        else:
            result.outcome = COMPLETED if result.removed else NOTHING_TO_DO
        if result.removed and result.before is not None:
            result.after = make_report(self._database, self._facts, self._settings)
            result.returned_bytes = max(
                0, result.before.table.total_bytes - result.after.table.total_bytes
            )
        elif result.before is not None:
            result.after, result.returned_bytes = result.before, 0

    def _each(self) -> Iterator[str]:
        """Yield the sessions until the run is to end; the result then has the reason."""
        names = self._sessions.names()
        deadline = self._begun + self._database.limits.duration
        for done, session in enumerate(names):
            code = self._stop() or (DEADLINE_REACHED if time.monotonic() > deadline else None)
            if code is not None:
                self.result.code = code
                return
            yield session
            self._progress(done + 1, len(names))

    def _clean(self, session: str) -> None:
        database, result = self._database, self.result
        begun = time.monotonic()
        removed = False
        with database.transaction():
            if not self._sessions.lock(session):
                result.busy += 1
                return
            listing, plan, memory = self._decide(session)
            batches = list(_batches(plan.removals, database.limits.batch))
            left = {id(each) for each in listing.entries}
            if batches:
                self._watch(session, listing, plan)
                removed = self._batch(session, listing, plan, batches[0], left)
            self._note(session, listing, memory, left)
        if removed:
            result.cleaned += 1
            self._rest(begun)
        for number, batch in enumerate(batches[1:], 1):
            code = self._stop()
            result.code = code or result.code
            if code is not None or not self._further(session, listing, plan, memory, batch, left):
                result.left += sum(len(each) for each in batches[number:])
                return

    def _further(
        self,
        session: str,
        listing: Listing,
        plan: Plan,
        memory: Memory | None,
        batch: list[Removal],
        left: set[int],
    ) -> bool:
        """Remove another batch of a plan; False where the session has changed since the plan was made."""
        begun = time.monotonic()
        with self._database.transaction():
            if not self._sessions.lock(session):
                return False
            now = self._sessions.creds(session).identity
            then = listing.creds.identity
            if (now.state, now.fingerprint, now.own_users) != (
                then.state,
                then.fingerprint,
                then.own_users,
            ):
                return False
            self._batch(session, listing, plan, batch, left)
            self._note(session, listing, memory, left)
        self._rest(begun)
        return True

    def _batch(
        self,
        session: str,
        listing: Listing,
        plan: Plan,
        batch: list[Removal],
        left: set[int],
    ) -> bool:
        """Remove a batch in the caller's transaction; return whether any row was removed."""
        assert all(each.entry.kind in REMOVABLE_KINDS for each in batch), plan.refused
        begun = time.monotonic()
        gone = self._sessions.remove(
            session,
            listing,
            batch,
            run=self._run,
            state=self._state if self._keeping.archive else None,
        )
        self.result.delete_ms += (time.monotonic() - begun) * 1000
        for place, size in gone:
            self._count(batch[place])
            self.result.row_bytes += size
            left.discard(id(batch[place].entry))
        stayed = len(batch) - len(gone)
        self.result.changed += stayed
        if stayed:
            self.result.kept[CHANGED] = self.result.kept.get(CHANGED, 0) + stayed
        return bool(gone)

    def _note(self, session: str, listing: Listing, memory: Memory | None, left: set[int]) -> None:
        """Store, in the transaction of the removal, the session's memory and that the run is alive."""
        if self._state is None:
            return
        if memory is not None and self._keeping.memory:
            still = [each for each in listing.entries if id(each) in left]
            self._state.remember(session, recount(memory, still))
        self._state.alive(self._run, self.result.removed)

    def _rest(self, begun: float) -> None:
        self.result.remover_ms += round((time.monotonic() - begun) * 1000)
        self._pause(self._database.limits.pause)

    # Both.

    def _decide(self, session: str) -> tuple[Listing, Plan, Memory | None]:
        """Read a session in the caller's transaction; return its listing, the plan, and the updated memory."""
        result = self.result
        (now,) = self._database.row("SELECT extract(epoch FROM clock_timestamp())::float8")
        listing = self._sessions.look(session)
        identity = listing.creds.identity
        known = self._state.memory(session) if self._state and self._keeping.memory else None
        look = observe(listing.entries, identity, known, now)
        memory = None if look is None else advance(known, look, self._settings.longest_age)
        ages = Ages(None, 0) if look is None else Ages(memory, look.now)
        plan = make_plan(listing.entries, identity, self._settings, now, ages)
        result.sessions += 1
        if plan.refused is not None:
            code = listing.creds.oddity or plan.refused
            result.refused[code] = result.refused.get(code, 0) + 1
        for reason, number in plan.kept.items():
            result.kept[reason] = result.kept.get(reason, 0) + number
        result.left += plan.left
        return listing, plan, memory

    def _count(self, removal: Removal) -> None:
        result = self.result
        key_type = TYPE_OF_KIND[removal.entry.kind]
        result.removed += 1
        result.by_type[key_type] = result.by_type.get(key_type, 0) + 1
        result.by_reason[removal.reason] = result.by_reason.get(removal.reason, 0) + 1


def _batches(removals: list[Removal], most: int) -> Iterator[list[Removal]]:
    """Yield removals in their order, at most `most` at once; a unit is never split."""
    batch: list[Removal] = []
    start = 0
    while start < len(removals):
        end = start + 1
        while end < len(removals) and removals[end].unit == removals[start].unit:
            end += 1
        if batch and len(batch) + end - start > most:
            yield batch
            batch = []
        batch.extend(removals[start:end])
        start = end
    if batch:
        yield batch


def _recorded(result: CleanResult) -> dict[str, object]:
    """Return the part of a result that the run's record keeps."""
    data = result.to_data()
    return {key: value for key, value in data.items() if key not in ("before", "after")}
