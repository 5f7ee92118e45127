"""The command line with which this program starts another process of itself."""

from __future__ import annotations

import sys


def own_command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module of this package with these arguments.

    Without `-P` Python would look for every module in the working directory first, and a session directory could hold a
    malicious `json.py`.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
