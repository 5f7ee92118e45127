"""The one entry point, `baileys-janitor`.

The Job's command is dispatched before any other import: it runs once for every scan of every
tenant, and importing the command line's libraries would cost more than the scan itself.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> int:
    """Run the command named by the arguments; return the exit code."""
    if _is_job():
        gc.disable()  # a Job ends before a collection pays off, and imports are faster without
        from baileys_janitor.job.main import main as job

        return job(sys.argv[2:])
    if sys.argv[1:2] == ["watch-process"]:
        from baileys_janitor.watch.process import begin as watch

        return watch(sys.argv[2:])
    from baileys_janitor.cli.main import main as cli

    return cli(sys.argv[1:])


def run() -> NoReturn:
    """Run the command, and end the process with the exit code.

    A Job then has no open files or buffers, so it skips the destruction of its objects, a tenth of its run time.
    """
    code = main()
    if _is_job():
        os._exit(code)
    sys.exit(code)


def _is_job() -> bool:
    return sys.argv[1:2] == ["job"] and sys.argv[2:3] not in (["-h"], ["--help"])


if __name__ == "__main__":
    run()
