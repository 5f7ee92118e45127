"""Addresses, tokens and keys by name: from the mounted Secret, else from the environment.

They are read again for each message, so that a changed Secret needs no restart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class NoSecret(Exception):  # noqa: N818 - the word that users see
    """A key that does not exist anywhere; one sentence with the remedy, without any value."""


class Secrets:
    """The mounted Secret's keys; keys without a file are looked up in `environ`."""

    def __init__(self, directory: str, environ: Mapping[str, str]) -> None:
        self._directory = Path(directory)
        self._environ = environ

    def get(self, key: str) -> str:
        """Return the value of a key, stripped of white space; NoSecret when it is missing or empty."""
        assert _KEY.fullmatch(key), "the configuration has checked it"
        try:
            value = (self._directory / key).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            value = self._environ.get(key, "").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise NoSecret(f"the key {key} of the Secret cannot be read: {why}") from None
        if not value:
            raise NoSecret(
                f"the Secret has no key {key}: add it, or correct the name in the configuration"
            )
        return value
