"""The beginnings of the two forms of an archive: compressed, and encrypted as well."""

from __future__ import annotations

from typing import Final

GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""No time, no name, no operating system."""
AGE_HEADER: Final = b"age-encryption.org/v1\n"
