"""How the two forms of an archive begin: compressed, and encrypted besides."""

from __future__ import annotations

from typing import Final

GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""No time, no name, no operating system."""
AGE_HEADER: Final = b"age-encryption.org/v1\n"
