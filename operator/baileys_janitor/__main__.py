"""The one entry point, `baileys-janitor`.

The Job's command is dispatched before anything else is imported: it runs once for every scan of every
tenant, and importing the command line's libraries would cost more than the scan itself.
"""

import sys


def main() -> int:
    """Run the command named by the arguments; return the exit code."""
    if sys.argv[1:2] == ["job"]:
        from baileys_janitor.job.main import main as job

        return job(sys.argv[2:])
    from baileys_janitor.cli.main import main as cli

    return cli(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
