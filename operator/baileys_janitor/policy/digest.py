"""Short one-way hashes, for what must be compared outside the volume but not shown."""

from __future__ import annotations

try:
    # The module behind hashlib's blake2s; hashlib itself loads OpenSSL, 4 ms of a Job's start.
    from _blake2 import blake2s
except ImportError:
    from hashlib import blake2s


def short_digest(data: bytes, size: int = 8) -> str:
    """`2 * size` hex digits of BLAKE2s over `data`."""
    return blake2s(data, digest_size=size).hexdigest()
