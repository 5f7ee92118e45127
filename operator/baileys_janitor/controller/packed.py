"""JSON data kept small: there are ten thousand tenants, and most of what is known of one is read rarely. Pure."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from typing import Any

RECENT = 64
"""How many values are kept unpacked: one tenant's step asks for the same few again and again."""


def pack(value: Any) -> bytes:
    """Return JSON data compressed to about a third; nothing at all for what is empty."""
    if not value:
        return b""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


@lru_cache(RECENT)
def unpack(packed: bytes) -> Any:
    """Return what `pack` was given, or None for what was empty. Shared between callers: never to be changed."""
    return json.loads(zlib.decompress(packed)) if packed else None
