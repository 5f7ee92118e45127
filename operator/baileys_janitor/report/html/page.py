"""The layout of the HTML page."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from baileys_janitor.report import sentences
from baileys_janitor.report.html import charts
from baileys_janitor.report.html.markup import Markup, Part, joined, tag
from baileys_janitor.report.html.style import STYLE
from baileys_janitor.report.model import (
    CheckDocument,
    IncidentDocument,
    ReportDocument,
    SessionDocument,
)
from baileys_janitor.report.sentences import kind, run_reason, why
from baileys_janitor.report.words import (
    ago,
    day,
    listed,
    moment,
    number,
    rate,
    seconds_of,
    share,
)

MARK: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="generator" content="baileys-janitor report">'
)
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    f"{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
_CODE: Final = re.compile(r"`([^`]+)`")
_NAME_MOST: Final = 80
_SEVERITIES: Final = {1: "Note", 2: "Warning", 3: "Urgent"}


def render(report: ReportDocument) -> str:
    """Return the report as one HTML document."""
    incident = report.get("incident")
    parts: list[Part] = [_header(report)]
    if incident is None:
        parts += [_tiles(report), _findings(report), _pictures(report), _checklists(report)]
    else:
        parts += [_incident(incident), _findings(report)]
    parts += [_sessions(report), _cleanups(report), _files(report), _problems(report)]
    body = tag("body", tag("main", *parts, _footer(report)))
    return f"{MARK}{_head(report)}</head>{body}</html>\n"


def _head(report: ReportDocument) -> Markup:
    return joined(
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("meta", name_="robots", content="noindex"),
        tag("title", f"{sentences.title(report)}, {day(report['time'])}"),
        tag("style", Markup(STYLE)),
    )


def _header(report: ReportDocument) -> Markup:
    return tag(
        "header",
        tag("h1", sentences.title(report)),
        tag("p", sentences.headline(report), class_="headline"),
        tag(
            "p", f"{sentences.period(report)} · made {moment(report['time'])}", class_="quiet small"
        ),
    )


def _section(heading: str, *parts: Part, long: bool = False) -> Markup:
    return tag("section", tag("h2", heading), *parts, class_="long" if long else None)


def _sentence(text: str) -> Markup:
    """Return a sentence in which commands are in backquotes."""
    parts = _CODE.split(text)
    return joined(*(tag("code", part) if odd % 2 else part for odd, part in enumerate(parts)))


def _name(name: str) -> str:
    return name if len(name) <= _NAME_MOST else f"{name[: _NAME_MOST - 1]}…"


def _badge(text: str, class_: str, *before: Part) -> Markup:
    return tag("span", *before, text, class_=f"badge {class_}")


def _tiles(report: ReportDocument) -> Markup:
    return tag(
        "dl",
        [
            tag(
                "div",
                tag("dt", tile.label),
                tag(
                    "dd",
                    tile.value,
                    class_="value" if tile.value[:1] in "-0123456789<" else "value words",
                ),
                tag("dd", tile.note, class_="note"),
                class_="tile",
            )
            for tile in sentences.tiles(report)
        ],
        class_="tiles",
    )


def _findings(report: ReportDocument) -> Part:
    if not report["findings"]:
        return ""
    items = []
    for group in report["findings"]:
        severity = group["severity"]
        names = listed([_name(each) for each in group["sessions"]], 5, group["count"])
        example = "" if group["count"] == 1 else "For the first of them: "
        items.append(
            tag(
                "li",
                tag(
                    "div",
                    _badge(_SEVERITIES.get(severity, "Note"), f"s-{severity}"),
                    tag("b", _words(group["type"])),
                    tag("span", names, class_="quiet"),
                    class_="head",
                ),
                tag("p", example, _sentence(group["message"])),
            )
        )
    return _section(
        "What needs attention", tag("ul", items, class_="list"), _hint(report), long=True
    )


def _hint(report: ReportDocument) -> Markup:
    return tag("p", _sentence(sentences.where_to_look(report)), class_="quiet small more")


def _words(code: str) -> str:
    """Return a code such as DiskPressure as words: Disk pressure."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", code)
    return (words[:1] + words[1:].lower()).replace("re key", "re-key")


def _pictures(report: ReportDocument) -> Markup:
    by_level = report["summary"]["byLevel"]
    legend = [
        tag("li", charts.dot(level), tag("b", number(count)), f" {level}")
        for level, count in reversed(by_level.items())
        if count
    ]
    totals = report["cleanups"]["totals"]
    levels = _section(
        "Levels now",
        tag("figure", charts.levels(by_level), tag("ul", legend, class_="legend")),
        tag("h3", "Forecast", class_="more"),
        tag("p", _sentence(_forecast(report))),
    )
    removed = _section(
        "Removed each day",
        tag("figure", charts.removed_by_day(report["cleanups"]["days"]))
        if totals["removed"]
        else tag(
            "p",
            f"No cleanup of the last {report['days']} days removed anything, as far as is recorded.",
        ),
    )
    return tag("div", levels, removed, class_="pair")


def _forecast(report: ReportDocument) -> str:
    return next(each["text"] for each in report["checks"]["weekly"] if each["id"] == "trends")


def _checklists(report: ReportDocument) -> Part:
    checks = report["checks"]
    return [
        _section("It works when", _checks(checks["success"])),
        tag(
            "div",
            _section("Each week", _checks(checks["weekly"])),
            _section("Each month", _checks(checks["monthly"])),
            class_="pair",
        ),
    ]


def _checks(checks: Iterable[CheckDocument]) -> Markup:
    return tag(
        "ul",
        [
            tag(
                "li",
                tag(
                    "div",
                    _badge(sentences.ANSWERS[each["answer"]], f"a-{each['answer']}"),
                    tag("b", each["question"]),
                    class_="head",
                ),
                tag("p", _sentence(each["text"]), class_="quiet"),
            )
            for each in checks
        ],
        class_="list",
    )


def _incident(incident: IncidentDocument) -> list[Part]:
    rows = [
        tag("tr", tag("th", moment(each["time"]), scope="row"), tag("td", each["text"]))
        for each in incident["timeline"]
    ]
    table = tag(
        "table",
        tag("thead", tag("tr", tag("th", "When", scope="col"), tag("th", "What", scope="col"))),
        tag("tbody", rows),
    )
    return [
        _section(
            "What to do",
            tag("ol", [tag("li", _sentence(each)) for each in incident["steps"]], class_="steps"),
        ),
        _section("Recovery checklist", _checks(incident["checks"])),
        _section("What happened", table if rows else tag("p", "Nothing is recorded."), long=True),
    ]


_TREND: Final = "Trend"
_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("Session", ""),
    ("Level", ""),
    ("Files", "n"),
    ("Against the limit", "fill"),
    (_TREND, "line"),
    ("Growth a day", "n"),
    ("Limit reached", "n"),
    ("Last cleanup", "n"),
    ("Could go", "n"),
)


def _sessions(report: ReportDocument) -> Part:
    sessions = report["sessions"]
    if not sessions:
        return ""
    now = seconds_of(report["time"]) or 0.0
    # Leave out a column that is empty for every session.
    trends = [charts.trend(each) for each in sessions]
    columns = [each for each in _COLUMNS if any(trends) or each[0] != _TREND]
    head = [
        tag("th", name, scope="col", role="columnheader", class_=class_ or None)
        for name, class_ in columns
    ]
    table = tag(
        "table",
        tag("thead", tag("tr", head, role="row"), role="rowgroup"),
        tag(
            "tbody",
            [
                _row(each, trend if any(trends) else None, now)
                for each, trend in zip(sessions, trends, strict=True)
            ],
            role="rowgroup",
        ),
        class_="cards",
        # On a narrow screen a row is a block; the roles keep it a row for screen readers.
        role="table",
    )
    shown = sentences.shown(report)
    heading = "The session" if report.get("incident") else "The fullest"
    return _section(
        heading,
        table,
        tag("p", _sentence(shown), class_="quiet small more") if shown else "",
        long=True,
    )


def _row(session: SessionDocument, trend: Markup | None, now: float) -> Markup:
    growth = session["growthPerDay"]
    level = session["level"]
    cells = [
        _count(session["counted"]),
        "–" if growth is None else rate(growth),
        day(session["forecast"]["emergency"]),
        ago(session["lastCleanup"], now),
        _count(session["reclaimable"]),
    ]
    files, growth_cell, limit, cleaned, could = (
        tag("td", cell, class_="n", role="cell", data_label=label)
        for cell, label in zip(
            cells,
            ("Files", "Growth a day", "Limit reached", "Last cleanup", "Could go"),
            strict=True,
        )
    )
    return tag(
        "tr",
        tag("th", _name(session["name"]), scope="row", role="rowheader"),
        tag("td", _badge(level, f"l-{level}", charts.dot(level)), role="cell"),
        files,
        tag("td", charts.filled(session), class_="fill", role="cell"),
        "" if trend is None else tag("td", trend, class_="line", role="cell"),
        growth_cell,
        limit,
        cleaned,
        could,
        role="row",
    )


def _count(count: int | None) -> str:
    return "–" if count is None else number(count)


def _cleanups(report: ReportDocument) -> Markup:
    cleanups = report["cleanups"]
    ran = {run_reason(code): count for code, count in cleanups["byReason"].items()}
    went = {kind(code): count for code, count in cleanups["removedByKind"].items()}
    return _section(
        f"Cleanups of the last {report['days']} days",
        tag("p", _sentence(sentences.cleanups(report))),
        _bars("Why they ran", ran),
        _bars("What went", went),
        _reasons("Why it went", cleanups["removedBecause"]),
        _reasons("Why the rest stays", cleanups["kept"]),
        long=True,
    )


def _bars(heading: str, counts: Mapping[str, int]) -> Part:
    if not counts:
        return ""
    whole = sum(counts.values())
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", charts.proportion(count, whole, share(count, whole)), class_="fill"),
            tag("td", number(count), class_="n"),
        )
        for name, count in counts.items()
    ]
    return tag(
        "div",
        tag("h3", heading) if heading else "",
        tag("table", tag("tbody", rows), class_="bars"),
        class_="more",
    )


def _reasons(heading: str, counts: Mapping[str, int]) -> Part:
    if not counts:
        return ""
    rows = [
        tag(
            "tr",
            tag("th", _words(code), tag("div", why(code), class_="quiet small"), scope="row"),
            tag("td", number(count), class_="n"),
        )
        for code, count in counts.items()
    ]
    return tag("div", tag("h3", heading), tag("table", tag("tbody", rows)), class_="more")


def _files(report: ReportDocument) -> Part:
    found = {kind(code): count for code, count in report["summary"]["byKind"].items() if count}
    if not found:
        return ""
    ordered = dict(sorted(found.items(), key=lambda one: -one[1]))
    return _section(
        "Files by kind",
        _bars("", ordered),
        tag("p", sentences.PRE_KEYS, class_="quiet small more"),
    )


def _problems(report: ReportDocument) -> Part:
    if not report["problems"]:
        return ""
    items = [
        tag(
            "li",
            tag("div", tag("b", _name(each["name"])), class_="head"),
            tag("p", _sentence(each["message"])),
        )
        for each in report["problems"]
    ]
    return _section("Not scanned", tag("ul", items, class_="list"), long=True)


def _footer(report: ReportDocument) -> Markup:
    return tag(
        "footer",
        tag("h2", "About this report"),
        tag("ul", [tag("li", _sentence(each)) for each in sentences.notes(report)]),
        tag("p", f"Made by baileys-janitor {report['version']}.", class_="more"),
        class_="quiet small",
    )
