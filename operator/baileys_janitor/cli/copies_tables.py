"""Kept copies of creds.json as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli import formatting
from baileys_janitor.cli.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.json_output import KeepDocument

_OUTCOMES = {"Kept": "kept", "NotDue": "not due", "NotKept": "not kept"}


def print_kept(directories: Sequence[KeepDocument], now: float) -> None:
    """Print a row for each directory."""
    heading = "COMPANY" if all(each["company"] for each in directories) else "PATH"
    rows = [
        [
            (each["company"] or each["path"]) if heading == "COMPANY" else each["path"],
            str(each["copies"]),
            formatting.age_of(each["newest"], now),
            _OUTCOMES[each["outcome"]] + (f" ({each['code']})" if each["code"] else ""),
        ]
        for each in directories
    ]
    print_table([heading, "COPIES", "NEWEST", "OUTCOME"], rows, {"COPIES"})
