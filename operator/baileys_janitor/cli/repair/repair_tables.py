"""Prints repairs, their dry runs, and the contacts of a directory for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.repair.repairing import explain
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.tables import print_lines, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.terminal.json_output import (
        ContactsDocument,
        RepairDocument,
        RepairedContactDocument,
    )

_FILES_SHOWN_AT_MOST: Final = 20
_CONTACTS_SHOWN_AT_MOST: Final = 200


def print_plan(document: RepairDocument) -> None:
    """Print the contact or group, the files, the reasons for their removal, and notes."""
    print_lines([_heading(document), ""])
    _files(document)
    lines = [explain(code) for code in document["reasons"]["removed"]]
    lines += [_kept(code, number) for code, number in document["reasons"]["kept"].items()]
    lines += [note["message"] for note in document["notes"]]
    if document["authors"] > 1:
        lines.append(
            f"The next message of each of {formatting.counted(document['authors'], 'author')} fails once, and is"
            " asked for again."
        )
    print_lines(["", *lines])


def print_contacts(directories: Sequence[ContactsDocument]) -> None:
    """Print a row for each contact, most recent first."""
    now = time.time()
    contacts = [each for directory in directories for each in directory["contacts"]]
    rows = [
        [
            each["hash"] or "-",
            each["number"],
            "yes" if each["phone"] else "-",
            "yes" if each["lid"] else "-",
            str(each["devices"]),
            str(each["files"]),
            formatting.age_of(each["lastWritten"], now),
        ]
        for each in contacts[:_CONTACTS_SHOWN_AT_MOST]
    ]
    if not rows:
        print_lines(["There is no session with another contact."])
        return
    headings = ["HASH", "NUMBER", "PHONE", "LID", "DEVICES", "FILES", "WRITTEN"]
    print_table(headings, rows, {"DEVICES", "FILES", "WRITTEN"})
    if len(contacts) > len(rows):
        print_lines([f"... and {len(contacts) - len(rows):,} more (-o json shows all)"])


def _heading(document: RepairDocument) -> str:
    where = document["company"] or document["path"]
    files = formatting.counted(sum(document["removedByKind"].values()), "file")
    contact = document["contact"]
    if contact is not None:
        place = "its keys in the group" if document["group"] else _devices(contact)
        return f"{where}: contact {_named(contact)}, {place}: {files}"
    what = (
        "everybody's keys in the group"
        if document["authors"]
        else "the tenant's own key in the group"
    )
    return f"{where}: {what}: {files}"


def _named(contact: RepairedContactDocument) -> str:
    forms = [
        name for name, known in (("number", contact["phone"]), ("LID", contact["lid"])) if known
    ]
    return f"{contact['number']} ({' and '.join(forms)})"


def _devices(contact: RepairedContactDocument) -> str:
    return formatting.counted(contact["devices"], "device")


def _files(document: RepairDocument) -> None:
    now = time.time()
    files = document["files"]
    rows = [
        [each["kind"], formatting.age_of(each["lastWritten"], now), each["name"]]
        for each in files[:_FILES_SHOWN_AT_MOST]
    ]
    print_table(["KIND", "WRITTEN", "FILE"], rows, {"WRITTEN"})
    if len(files) > len(rows):
        print_lines([f"... and {len(files) - len(rows):,} more"])


def _kept(code: str, number: int) -> str:
    verb = "stays" if number == 1 else "stay"
    return f"{formatting.counted(number, 'file')} {verb}. {explain(code)}"
