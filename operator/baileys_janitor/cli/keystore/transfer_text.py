"""The output of import and export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from baileys_janitor.keystore.transfer import Transferred


def require_stopped(*, stopped: bool) -> None:
    """Require --stopped: two processes that continue the same session break it."""
    if not stopped:
        raise usage(
            "Stop the session's process and confirm with --stopped: two copies of a session in use break each other."
        )


def print_transfer(found: Transferred, output: str, verb: str, *, hint: bool) -> None:
    """Print the transferred keys, or the dry run."""
    if output in MACHINE_FORMATS:
        from baileys_janitor.cli.keystore.documents import TRANSFER_SCHEMA, print_document

        document = {
            "applied": found.applied,
            "keys": found.keys,
            "byType": found.by_type,
            "skipped": found.skipped,
            "unreadable": found.unreadable,
        }
        print_document(TRANSFER_SCHEMA, document, output)
        return
    from baileys_janitor.cli.keystore.text import print_lines

    by_type = ", ".join(f"{name} {number:,}" for name, number in sorted(found.by_type.items()))
    would = "" if found.applied else "would be "
    lines = [f"Creds and {found.keys:,} keys {would}{verb}: {by_type}."]
    if found.skipped:
        lines.append(f"Left out, not the library's: {found.skipped:,}.")
    if found.unreadable:
        lines.append(
            f"Left out, nothing the library could read: {formatting.counted(found.unreadable, 'file')}."
        )
    if hint:
        lines.append("Nothing was written. To do it, run the same command with --stopped --apply.")
    print_lines(lines)
