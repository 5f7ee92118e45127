"""Charts as inline SVG. Each has a title and a description for screen readers; colours are in the stylesheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from baileys_janitor.report.html.markup import Markup, joined, tag
from baileys_janitor.report.model import WORST_FIRST, DayDocument, SessionDocument
from baileys_janitor.report.words import day, number, several, short

_WIDTH: Final = 640.0
_GAP: Final = 2.0


def picture(
    width: float, height: float, title: str, description: str, *parts: Markup, stretch: bool = False
) -> Markup:
    """Return an SVG. `stretch`: it fills the available width and keeps its height."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description) if description else Markup(""),
        *parts,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        preserveAspectRatio="none" if stretch else None,
    )


def dot(level: str) -> Markup:
    """Return a coloured dot, to be placed beside a word with the same meaning."""
    return tag(
        "svg", tag("circle", cx=5, cy=5, r=5, class_=level), viewBox="0 0 10 10", aria_hidden="true"
    )


def levels(by_level: dict[str, int]) -> Markup:
    """Return one bar, divided by level."""
    total = sum(by_level.values())
    shown = [(level, by_level.get(level, 0)) for level in reversed(WORST_FIRST)]
    shown = [(level, count) for level, count in shown if count]
    room = _WIDTH - _GAP * (len(shown) - 1)
    parts, x = [], 0.0
    # Rare levels must still be visible.
    widths = _at_least([room * count / total for _, count in shown], 6.0) if total else []
    for (level, _), width in zip(shown, widths, strict=True):
        parts.append(tag("rect", x=x, y=0, width=width, height=22, rx=3, class_=level))
        x += width + _GAP
    words = ", ".join(f"{number(count)} {level}" for level, count in shown) or "none"
    return picture(_WIDTH, 22, "Sessions by level", words, *parts, stretch=False)


def _at_least(widths: list[float], least: float) -> list[float]:
    """Return widths of at least `least`, taken from the widest."""
    short = sum(max(0.0, least - width) for width in widths)
    grown = [max(least, width) for width in widths]
    widest = grown.index(max(grown))
    grown[widest] -= short
    return grown


def removed_by_day(days: Sequence[DayDocument]) -> Markup:
    """Return a bar for each day: files that cleanups removed."""
    wide, height, foot, left = 420.0, 190.0, 20.0, 36.0
    most = max((each["removed"] for each in days), default=0)
    top = _round_up(most)
    room = height - foot - 12
    step = (wide - left) / max(1, len(days))
    parts = []
    for part in (0.0, 0.5, 1.0):
        y = 12 + room * (1 - part)
        parts.append(tag("line", x1=left, x2=wide, y1=y, y2=y, class_="axis"))
        label = short(round(top * part), full_below=10_000)
        parts.append(tag("text", label, x=left - 8, y=y + 4, text_anchor="end"))
    for place, each in enumerate(days):
        tall = room * each["removed"] / top
        x = left + place * step + step * 0.15
        if each["removed"]:
            tall = max(2.0, tall)
            y = 12 + room - tall
            said = f"{day(each['day'])}: {several(each['removed'], 'file')} in {several(each['runs'], 'cleanup')}"
            bar = tag(
                "rect",
                tag("title", said),
                x=x,
                y=y,
                width=step * 0.7,
                height=tall,
                rx=1.5,
                class_="bar",
            )
            parts.append(bar)
        elif each["runs"]:
            parts.append(
                tag("rect", x=x, y=12 + room - 1, width=step * 0.7, height=1, class_="bar-soft")
            )
    parts += _day_labels(days, left, step, height)
    total = sum(each["removed"] for each in days)
    best = max(days, key=lambda one: one["removed"], default=None)
    words = f"{several(total, 'file')} in {several(len(days), 'day')}"
    if best is not None and best["removed"]:
        words += f"; most on {day(best['day'])}: {number(best['removed'])}"
    return picture(wide, height, "Files removed each day", words, *parts)


def _day_labels(
    days: Sequence[DayDocument], left: float, step: float, height: float
) -> list[Markup]:
    """Label the first, the middle and the last day."""
    if not days:
        return []
    last = len(days) - 1
    wanted = {0: "start", last: "end"}
    if last >= 8:
        wanted[last // 2] = "middle"
    if last == 0:
        wanted = {0: "start"}
    edges = {"start": 0.0, "middle": 0.5, "end": 1.0}
    return [
        tag(
            "text",
            day(days[place]["day"]).rsplit(" ", 1)[0],
            x=left + (place + edges[anchor]) * step,
            y=height - 4,
            text_anchor=anchor,
        )
        for place, anchor in wanted.items()
    ]


def _round_up(most: int) -> int:
    """Return an even round number that is not smaller."""
    scale = 1
    while True:
        for lead in (2, 4, 6, 8, 10, 12, 16):
            if lead * scale >= most:
                return lead * scale
        scale *= 10


def filled(session: SessionDocument) -> Markup:
    """Return a bar with a session's count, its limit marked."""
    counted, limit = session["counted"], session["limit"]
    if counted is None or not limit:
        return Markup("")
    width, height = 140.0, 10.0
    end = max(limit * 1.15, float(counted))
    said = f"{number(counted)} of {number(limit)}"
    mark = width * limit / end
    return picture(
        width,
        height,
        said,
        "",
        tag("rect", x=0, y=0, width=width, height=height, class_="track"),
        tag(
            "rect",
            x=0,
            y=0,
            width=max(2.0, width * counted / end),
            height=height,
            class_=session["level"],
        ),
        tag("rect", x=mark - 0.75, y=0, width=1.5, height=height, class_="limit"),
        stretch=True,
    )


def trend(session: SessionDocument) -> Markup:
    """Return a line of the counts before and after each of the last cleanups, up to now."""
    points: list[int] = []
    for run in reversed(session["runs"]):
        points += [count for count in (run["before"], run["after"]) if count is not None]
    if session["counted"] is not None:
        points.append(session["counted"])
    if len(points) < 3:
        return Markup("")
    width, height = 100.0, 24.0
    low, high = min(points), max(points)
    span = max(1, high - low)
    step = (width - 8) / (len(points) - 1)
    places = [
        (4 + place * step, height - 4 - (height - 8) * (each - low) / span)
        for place, each in enumerate(points)
    ]
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    x, y = places[-1]
    said = f"Counted before and after cleanups: from {number(points[0])} to {number(points[-1])}"
    return picture(
        width,
        height,
        said,
        f"between {number(low)} and {number(high)}",
        tag("path", d=path, class_="trend"),
        tag("circle", cx=x, cy=y, r=2.6, class_="trend-end"),
    )


def proportion(part: int, whole: int, label: str) -> Markup:
    """Return a bar that shows one part of a whole."""
    width = 300.0
    return picture(
        width,
        10,
        label,
        "",
        joined(
            tag("rect", x=0, y=0, width=width, height=10, class_="track"),
            tag(
                "rect",
                x=0,
                y=0,
                width=max(1.5, width * part / max(1, whole)),
                height=10,
                class_="bar",
            ),
        ),
        stretch=True,
    )
