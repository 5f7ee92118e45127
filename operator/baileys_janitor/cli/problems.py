"""Problems of the command line: one sentence, and an exit code."""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LEVEL_REACHED = 3
EXIT_INTERRUPTED = 130


class Problem(Exception):  # noqa: N818 - the word people read
    """Something that could not be done, with one sentence that names the way out.

    `code` is a stable CamelCase word for machine output; `exit_code` ends the process when the
    problem stops the whole command rather than one directory of many.
    """

    def __init__(self, message: str, *, code: str = "Failed", exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.exit_code = exit_code


def usage(message: str) -> Problem:
    """Return a problem with what was typed or configured: exit code 2, nothing was looked at."""
    return Problem(message, code="BadUsage", exit_code=EXIT_USAGE)
