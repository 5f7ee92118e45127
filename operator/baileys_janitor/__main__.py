"""The one entry point, `baileys-janitor`.

The Job's command is dispatched before anything else is imported: it runs once for every scan of every
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
        gc.disable()  # it ends before there is anything worth collecting, and its imports are quicker without
        from baileys_janitor.job.main import main as job

        return job(sys.argv[2:])
    if sys.argv[1:2] == ["watch-process"]:
        from baileys_janitor.watch.process import begin as watch

        return watch(sys.argv[2:])
    from baileys_janitor.cli.main import main as cli

    return cli(sys.argv[1:])


def run() -> NoReturn:
    """Run the command as this process, and end it with the exit code.

    A Job has nothing open and nothing buffered then: taking its objects apart would be a tenth of its work.
    """
    code = main()
    if _is_job():
        os._exit(code)
    sys.exit(code)


def _is_job() -> bool:
    return sys.argv[1:2] == ["job"] and sys.argv[2:3] not in (["-h"], ["--help"])


if __name__ == "__main__":
    run()
