"""What a directory is called in logs, messages and metrics: its path beneath the root, and never a phone number."""

from __future__ import annotations

import hmac
import os
import re

COMPANY_PREFIX = "company_"
NAME_MAX = 100
_PHONE = re.compile(r"\d{8,}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._/@+-]")
_SIGN_BYTES = 3


def name_of(root: str, path: str, key: bytes) -> str:
    """Return the name of the directory at `path` beneath `root`.

    Long numbers, which may be phone numbers, lose their middle; so that two of them stay apart, a short hash under
    `key` follows, which is kept in the state file.
    """
    plain = path if path != "." else os.path.basename(root.rstrip("/")) or "root"  # noqa: PTH119
    plain = plain.removeprefix(COMPANY_PREFIX) or plain
    safe = _UNSAFE.sub("_", _PHONE.sub(_hide, plain))[:NAME_MAX]
    return safe if safe == plain else f"{safe}~{signed(plain, key)}"


def signed(text: str, key: bytes) -> str:
    """Return a short hash of a text that nobody can find again without the key."""
    data = text.encode("utf-8", "surrogatepass")
    return hmac.digest(key, data, "sha256")[:_SIGN_BYTES].hex()


def _hide(match: re.Match[str]) -> str:
    number = match.group()
    return f"{number[:2]}...{number[-2:]}"


def label(text: str) -> str:
    """Return a host's name as it can stand in a label; "server" for one that cannot."""
    return _UNSAFE.sub("-", text).strip("-._/@+")[:63] or "server"
