"""Describes the machine of the measurements, without identifying it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import Any


def described() -> dict[str, Any]:
    """Return the time, the kernel, the cores and memory, the load of other processes, and Python's version."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.system(),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:3]),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memoryGiB": round(pages / 2**30, 1),
        "loadAtStart": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
