"""The manual page: current, in the wheel, and rendered without a complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from baileys_janitor.cli.help.documented import Documented, every_command
from baileys_janitor.cli.help.manual import NOT_FOR_PEOPLE, main, page
from baileys_janitor.cli.main import application

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "one-server" / "baileys-janitor.1"


def rendered() -> str:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("no groff (Debian: groff)")
    done = subprocess.run(
        [groff, "-ww", "-man", "-Tascii", "-P-cbou", "-rLL=300n", str(PAGE)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_page_is_what_the_help_makes() -> None:
    assert PAGE.read_text() == page(), "run `make generate`"


def test_groff_has_nothing_to_complain_and_every_example_can_be_copied() -> None:
    text = rendered()
    for words, command in every_command(application):
        name = words.removeprefix("baileys-janitor").strip()
        if not name or name in NOT_FOR_PEOPLE or command.hidden:
            continue
        assert f"\n   {name}\n" in text
        assert isinstance(command, Documented)
        for line, _ in command.examples:
            assert f"           {line}\n" in text


def test_mandoc_has_nothing_to_complain() -> None:
    own = ROOT / ".tools/shells/usr/bin/mandoc"
    program = str(own) if own.exists() else shutil.which("mandoc")
    if program is None:
        pytest.skip("no mandoc: `make unit` unpacks Debian's")
    done = subprocess.run(
        [program, "-T", "lint", "-W", "warning", str(PAGE)], capture_output=True, text=True
    )
    # A date would differ from day to day.
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


def test_man_shows_it() -> None:
    if shutil.which("man") is None:
        pytest.skip("no man (Debian: man-db)")
    done = subprocess.run(
        ["man", "--warnings", "--local-file", "--no-hyphenation", str(PAGE)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MANPAGER": "cat", "LANG": "C.UTF-8", "MANWIDTH": "80"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "BAILEYS-JANITOR(1)" in done.stdout


def test_a_page_that_is_not_current_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.1"
    assert main([str(path), "--check"]) == 1
    assert main([str(path)]) == 0
    assert path.read_text() == page()
    assert main([str(path), "--check"]) == 0
    path.write_text(page() + "x")
    assert main([str(path), "--check"]) == 1
    assert "is not what the commands' help makes" in capsys.readouterr().err


def test_no_line_of_text_is_taken_for_a_request() -> None:
    requests = {line.split()[0] for line in page().splitlines() if line.startswith((".", "'"))}
    known = {"TH", "SH", "SS", "B", "PP", "TP", "RS", "RE", "nf", "fi", '\\"'}
    assert {re.sub(r"^\.", "", each) for each in requests} <= known
