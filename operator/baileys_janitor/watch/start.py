"""Begins the resident process: reads the settings that the command line has left in an open file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Watch; the only argument is the number of the open file."""
    if len(argv) != 1 or not argv[0].isdigit():
        print("Error: this is started by `baileys-janitor watch`, not by people.", file=sys.stderr)  # noqa: T201
        return 2
    try:
        with os.fdopen(int(argv[0]), encoding="utf-8") as file:
            text = file.read()
    except OSError:
        print("Error: this is started by `baileys-janitor watch`, not by people.", file=sys.stderr)  # noqa: T201
        return 2
    from baileys_janitor.watch.process import main as process

    return process(text)
