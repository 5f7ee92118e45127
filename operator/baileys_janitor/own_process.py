"""How this program starts itself anew."""

from __future__ import annotations

import sys


def own_command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module of this package with these arguments.

    Without `-P` Python would look for every module in the working directory first, and in a session directory anybody
    who writes there could name a file `json.py`.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
