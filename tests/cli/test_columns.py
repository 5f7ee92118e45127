"""Tables fit a terminal of 80 columns; a wide one, `-o wide` and a pipe show all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.terminal.columns import (
    CUT,
    LEAST_NAME,
    LEAST_SENTENCE,
    Styled,
    columns_of,
    fitted,
    rendered,
    shortened,
)
from baileys_janitor.cli.terminal.output import folded
from tests.cli.sessions import company, janitor, terminal

TEXTS = st.text(st.sampled_from("ab 7-é日本漢"), max_size=40).map(str.strip)
HEADINGS = ("NAME", "FILES", "SIZE", "WHY")
SENTENCES = st.text(st.sampled_from("ab 7-."), max_size=60).map(str.strip)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS, SENTENCES), max_size=5)
LONG = "a-gateway-with-a-very-long-name-that-ends-in-the-number-4711"
PLAIN = {"NO_COLOR": "1"}


@given(TEXTS, st.integers(0, 45))
def test_a_name_is_cut_in_the_middle_to_what_fits(text: str, most: int) -> None:
    short = shortened(text, most)
    assert columns_of(short) <= max(most, 1)
    if columns_of(text) <= most:
        assert short == text
    else:
        head, tail = short.split(CUT)
        assert text.startswith(head)
        assert text.endswith(tail)


@given(ROWS, st.integers(10, 200))
def test_a_row_fits_unless_what_must_stay_does_not(
    rows: list[tuple[str, str, str, str]], width: int
) -> None:
    headings, lines = fitted(HEADINGS, rows, width, drop=("SIZE",), cut={"NAME"}, fold="WHY")
    table = [headings, *lines]
    for line in rendered(headings, lines, {"FILES"}):
        words = [word for row in table for word in row[headings.index("WHY")].split() or [""]]
        least = max(LEAST_SENTENCE, *map(columns_of, words))
        kept = LEAST_NAME + max(columns_of(row[1]) for row in table) + least + 4
        assert columns_of(line.rstrip()) <= max(width, kept)
    # Nothing of a sentence is lost, however it is folded.
    why = headings.index("WHY")
    assert " ".join(line[why] for line in lines).split() == " ".join(row[3] for row in rows).split()


@given(ROWS)
def test_nothing_is_changed_where_all_fits(rows: list[tuple[str, str, str, str]]) -> None:
    headings, lines = fitted(HEADINGS, rows, 300, drop=("SIZE",), cut={"NAME"}, fold="WHY")
    assert headings == list(HEADINGS)
    assert lines == [list(row) for row in rows]


def test_a_cut_cell_keeps_its_colour() -> None:
    cell = Styled.of("x" * 40, "31")
    headings, [[short]] = fitted(["NAME"], [[cell]], 20, cut={"NAME"})
    assert rendered(headings, [[short]], (), lambda text, style: f"<{style}>{text}")[1].startswith(
        "<31>x"
    )


def test_sentences_are_folded_between_words_and_commands_are_not() -> None:
    line = "One sentence that is longer than twenty columns."
    assert folded(line, 20) == ["One sentence that is", "  longer than twenty", "  columns."]
    assert folded(line, None) == [line]
    command = f"  {line}"
    assert folded(command, 20) == [command]


@pytest.fixture(scope="module")
def fleet_of_long_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    for name in (f"{LONG}-1", f"{LONG}-2"):
        company(root / "gateways", name, "old")
    return root


def rows_of(shown: str) -> list[str]:
    """The lines of the first table: up to the first line that is none of its."""
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "").splitlines()
    start = next(number for number, line in enumerate(lines) if "LEVEL" in line or "RUN" in line)
    return lines[start : start + 3]


@pytest.mark.parametrize("command", ["scan", "clean"])
@pytest.mark.parametrize("columns", [80, 200])
def test_a_table_fits_the_terminal(fleet_of_long_names: Path, command: str, columns: int) -> None:
    code, shown = terminal(command, fleet_of_long_names, env=PLAIN, columns=columns)
    assert code == 0
    heading, *rows = rows_of(shown)
    assert max(map(len, (heading, *rows))) <= columns
    whole = [f"gateways/{LONG}-{number}" in row for number, row in enumerate(rows, 1)]
    if columns == 200:
        assert whole == [True, True]
    else:
        assert all(CUT in row and f"-{number} " in row for number, row in enumerate(rows, 1))
        assert not any(whole)


def test_wide_shows_all_at_any_terminal(fleet_of_long_names: Path) -> None:
    _, shown = terminal("scan", fleet_of_long_names, "-o", "wide", env=PLAIN, columns=80)
    heading, *rows = rows_of(shown)
    assert heading.split()[-2:] == ["IDENTITY", "PATH"]
    assert all(f"company_{LONG}" in row and CUT not in row for row in rows)


def test_sentences_at_a_terminal_are_never_folded_in_a_word(tmp_path: Path) -> None:
    session = company(tmp_path, "1", "old")
    session.chmod(0o755)
    _, shown = terminal("scan", session, env=PLAIN, columns=80)
    _, piped, _ = janitor("scan", session)
    prose = [line for line in shown.replace("\r", "").splitlines() if "chmod" not in line]
    assert max(map(len, prose)) <= 80
    assert set(" ".join(prose).split()) <= set(piped.split())


def test_a_pipe_gets_full_names_and_no_box_whatever_the_terminal(fleet_of_long_names: Path) -> None:
    done = janitor("scan", fleet_of_long_names, env={"COLUMNS": "40", "FORCE_COLOR": "1"})
    assert (done.code, done.err) == (0, "")
    heading, *rows = rows_of(done.out)
    assert heading.split()[-1] == "OLDEST"
    assert all(f"gateways/{LONG}" in row for row in rows)
    assert not set("│─╭\x1b…") & set(done.out)
