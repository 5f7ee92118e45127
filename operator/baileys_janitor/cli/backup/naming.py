"""The name of a session directory among archives: its own name, or its path beneath the given root."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from baileys_janitor.backup.names import tenant_of
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.policy.files.strict_json import JsonError, parse

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target


def directory_of(target: Target) -> str:
    """Return the path beneath the root, or the directory's own name if it was given itself."""
    if target.path != ".":
        return target.path
    return os.path.basename(os.path.abspath(target.root))  # noqa: PTH100, PTH119 - links stay unresolved


def tenant_of_target(target: Target) -> str:
    """Return the tenant's part of the names of its archives."""
    return tenant_of(directory_of(target))


def written(directory: str) -> str:
    """Return a directory's path for a line of text: as a JSON string if it would be changed otherwise."""
    plain = directory == printable(directory).strip() and not directory.startswith('"')
    return directory if plain else json.dumps(directory)


def read_written(text: str) -> str:
    """Return the path in a text made by `written`; empty if the text is invalid."""
    if not text.startswith('"'):
        return text if text.isprintable() else ""
    try:
        path = parse(text)
        os.fsencode(path if isinstance(path, str) else "")
    except (JsonError, UnicodeEncodeError):
        return ""
    return path if isinstance(path, str) and "\0" not in path else ""
