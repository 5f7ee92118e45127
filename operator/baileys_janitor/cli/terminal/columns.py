"""Fits columns into a terminal's width, so that no row is wrapped in the middle of a word.

Dispensable columns are left out first, in the caller's order; then names are cut in the middle; then long sentences
are wrapped between words. A pipe, a file and `-o wide` get every column whole.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final

GAP: Final = "  "
LEAST_NAME: Final = 12
"""The minimum width of a name, in columns of a terminal."""
LEAST_SENTENCE: Final = 24
CUT: Final = "…"


class Styled(str):
    """A cell with a colour: the parameters of the terminal's escape sequence."""

    __slots__ = ("style",)
    style: str

    @classmethod
    def of(cls, text: str, style: str) -> Styled:
        """Return a text that is shown in a style."""
        cell = cls(text)
        cell.style = style
        return cell


def fitted(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    drop: Sequence[str] = (),
    cut: Container[str] = (),
    fold: str | None = None,
    mark: str = CUT,
) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows fitted into `width` columns, as far as that is possible.

    `drop` names the columns to leave out, in this order; `cut` those whose text may be cut in the middle; `fold` the
    one to wrap. `mark` replaces the text that was cut out.
    """
    columns = [list(column) for column in zip(headings, *rows, strict=True)]
    for heading in drop:
        if _width(columns) <= width:
            break
        columns = [column for column in columns if column[0] != heading]
    for column in columns:
        if column[0] == fold:
            continue
        over = _width(columns, fold) - width
        if over > 0 and column[0] in cut:
            most = max(LEAST_NAME, max(map(columns_of, column)) - over)
            column[:] = [_cut(cell, most, mark) for cell in column]
    folding = [column[0] for column in columns].index(fold) if fold in headings else None
    lines = [list(line) for line in zip(*columns, strict=True)]
    if folding is not None and _width(columns) > width:
        rest = max(map(columns_of, columns[folding])) - (_width(columns) - width)
        lines = [
            each for line in lines for each in _folded(line, folding, max(LEAST_SENTENCE, rest))
        ]
    return lines[0], lines[1:]


def shortened(text: str, most: int, mark: str = CUT) -> str:
    """Return a text cut in the middle to at most `most` columns: its ends identify it best."""
    if columns_of(text) <= most:
        return text
    room = max(0, most - columns_of(mark))
    tail = ""
    for character in reversed(text):
        if columns_of(character + tail) > room // 2:
            break
        tail = character + tail
    head = ""
    for character in text:
        if columns_of(head + character) > room - columns_of(tail):
            break
        head += character
    return head + mark + tail


def _cut(cell: str, most: int, mark: str) -> str:
    short = shortened(cell, most, mark)
    return Styled.of(short, cell.style) if isinstance(cell, Styled) else short


def columns_of(text: str) -> int:
    """Return the width of a text in columns of a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def rendered(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Container[str],
    style: Callable[[str, str], str] | None = None,
) -> list[str]:
    """Return the lines of a table, columns two spaces apart; those named in `right` are aligned right.

    `style` colours a text, given a style; without it there are no colours.
    """
    lines = []
    table = [list(headings), *map(list, rows)]
    for heading, *cells in zip(*table, strict=True):
        sizes = [columns_of(cell) for cell in (heading, *cells)]
        widest = max(sizes)
        column = []
        for number, (cell, taken) in enumerate(zip((heading, *cells), sizes, strict=True)):
            gap = " " * (widest - taken)
            shown = cell
            if style is not None:
                chosen = "1" if number == 0 else getattr(cell, "style", "")
                shown = style(cell, chosen) if chosen else cell
            column.append(gap + shown if heading in right else shown + gap)
        lines.append(column)
    return list(map(GAP.join, zip(*lines, strict=True)))


def _width(columns: Sequence[Sequence[str]], but: str | None = None) -> int:
    """Return a table's width in columns of a terminal, with the column `but` at its minimum."""
    sizes = [
        min(LEAST_SENTENCE, widest) if column[0] == but else widest
        for column in columns
        for widest in [max(map(columns_of, column))]
    ]
    return sum(sizes) + len(GAP) * (len(columns) - 1)


def _folded(line: list[str], folding: int, most: int) -> list[list[str]]:
    parts = textwrap.wrap(line[folding], most, break_long_words=False, break_on_hyphens=False)
    first, *rest = parts or [line[folding]]
    lines = [[first if number == folding else cell for number, cell in enumerate(line)]]
    return lines + [
        [part if number == folding else "" for number in range(len(line))] for part in rest
    ]
