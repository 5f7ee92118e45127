"""Drill archives of rows in a Job: load them into temporary tables of a database that exists only for drills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from baileys_janitor.backup.job.work import IN_A_CLUSTER, Found, carry_out
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.job.words import in_a_cluster
from baileys_janitor.keystore.layout import layout_of

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.drill import DrillResult
    from baileys_janitor.backup.fetch import Wanted
    from baileys_janitor.backup.job.task import BackupTask, Member
    from baileys_janitor.backup.stores.repository import Repository
    from baileys_janitor.keystore.job.task import StoreTask


def rehearse(
    store: StoreTask,
    authority: str | None,
    task: BackupTask,
    member: Member,
    places: Sequence[int],
    tell: Callable[[Found], None],
) -> Found:
    """Drill one session from each of these repositories. Never raises."""
    return carry_out(task, member, places, tell, partial(_drill, store, authority))


def _drill(
    store: StoreTask,
    authority: str | None,
    repository: Repository,
    wanted: Wanted,
    identities: Identities | None,
    now: float,
) -> DrillResult:
    from baileys_janitor.backup.drill import DrillResult
    from baileys_janitor.keystore.backup.drill import drill_rows
    from baileys_janitor.keystore.postgres.checks import inspect
    from baileys_janitor.keystore.postgres.connect import Database, Limits, read_url

    limits = Limits(store.batch, 0, store.statement_timeout, store.lock_timeout, store.duration)
    try:
        with Database(read_url(store.url_file), authority, limits) as database:
            facts = inspect(database, layout_of(dict(store.keys), dict(store.credentials)))
            found = drill_rows(database, facts, repository, wanted, identities, now)
            if found.message is not None:
                found.message = IN_A_CLUSTER.get(found.code or "", found.message)
    except KeystoreProblem as problem:
        found = DrillResult()
        found.code, found.message = problem.code, problem.sentence
    if found.message is not None:
        found.message = in_a_cluster(found.message)
    return found
