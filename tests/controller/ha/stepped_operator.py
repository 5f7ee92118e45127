"""`baileys-janitor operator` whose clock a test can step: `python -m ... CONFIG OFFSET`, seconds in the file OFFSET."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from baileys_janitor import log_lines
from baileys_janitor.api.config.config_file import load_config
from baileys_janitor.controller import app
from baileys_janitor.controller.clock import WallClock
from baileys_janitor.tenants import timers


class SteppedClock(WallClock):
    """The machine's clock, and what the file says it is wrong by."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset

    def now(self) -> float:
        return super().now() + float(self._offset.read_text())


def main(config: str, offset: str) -> None:
    """Serve until a signal."""
    read = load_config(Path(config), os.environ)
    log_lines.set_up(read.logging)
    # These tests ask for one cleanup after another; that a flood is spread over minutes is tested elsewhere.
    timers.REQUESTS_WITHIN_SECONDS = 0.0
    asyncio.run(app.serve(read, SteppedClock(Path(offset))))


if __name__ == "__main__":
    main(*sys.argv[1:])
