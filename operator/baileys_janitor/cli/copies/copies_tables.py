"""Prints kept copies of creds.json for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli.copies.restoring import sentence_of
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.tables import print_lines, print_table
from baileys_janitor.policy.files.identity import ABSENT, CORRUPT, PAIRED, UNPAIRED
from baileys_janitor.policy.reasons import SAVE_FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.terminal.json_output import (
        CopiesDocument,
        KeepDocument,
        RestoreDocument,
    )

_RUNS_SECONDS = 900
_STATES = {
    CORRUPT: "creds.json cannot be read",
    ABSENT: "creds.json is missing",
    UNPAIRED: "creds.json is that of a device that nobody has paired",
}
_NEW_DEVICE = (
    "The process was started without its credentials and made itself a new device: stop it, and let"
    " nobody pair it."
)
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


def print_copies(directories: Sequence[CopiesDocument], now: float) -> None:
    """Print a row for each copy, newest first within its directory, and why some cannot be used."""
    rows = [
        [
            *([directory["company"] or directory["path"]] if len(directories) > 1 else []),
            each["id"],
            formatting.age_of(each["time"], now),
            each["pairing"] or "-",
            _number(each["nextPreKeyId"]),
            _number(each["signedPreKeyId"]),
            each["code"] or "yes",
        ]
        for directory in directories
        for each in directory["copies"]
    ]
    if not rows:
        print_lines(["There is no kept copy of creds.json. baileys-janitor keep makes them."])
        return
    headings = ["COPY", "KEPT", "PAIRING", "NEXT-PRE-KEY", "SIGNED", "USABLE"]
    if len(directories) > 1:
        headings.insert(0, "DIRECTORY")
    print_table(headings, rows, {"NEXT-PRE-KEY", "SIGNED"})
    messages = {
        each["code"]: each["message"]
        for directory in directories
        for each in directory["copies"]
        if each["code"] is not None
    }
    print_lines(f"{code}: {message}" for code, message in messages.items())
    if any(each["identity"] == PAIRED for each in directories):
        print_lines(
            ["Where creds.json can be read, nothing is restored: it is newer than any copy."]
        )


def print_restore(
    document: RestoreDocument, newest_write: int | None, now: float, ready: str, undo: str
) -> None:
    """Print a restore or its dry run, and the next step.

    `ready` is the command for when the process is stopped, `undo` the one that undoes the restore.
    """
    copy = document["copy"]
    if copy is None:
        return
    which = f"the copy {copy['id']}, kept {formatting.age_of(copy['time'], now)} ago"
    counters = f"{document['nextPreKeyId'] or 0:,} (the copy's: {copy['nextPreKeyId'] or 0:,})"
    told = [sentence_of(code) for code in document["told"]]
    if document["applied"]:
        print_lines(
            [
                f"{document['path']}: creds.json was restored from {which}.",
                f"Both pre-key counters are {counters}.",
                *told,
                "Start the process, and see in its log that it connects without a QR code.",
                f"Until then, this puts the broken file back: {undo}",
            ]
        )
        return
    lines = [
        f"{document['path']}: {_STATES[document['identity']]}.",
        f"Would go back: {which}, pairing {copy['pairing']}.",
        f"Both pre-key counters would be {counters}, above every id that was ever used.",
        *told,
    ]
    if newest_write is not None and now - newest_write < _RUNS_SECONDS:
        age = formatting.age(now - newest_write)
        lines.append(f"Session files were written {age} ago, so the process seems to run.")
    then = "" if document["identity"] == UNPAIRED else "If that fails, stop the process, and then: "
    print_lines([*lines, comes_first(document), f"Nothing was restored. {then}{ready}"])


def comes_first(document: RestoreDocument) -> str:
    """Return the advice to follow before a restore."""
    return _NEW_DEVICE if document["identity"] == UNPAIRED else SAVE_FIRST


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
