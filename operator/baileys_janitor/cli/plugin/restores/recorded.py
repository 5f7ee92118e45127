"""The file of fingerprints that was recorded before the loss, and identifies genuine archives.

Each line has a namespace, a tenant and its fingerprint. The fingerprints are no secret, and hold no phone number.
"""

from __future__ import annotations

import re
from typing import Final

from baileys_janitor.api.bounded import part, text
from baileys_janitor.cli.arguments.small_files import text_of
from baileys_janitor.cli.plugin.options import is_name
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}(?:-[0-9a-f]{16})?")
_LARGEST: Final = 16 * 2**20
_FIELDS: Final = 3


def recorded_in(path: str) -> dict[tuple[str, str], str]:
    """Return the fingerprint of each tenant in a file; raise bad usage with the line number if a line is invalid."""
    found: dict[tuple[str, str], str] = {}
    for number, line in enumerate(text_of(path, "--fingerprints", _LARGEST).splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"--fingerprints {printable(path)}, line {number}"
        if len(words) != _FIELDS:
            raise usage(f"{where}: write a namespace, a tenant and its fingerprint.")
        namespace, name, fingerprint = words
        if not is_name(namespace) or not is_name(name):
            raise usage(f"{where}: {printable(namespace)} {printable(name)} names no tenant.")
        if not FINGERPRINT.fullmatch(fingerprint.lower()):
            raise usage(
                f"{where}: a fingerprint has 16 hexadecimal digits, or twice 16 with a hyphen between."
            )
        if found.setdefault((namespace, name), fingerprint.lower()) != fingerprint.lower():
            raise usage(f"{where}: {namespace}/{name} has another fingerprint in a line before.")
    return found


def fingerprint_of(known: object) -> str | None:
    """Return the fingerprint in `status.backup.known`; None if there is none yet."""
    fields = text(known, 4_096).split(";")
    if len(fields) < _FIELDS:
        return None
    found = "-".join(each for each in fields[1:3] if each)
    return found if FINGERPRINT.fullmatch(found) else None


def line_of(tenant: dict[str, object]) -> str | None:
    """Return the line for a tenant's object; None while its fingerprint is not known."""
    meta = part(tenant, "metadata")
    found = fingerprint_of(part(tenant, "status", "backup").get("known"))
    if found is None:
        return None
    return f"{text(meta.get('namespace'))} {text(meta.get('name'))} {found}"
