"""The watch's state file, for the commands that read it: its path and its content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem

if TYPE_CHECKING:
    from baileys_janitor.watch.state import State

NO_STATE: Final = "NoState"
_NAME: Final = "watch.json"


def state_path(environ: Mapping[str, str]) -> str:
    """Return the default path of the state."""
    own = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if own:
        return f"{own}/{_NAME}"
    if os.geteuid() == 0:
        return f"/var/lib/baileys-janitor/{_NAME}"
    home = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    return f"{home}/baileys-janitor/{_NAME}"


def read_state(path: str) -> State:
    """Return the state; raise a Problem with one sentence if it cannot be read (NO_STATE: there is no file)."""
    from baileys_janitor.watch.state import load

    shown = printable(path)
    try:
        return load(path)
    except FileNotFoundError:
        raise Problem(
            f"There is no state file {shown}: start `baileys-janitor watch PATH`, or name the watch's own with "
            "--state FILE.",
            code=NO_STATE,
        ) from None
    except PermissionError:
        raise Problem(
            f"The state file {shown} may not be read by this user; run as the user of the watch.",
            code="PermissionDenied",
        ) from None
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else problem
        raise Problem(
            f"The state file {shown} cannot be read ({why}); the watch creates a new one at its next start.",
            code="StateUnreadable",
        ) from None
