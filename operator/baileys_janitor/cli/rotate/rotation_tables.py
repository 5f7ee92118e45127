"""Prints rotations and rollbacks for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.rotate.asking import sentence_of
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.tables import print_lines, print_prose, print_table
from baileys_janitor.policy.files.file_kinds import LID_MAPPING, OTHER
from baileys_janitor.policy.reasons import UNKNOWN_FILE
from baileys_janitor.policy.rotation import CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.cli.rotate.documents import RollbackDocument, RotateDocument

_RUNS_SECONDS: Final = 120
_STAYS: Final = {
    CARRIED: (LID_MAPPING, "stays: it applies to any pairing"),
    UNKNOWN_FILE: (OTHER, "stays: the library does not write this name"),
}


def print_rotation(
    document: RotateDocument, newest_write: int | None, now: float, ready: str, back: str
) -> None:
    """Print a rotation or its dry run, and the next step.

    `ready` is the command for when the process is stopped, `back` the one that rolls back.
    """
    files, size = formatting.counted(document["moved"], "file"), formatting.size(document["bytes"])
    if document["applied"]:
        print_prose(
            [
                f"{document['path']}: {files} ({size}) moved to the trash, kept until {document['until']}.",
                "Start the process: it asks for a pairing, by QR code or pairing code, and connects afterwards.",
                "Until somebody pairs it, this brings the old session back:",
                f"  {back}",
                "Once it is paired, remove the old entry on the phone under Linked devices.",
            ]
        )
        return
    print_lines([f"{document['path']}: {files} ({size}) would move to the trash"])
    print_lines([""])
    _print_kinds(document)
    lines = [
        "",
        "From then on the tenant is not connected until somebody pairs it anew.",
        "Until then it can be rolled back, byte for byte.",
    ]
    if newest_write is not None and now - newest_write < _RUNS_SECONDS:
        age = formatting.age(now - newest_write)
        lines.append(f"Session files were written {age} ago, so the process seems to run.")
    print_prose(
        [
            *lines,
            "Nothing was moved. Stop the process that uses this session, and then:",
            f"  {ready}",
        ]
    )


def print_rollback(document: RollbackDocument, now: float, ready: str) -> None:
    """Print a rollback or its dry run, and the next step."""
    files = formatting.counted(document["restored"], "file")
    aside = formatting.counted(document["setAside"], "file")
    if document["applied"]:
        print_prose(
            [
                f"{document['path']}: {files} of run {document['run']} are back as they were.",
                *_skipped(document["skipped"]),
                *([f"{aside} of an unpaired process moved aside."] if document["setAside"] else []),
                "Start the process, and see in its log that it connects without a QR code.",
            ]
        )
        return
    if document["code"] is None and document["outcome"] != "DryRun":
        print_prose([f"{document['path']}: all of run {document['run']} is back already."])
        return
    age = formatting.age_of(document["rotated"], now)
    lines = [
        f"{document['path']}: {files} of run {document['run']} would come back as they were, rotated out {age} ago.",
        f"They are kept until {document['until']}.",
    ]
    if document["setAside"]:
        lines.append(f"{aside} of an unpaired process would move aside.")
    print_prose(
        [
            *lines,
            "Nothing was moved. Stop the process that uses this session, and then:",
            f"  {ready}",
        ]
    )


def _print_kinds(document: RotateDocument) -> None:
    rows = [
        [kind, str(number), "moves"] for kind, number in document["movedByKind"].items() if number
    ]
    for reason, number in document["kept"].items():
        kind, what = _STAYS.get(reason, (reason, "stays"))
        rows.append([kind, str(number), what])
    print_table(["KIND", "FILES", "OUTCOME"], rows, {"FILES"})


def _skipped(skipped: dict[str, int]) -> Iterable[str]:
    for code, number in skipped.items():
        verb = "stays" if number == 1 else "stay"
        yield f"{formatting.counted(number, 'file')} {verb} in the trash. {sentence_of(code)}"
