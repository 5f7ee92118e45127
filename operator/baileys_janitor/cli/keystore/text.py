"""Formats the reports of a key store for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.keystore.results import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from baileys_janitor.keystore.results import CleanResult, Report

_AGES: Final = {
    "under1d": "under 1 day",
    "from1dTo7d": "1 to 7 days",
    "from7dTo14d": "7 to 14 days",
    "from14dTo30d": "14 to 30 days",
    "over30d": "over 30 days",
}
_LEVELS: Final = ("Emergency", "Critical", "Warning", "Healthy")
_WORST_SHOWN: Final = 5


def print_lines(lines: Iterable[str]) -> None:
    """Print lines."""
    write("".join(f"{line.rstrip()}\n" for line in lines))


def report_lines(report: Report) -> list[str]:
    """Return the lines of a report: totals, sizes, oldest and newest, ages with percentages, types, sessions."""
    table = report.table
    sizes = f"table {_size(table.bytes)}, indexes {_size(table.index_bytes)}, all {_size(table.total_bytes)}"
    lines = [
        (
            f"Keys      {report.keys:,} in {formatting.counted(report.sessions, 'session')}"
            f" ({report.credentials:,} with creds), values {_size(report.bytes)}"
        ),
        f"Size      {sizes}",
        f"Database  PostgreSQL {_version(report.server)}, layout {report.layout}",
    ]
    if table.dead_rows is not None:
        vacuumed = formatting.rfc3339(table.last_autovacuum) or "never"
        lines.append(f"Vacuum    {table.dead_rows:,} dead rows, last autovacuum {vacuumed}")
    if report.ages is not None:
        lines += [
            f"Oldest    {_time(report.oldest, report.time)}",
            f"Newest    {_time(report.newest, report.time)}",
            "",
            *_columns(("LAST WRITE", "KEYS", "SHARE"), _age_rows(report)),
        ]
    return [*lines, "", *_columns(_TYPE_HEADINGS, _type_rows(report)), "", *_session_lines(report)]


def clean_lines(result: CleanResult, *, applied: bool, undo_window: str) -> list[str]:
    """Return the lines of a cleanup or its dry run: removed keys by type, bytes, counts before and after."""
    verb = "Removed" if applied else "Removable"
    by_type = ", ".join(f"{name} {number:,}" for name, number in sorted(result.by_type.items()))
    lines = [f"{verb:9} {_keys(result.removed)}{f' ({by_type})' if by_type else ''}"]
    if result.removed:
        lines.append(f"Sessions  {result.cleaned:,} of {result.sessions:,}")
    lines.append(_space(result, applied=applied))
    if result.left:
        lines.append(f"Left      {_keys(result.left)} for the next run")
    if result.changed:
        lines.append(f"Changed   {_keys(result.changed)} written or held by another process stay")
    for code, number in sorted(result.refused.items()):
        lines.append(f"Untouched {formatting.counted(number, 'session')}: {_why(code)}")
    if applied and result.before is not None and result.after is not None:
        lines += [
            f"Before    {result.before.keys:,} keys, {_size(result.before.table.total_bytes)}",
            f"After     {result.after.keys:,} keys, {_size(result.after.table.total_bytes)}",
        ]
    if result.purged:
        lines.append(f"Purged    {result.purged:,} rows of earlier runs, whose undo window is over")
    lines.append(f"Duration  {result.duration_ms / 1000:.2f}s")
    if applied and result.removed:
        command = f"baileys-janitor keystore undo --run {result.run}"
        kept = (
            f"To put them back within {undo_window}, with the same database and layout: {command}"
        )
        lines.append(kept if result.archived else "They cannot be put back: no undo was kept.")
    elif result.removed:
        lines.append("Nothing was removed. To remove them, run the same command with --apply.")
    return lines


def fullest_lines(report: Report) -> list[str]:
    """Return a row for each of the fullest sessions."""
    rows = [(masked(session), level, f"{counted:,}") for session, level, counted in report.worst]
    return ["", *_columns(("SESSION", "LEVEL", "COUNTED"), rows), ""] if rows else []


def hindrance_lines(report: Report) -> list[str]:
    """Return a line for each reason why nothing may be removed."""
    return [f"Not cleaned: {sentence}" for _, sentence in report.hindrances]


_TYPE_HEADINGS: Final = ("TYPE", "KEYS", "SIZE", "OLDEST", "NEWEST")


def _age_rows(report: Report) -> list[tuple[str, ...]]:
    dated = sum((report.ages or {}).values())
    rows: list[tuple[str, ...]] = [
        (_AGES[name], f"{count:,}", f"{100 * count / dated:.1f}%" if dated else "-")
        for name, count in (report.ages or {}).items()
    ]
    if report.undated:
        rows.append(("no time", f"{report.undated:,}", "-"))
    return rows


def _type_rows(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{each.count:,}",
            _size(each.bytes),
            _age(each.oldest, report.time),
            _age(each.newest, report.time),
        )
        for name, each in report.by_type.items()
    ]


def _session_lines(report: Report) -> list[str]:
    if not report.levels:
        return []
    levels = ", ".join(
        f"{report.levels[each]:,} {each}" for each in _LEVELS if each in report.levels
    )
    lines = [f"Sessions  {levels}"]
    fullest = [
        f"{masked(session)} {counted:,}" for session, _, counted in report.worst[:_WORST_SHOWN]
    ]
    return [*lines, f"Fullest   {', '.join(fullest)}"]


def _space(result: CleanResult, *, applied: bool) -> str:
    rows = _size(result.row_bytes)
    if not applied:
        return f"Space     about {rows} of values, which new rows would use again"
    returned = _size(result.returned_bytes or 0)
    return f"Space     {rows} of rows, which new rows use again; {returned} returned to the disk"


def _why(code: str) -> str:
    from baileys_janitor.policy.reasons import explain

    if code == "EncodedTwice":
        return "their creds are a text inside a text: set --encoding JsonTextTwice."
    return explain(code).replace("creds.json", "creds")


def _columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows under headings; all but the first column are aligned right."""
    table = [headings, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(headings))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]


def _version(number: int) -> str:
    return f"{number // 10_000}.{number % 10_000}"


def _time(seconds: float | None, now: float) -> str:
    return f"{formatting.rfc3339(seconds) or '-'} ({_age(seconds, now)} ago)"


def _age(seconds: float | None, now: float) -> str:
    return "-" if seconds is None else formatting.age(now - seconds)


def _keys(number: int) -> str:
    return f"{number:,} key{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    return formatting.size(count)
