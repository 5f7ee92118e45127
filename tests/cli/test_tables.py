"""Tables for a pipe: what rich would print, without rich."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from baileys_janitor.cli.terminal.tables import plain_table

CELLS = st.text(st.sampled_from("ab 7-é日本한漢"), max_size=9).map(str.strip)
HEADINGS = ("NAME", "FILES", "WHY")
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6)


def with_rich(rows: list[tuple[str, str, str]], right: set[str]) -> list[str]:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 1))
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=400, color_system=None, markup=False, emoji=False).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@given(ROWS, st.sets(st.sampled_from(HEADINGS)))
def test_a_table_for_a_pipe_looks_as_rich_would_print_it(
    rows: list[tuple[str, str, str]], right: set[str]
) -> None:
    found = [line.rstrip() for line in plain_table(HEADINGS, rows, right)]
    assert found == with_rich(rows, right)


#: What takes longer to load than a directory takes to scan.
SLOW = {
    "rich",
    "pydantic",
    "yaml",
    "aiohttp",
    "importlib.metadata",
    "urllib.request",
    "email",
    "ssl",
    "asyncio",
}


def test_a_scan_into_a_pipe_loads_nothing_that_takes_longer_than_the_scan(tmp_path: Path) -> None:
    (tmp_path / "creds.json").write_text("{}")
    program = (
        "import sys; from baileys_janitor.cli.main import main; main(['scan', sys.argv[1]]);"
        "print(*set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "FILES" in done.stdout
    assert not SLOW & set(done.stderr.split())
