"""promtool: the checker of Prometheus's own rules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.tools import path_of


def binary(tool: str) -> str:
    """The path of prometheus or promtool; without one the test is skipped, in CI it fails."""
    found = path_of(tool)
    if found is None:
        told = f"{tool} is missing: install Debian's package prometheus, or set {tool.upper()}"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return str(found)


def promtool(*arguments: str | Path, given: str = "") -> tuple[int, str]:
    """Run it; the exit code and what it printed."""
    done = subprocess.run(
        [binary("promtool"), *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
