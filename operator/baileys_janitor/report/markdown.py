"""A report as Markdown: to read in a terminal, in a chat or in a repository."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from baileys_janitor.report import sentences
from baileys_janitor.report.model import (
    CheckDocument,
    IncidentDocument,
    ReportDocument,
    SessionDocument,
)
from baileys_janitor.report.sentences import kind, run_reason, why
from baileys_janitor.report.words import ago, day, listed, moment, number, seconds_of

MARK: Final = "<!-- baileys-janitor report -->"
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|&~]|^[#+-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_CODE: Final = re.compile(r"`([^`]+)`")
_ITEM: Final = re.compile(r"(?:- |\d+\. )(?:\[[x ]\] )?")
_ROWS: Final = 20
"""Sessions in the table: Markdown is read from top to bottom, so it shows only the fullest."""
_NAME_MOST: Final = 40


def render(report: ReportDocument) -> str:
    """Return the report as one Markdown document."""
    now = seconds_of(report["time"]) or 0.0
    parts: list[str] = [MARK, f"# {escaped(sentences.title(report))}", ""]
    parts += [f"**{escaped(sentences.headline(report))}**", ""]
    parts += [f"{sentences.period(report)}, made {moment(report['time'])}.", ""]
    lost = report.get("incident")
    if lost is not None:
        parts += _incident(lost)
    else:
        parts += [_tiles(report), ""]
    parts += _findings(report)
    if lost is None:
        parts += _checklists(report)
    parts += _sessions(report, now)
    parts += _cleanups(report)
    parts += _files(report)
    parts += _problems(report)
    parts += ["## About this report", ""]
    parts += [f"- {_sentence(each)}" for each in sentences.notes(report)]
    parts += ["", f"Made by baileys-janitor {report['version']}.", ""]
    return "\n".join(parts)


def incident(report: ReportDocument) -> str:
    """Return the steps for a session that was lost, and its checklist, without the rest of the report."""
    found = report["incident"]
    title = f"# {escaped(sentences.title(report))}"
    return "\n".join([MARK, title, "", *_incident(found)])


def escaped(text: str) -> str:
    """Return text of any origin escaped for Markdown, on one line."""
    plain = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
    return _SPECIAL.sub(r"\\\1", plain)


def wrapped(text: str, width: int) -> str:
    """Return a document for a terminal of that width: without the mark, long lines folded, tables unchanged."""
    lines = []
    for line in text.removeprefix(f"{MARK}\n").split("\n"):
        start = _ITEM.match(line)
        indent = " " * len(start.group()) if start else ""
        folded = textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        lines += [line] if line.startswith("|") or not folded else folded
    return "\n".join(lines)


def _sentence(text: str) -> str:
    """Return one of our sentences, in which commands are in backquotes; everything else is escaped."""
    parts = _CODE.split(text)
    return "".join(
        f"`{''.join(c for c in part if c.isprintable())}`" if odd % 2 else escaped(part)
        for odd, part in enumerate(parts)
    )


def _name(name: str) -> str:
    return escaped(name if len(name) <= _NAME_MOST else f"{name[: _NAME_MOST - 1]}…")


def _tiles(report: ReportDocument) -> str:
    rows = [(tile.label, tile.value, tile.note) for tile in sentences.tiles(report)]
    return _table(("", "", ""), rows, right={1})


def _table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()
) -> str:
    """Return a table with padded columns, so that its source is readable."""
    numeric = set(right)
    cells = [list(headings), *map(list, rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(headings))]

    def line(row: Sequence[str]) -> str:
        padded = [
            each.rjust(width) if column in numeric else each.ljust(width)
            for column, (each, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if column in numeric else "-" * width
        for column, width in enumerate(widths)
    ]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *map(line, cells[1:])])


def _findings(report: ReportDocument) -> Iterator[str]:
    if not report["findings"]:
        return
    yield from ("## What needs attention", "")
    for group in report["findings"]:
        names = listed([_name(each) for each in group["sessions"]], 5, group["count"])
        example = "" if group["count"] == 1 else " For the first of them:"
        yield f"- **{escaped(group['type'])}**: {names}.{example} {_sentence(group['message'])}"
    yield from ("", _sentence(sentences.where_to_look(report)), "")


def _checklists(report: ReportDocument) -> Iterator[str]:
    for key, heading in sentences.CHECKLISTS:
        yield from (f"## {heading}", "")
        yield from _checks(report["checks"][key])  # type: ignore[literal-required]  # of CHECKLISTS
        yield ""


def _checks(checks: Iterable[CheckDocument]) -> Iterator[str]:
    for each in checks:
        box = "x" if each["answer"] == "Good" else " "
        answer = "" if each["answer"] == "Good" else f"**{sentences.ANSWERS[each['answer']]}.** "
        yield f"- [{box}] {escaped(each['question'])} {answer}{_sentence(each['text'])}"


def _incident(lost: IncidentDocument) -> Iterator[str]:
    yield from ("## What to do", "")
    for place, step in enumerate(lost["steps"], 1):
        yield f"{place}. {_sentence(step)}"
    yield from ("", "## Recovery checklist", "")
    yield from _checks(lost["checks"])
    yield from ("", "## What happened", "")
    rows = [(moment(each["time"]), escaped(each["text"])) for each in lost["timeline"]]
    yield _table(("When", "What"), rows) if rows else "Nothing is recorded."
    yield ""


def _sessions(report: ReportDocument, now: float) -> Iterator[str]:
    sessions = report["sessions"][:_ROWS]
    if not sessions:
        return
    yield from ("## The fullest", "")
    headings = ("Session", "Level", "Files", "Limit on", "Cleaned", "Could go")
    yield _table(headings, [_row(each, now) for each in sessions], right={2, 5})
    shown = sentences.shown(report)
    if len(sessions) < report["shown"]["of"]:
        shown = f"The {len(sessions)} fullest of {number(report['shown']['of'])}; `-o json` has them all."
    yield from (("", _sentence(shown), "") if shown else ("",))


def _row(session: SessionDocument, now: float) -> tuple[str, ...]:
    limit = session["limit"]
    return (
        _name(session["name"]),
        escaped(session["level"]),
        _count(session["counted"]) + (f"/{limit}" if limit is not None else ""),
        day(session["forecast"]["emergency"]).rsplit(" ", 1)[0],
        ago(session["lastCleanup"], now),
        _count(session["reclaimable"]),
    )


def _count(count: int | None) -> str:
    return "–" if count is None else number(count)


def _cleanups(report: ReportDocument) -> Iterator[str]:
    cleanups = report["cleanups"]
    totals = cleanups["totals"]
    yield from (f"## Cleanups of the last {report['days']} days", "")
    yield from (_sentence(sentences.cleanups(report)), "")
    if totals["runs"]:
        yield from _counts(
            "Why they ran", {run_reason(k): n for k, n in cleanups["byReason"].items()}
        )
        yield from _counts("What went", {kind(k): n for k, n in cleanups["removedByKind"].items()})
        yield from _reasons("Why it went", cleanups["removedBecause"])
    yield from _reasons("Why the rest stays", cleanups["kept"])


def _counts(heading: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        rows = [(number(count), escaped(name)) for name, count in counts.items()]
        yield from (_table(("", heading), rows, right={0}), "")


def _reasons(heading: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        yield from (f"{heading}:", "")
        for code, count in counts.items():
            yield f"- {number(count)} {escaped(code)}. {escaped(why(code))}".rstrip()
        yield ""


def _files(report: ReportDocument) -> Iterator[str]:
    found = {kind(code): count for code, count in report["summary"]["byKind"].items() if count}
    if found:
        yield from ("## Files by kind", "")
        ordered = dict(sorted(found.items(), key=lambda one: -one[1]))
        yield from _counts("Kind", ordered)
        yield from (escaped(sentences.PRE_KEYS), "")


def _problems(report: ReportDocument) -> Iterator[str]:
    if report["problems"]:
        yield from ("## Not scanned", "")
        for each in report["problems"]:
            yield f"- {_name(each['name'])}: {_sentence(each['message'])}"
        yield ""
