"""Archives whose bytes depend only on their contents, and the timestamp of a release."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_OLDEST: Final = 315_532_800
"""The first second of 1980, the earliest time in a zip file."""


def epoch() -> int:
    """Return SOURCE_DATE_EPOCH, else the time of the last commit, in Unix seconds; 1980 at the earliest."""
    if named := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(named), _OLDEST)
    asked = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return max(int(done.stdout or 0), _OLDEST)


def rfc3339(seconds: int) -> str:
    """Write a time in Unix seconds as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tar(files: Mapping[str, bytes], seconds: int) -> bytes:
    """Return a tar archive of these files, by path, each with this time (Unix seconds) and without an owner."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(files[name]), 0o644, seconds
            archive.addfile(entry, io.BytesIO(files[name]))
    return out.getvalue()


def gzipped(content: bytes) -> bytes:
    """Compress with gzip, without a name and a time in the header."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed:
        packed.write(content)
    return out.getvalue()


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
