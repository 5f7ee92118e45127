"""Count a store of keys: one statement over the table, and the table's size on disk."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg.sql import SQL, Literal

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.adapter import PROTECTED_TYPES
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.postgres.checks import hindrances
from baileys_janitor.keystore.postgres.queries import Queries, identifier
from baileys_janitor.keystore.results import (
    AGE_BUCKETS,
    WORST_MAX,
    Report,
    TableFigures,
    TypeFigures,
)
from baileys_janitor.policy.counts import AGE_BOUNDS_DAYS
from baileys_janitor.policy.levels import counted_of, level
from baileys_janitor.policy.settings import DAY

if TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.policy.settings import Settings

_SIZES = """
SELECT coalesce(sum(pg_table_size(relid)), 0)::bigint, coalesce(sum(pg_indexes_size(relid)), 0)::bigint,
       sum(s.n_dead_tup)::bigint, extract(epoch FROM max(s.last_autovacuum))::float8
FROM (SELECT relid FROM pg_partition_tree(%s::oid::regclass) UNION SELECT %s::oid::regclass) AS parts
LEFT JOIN pg_stat_all_tables AS s USING (relid)
"""
# A writer that sets both times when it creates a row may set the second one a moment later.
_CLEARLY_LATER_SECONDS: Final = 60
#: Types whose rows expire. Only for these does it matter that the time moves.
_AGING: Final = ("session", "sender-key")
_FINITE: Final = SQL("CASE WHEN isfinite({0}) THEN {0} END")


class _Group(NamedTuple):
    """The keys of one type in one session."""

    session: str | None
    type: str
    keys: int
    bytes: int
    oldest: float | None
    newest: float | None
    younger: tuple[int, ...]
    undated: int
    moved: int


def make_report(database: Database, facts: Facts, settings: Settings) -> Report:
    """Return the store's current state, in a transaction of its own that only reads."""
    begun = time.monotonic()
    queries = Queries(facts)
    with database.transaction(read_only=True, patient=True):
        (now,) = database.row("SELECT extract(epoch FROM clock_timestamp())::float8")
        groups = [
            _Group._make((*row[:6], tuple(row[6:10]), *row[10:]))
            for row in database.rows(_statement(queries), (now,) * len(AGE_BOUNDS_DAYS))
        ]
        report = Report(
            time=now,
            server=facts.version,
            layout=facts.layout.preset,
            table=_sizes(database, facts),
            credentials=_credentials(database, facts, queries),
        )
    _add_groups(report, groups, dated=queries.updated is not None)
    aging = [each for each in groups if each.type in _AGING]
    if not aging or queries.created is not None:
        report.moved = not aging or any(each.moved for each in aging)
    _add_sessions(report, groups, facts, settings)
    report.hindrances = [(each.code, each.sentence) for each in reasons_against(facts, report)]
    report.duration_ms = int((time.monotonic() - begun) * 1000)
    return report


def reasons_against(facts: Facts, report: Report) -> list[KeystoreProblem]:
    """Return why nothing may be removed, judged by the catalogue and by the times in the table."""
    found = hindrances(facts)
    updated = facts.updated
    if updated is None or not updated.timestamp:
        return found
    if report.undated:
        found.append(
            KeystoreProblem(
                errors.TIMES_MISSING,
                f"{report.undated:,} rows have no time in {updated.name}, so it is not set by every write and nothing "
                "is removed: set it in a trigger or in the writer, and fill the gaps.",
            )
        )
    if report.keys and not report.moved and not facts.layout.every_write:
        since = (
            "no row was written after its creation"
            if report.moved is False
            else "no column says since when"
        )
        found.append(
            KeystoreProblem(
                errors.TIMES_UNPROVEN,
                f"Nothing shows that {updated.name} moves with every write of a row ({since}), and a time of "
                "creation says nothing of use: nothing is removed. Name the column of the creation "
                "(keys.columns.created), or set keys.updatedOnEveryWrite if you know that it does.",
            )
        )
    return found


def _statement(queries: Queries) -> Composed:
    updated = queries.updated
    times: list[Composable]
    if updated is None:
        times = [SQL("NULL::float8"), SQL("NULL::float8")]
        times += [SQL("count(*) FILTER (WHERE %s::float8 < 0)")] * len(AGE_BOUNDS_DAYS)
        times.append(SQL("0::bigint"))
    else:
        finite = _FINITE.format(updated)
        times = [
            SQL("extract(epoch FROM {}({}))::float8").format(SQL(each), finite)
            for each in ("min", "max")
        ]
        times += [
            SQL("count(*) FILTER (WHERE {} > to_timestamp(%s::float8 - {}))").format(
                updated, Literal(days * DAY)
            )
            for days in AGE_BOUNDS_DAYS
        ]
        times.append(SQL("count(*) FILTER (WHERE {} IS NULL)").format(updated))
    moved: Composable = SQL("0::bigint")
    if updated is not None and queries.created is not None:
        moved = SQL("count(*) FILTER (WHERE {} > {} + make_interval(secs => {}))").format(
            updated, queries.created, Literal(_CLEARLY_LATER_SECONDS)
        )
    return SQL(
        "SELECT {session}, {type}, count(*), coalesce(sum(pg_column_size({value})), 0)::bigint, {times}, {moved}"
        " FROM {table} AS k WHERE {keys} GROUP BY 1, 2"
    ).format(
        session=queries.session,
        type=queries.key_type,
        value=queries.value,
        times=SQL(", ").join(times),
        moved=moved,
        table=queries.table,
        keys=queries.is_key,
    )


def _add_groups(report: Report, groups: list[_Group], *, dated: bool) -> None:
    younger = [0] * len(AGE_BOUNDS_DAYS)
    for group in groups:
        figures = report.by_type.setdefault(group.type, TypeFigures())
        figures.count += group.keys
        figures.bytes += group.bytes
        figures.oldest = _least(figures.oldest, group.oldest)
        figures.newest = _most(figures.newest, group.newest)
        report.keys += group.keys
        report.bytes += group.bytes
        report.oldest = _least(report.oldest, group.oldest)
        report.newest = _most(report.newest, group.newest)
        report.undated += group.undated
        younger = [total + here for total, here in zip(younger, group.younger, strict=True)]
    report.by_type = dict(
        sorted(report.by_type.items(), key=lambda each: (-each[1].count, each[0]))
    )
    if dated:
        bounds = [0, *younger, report.keys - report.undated]
        counts = [above - below for below, above in pairwise(bounds)]
        report.ages = dict(zip(AGE_BUCKETS, counts, strict=True))


def _add_sessions(report: Report, groups: list[_Group], facts: Facts, settings: Settings) -> None:
    if facts.layout.countable_only:
        report.sessions = len({each.session for each in groups})
        return
    counts: dict[str, list[int]] = {}
    for group in groups:
        if group.session is None:
            continue
        found = counts.setdefault(group.session, [1, 0, 1])  # creds count as a file would
        found[0] += group.keys
        if group.type == "pre-key":
            found[1] += group.keys
        elif group.type in PROTECTED_TYPES:
            found[2] += group.keys
    report.sessions = len(counts)
    levelled: list[tuple[int, str, str]] = []
    for session, (total, pre_keys, protected) in counts.items():
        counted = counted_of(total, pre_keys, protected, settings)
        name = level(counted, settings.thresholds)
        report.levels[name] = report.levels.get(name, 0) + 1
        levelled.append((-counted, session, name))
    levelled.sort()
    report.worst = [(session, name, -counted) for counted, session, name in levelled[:WORST_MAX]]


def _credentials(database: Database, facts: Facts, queries: Queries) -> int:
    if facts.credentials is not None:
        statement = SQL("SELECT count(*) FROM {}").format(identifier(facts.credentials))
    else:
        statement = SQL("SELECT count(*) FROM {} AS k WHERE {}").format(
            queries.table, queries.is_creds
        )
    found: int = database.row(statement)[0]
    return found


def _sizes(database: Database, facts: Facts) -> TableFigures:
    table, indexes, dead, vacuumed = database.row(_SIZES, (facts.keys.oid, facts.keys.oid))
    return TableFigures(
        bytes=table,
        index_bytes=indexes,
        total_bytes=table + indexes,
        dead_rows=dead,
        last_autovacuum=vacuumed,
    )


def _least(one: Any, other: Any) -> Any:
    return one if other is None else other if one is None else min(one, other)


def _most(one: Any, other: Any) -> Any:
    return one if other is None else other if one is None else max(one, other)
