"""Takes the pictures of a report for the pages: `python -m tests.report.pictures docs`; `make pictures` calls it.

The sessions are genuine ones with a month's past, made for the picture. The text of a report changes with the day, so
the pictures are taken anew when a report looks different, and no check compares them.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.cli.sessions import company, janitor
from tests.report.browser import Browser, find
from tests.report.fleets import watched, write_past

SESSIONS: Final = {
    **dict.fromkeys(("acme", "bakery", "ceramics", "emporium", "florist", "gallery"), "healthy"),
    **dict.fromkeys(("ivory", "jasmin", "kiosk"), "warning"),
    "harbour": "healthy",
    "delta": "critical",
}
WINDOWS: Final = {"report.png": (1180, 1270, 0.8), "report-narrow.png": (390, 844, 1.0)}
"""Pictures by name, with the width and height of the window in pixels, and by how much the picture is smaller."""


def fleet(root: Path) -> None:
    """Make the sessions, with the same pasts each time."""
    luck = random.Random(1)
    for name, scenario in SESSIONS.items():
        session = company(root, name, scenario)
        past = watched(start=luck.randrange(160, 172), removed=luck.randrange(8, 15))
        write_past(session, past, time.time())


def main(directory: Path) -> None:
    """Take the pictures."""
    program = find()
    if program is None:
        sys.exit(
            "A headless browser is needed: `make .tools/browser/chromium` unpacks one (Debian)"
        )
    with tempfile.TemporaryDirectory(prefix="pictures-") as home, Browser(program) as browser:
        root, page = Path(home) / "sessions", Path(home) / "report.html"
        fleet(root)
        done = janitor("report", root, "--to", page)
        if not page.exists():
            sys.exit(f"The report failed: {done.err}")
        for name, (width, height, scale) in WINDOWS.items():
            browser.open(page, width, "light", height)
            browser.picture(directory / name, (width, height), scale)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
