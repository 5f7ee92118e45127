"""What a terminal gets and a pipe does not: colours and a bar."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from baileys_janitor.cli.terminal import progress
from tests.cli.sessions import janitor, terminal


class Stream(io.StringIO):
    """Standard error that may be a terminal."""

    def __init__(self, *, at_terminal: bool) -> None:
        super().__init__()
        self.at_terminal = at_terminal

    def isatty(self) -> bool:
        return self.at_terminal


def test_a_terminal_shows_levels_in_colour(old: Path) -> None:
    code, shown = terminal("scan", old)
    assert code == 0
    assert "\x1b[1;37;41mEmergency\x1b[0m" in shown


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_turned_off(old: Path, variables: dict[str, str]) -> None:
    code, shown = terminal("scan", old, env=variables)
    assert code == 0
    assert "Emergency" in shown
    assert "\x1b" not in shown


def test_a_pipe_gets_plain_lines_without_trailing_blanks(old: Path) -> None:
    for arguments in (["scan"], ["clean", "-v"]):
        done = janitor(arguments[0], old, *arguments[1:], env={"FORCE_COLOR": "1"})
        assert "\x1b" not in done.out + done.err
        assert all(line == line.rstrip() for line in done.out.splitlines())


def test_a_row_is_never_folded(old: Path) -> None:
    _, shown = terminal("scan", old, "-o", "wide", env={"COLUMNS": "40", "NO_COLOR": "1"})
    [row] = [line for line in shown.splitlines() if line.startswith("962302")]
    assert row.rstrip().endswith(str(old))


@pytest.mark.parametrize(("at_terminal", "patience"), [(True, 3600), (False, -1)])
def test_quick_work_and_a_pipe_see_no_bar(
    monkeypatch: pytest.MonkeyPatch, at_terminal: bool, patience: float
) -> None:
    stream = Stream(at_terminal=at_terminal)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    monkeypatch.setattr(progress, "DELAY_SECONDS", patience)
    assert list(progress.with_progress([1, 2, 3], "Looking at")) == [1, 2, 3]
    assert stream.getvalue() == ""


def test_long_work_at_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(at_terminal=True)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    monkeypatch.setattr(progress, "DELAY_SECONDS", -1)
    monkeypatch.setenv("TERM", "xterm")
    assert list(progress.with_progress([1, 2, 3], "Looking at")) == [1, 2, 3]
    assert "Looking at 3 directories" in stream.getvalue()


def test_a_bar_appears_in_the_middle_of_one_long_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(at_terminal=True)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    monkeypatch.setattr(progress, "DELAY_SECONDS", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    appeared = threading.Event()
    real = progress._LateBar._appear

    def appear(bar: progress._LateBar) -> None:
        real(bar)
        appeared.set()

    monkeypatch.setattr(progress._LateBar, "_appear", appear)
    for _ in progress.with_progress(["one"], "Looking at"):
        assert appeared.wait(timeout=60)
    assert "Looking at 1 directory" in stream.getvalue()
