"""Problems of the command line: one sentence, and an exit code."""

from __future__ import annotations

from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LEVEL_REACHED = 3
EXIT_TIMED_OUT = 4
EXIT_INTERRUPTED = 130

EXIT_CODES = {
    EXIT_DONE: "Done.",
    EXIT_FAILED: "Something could not be done: one sentence for each on standard error.",
    EXIT_USAGE: "Bad usage, an invalid setting, or an extra that is not installed; nothing was scanned.",
    EXIT_LEVEL_REACHED: "The level of --fail-on was reached.",
    EXIT_TIMED_OUT: "The --timeout has expired (kubectl baileys); operations that have started continue.",
    EXIT_INTERRUPTED: "Ctrl-C. A cleanup or undo stops between two files.",
}
"""The meaning of each code, for the help of the commands."""


class Problem(Exception):  # noqa: N818 - the word people read
    """A failure, with one sentence that names the remedy.

    `code` is a stable CamelCase word for machine output; `exit_code` ends the process when the
    problem stops the whole command rather than one directory of many. `commands` can be pasted.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "Failed",
        exit_code: int = EXIT_FAILED,
        commands: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.exit_code = exit_code
        self.commands = commands


def usage(message: str) -> Problem:
    """Return a problem with the arguments or the configuration: exit code 2, nothing was read."""
    return Problem(message, code="BadUsage", exit_code=EXIT_USAGE)
