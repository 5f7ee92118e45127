"""Prints restores of sessions' rows and their dry runs for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.keystore.archives.restore_words import sentence_of
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.tables import print_lines, print_prose, print_table
from baileys_janitor.policy.archives.restore_codes import EMPTY_DIRECTORY
from baileys_janitor.policy.files.identity import ABSENT, CORRUPT, PAIRED, UNPAIRED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.keystore.archives.restoring import RowsRestoreDocument

_STATES: Final = {
    CORRUPT: "the creds cannot be read",
    ABSENT: "there are no creds",
    UNPAIRED: "the creds are those of a device that nobody has paired",
    PAIRED: "the creds can be read, and stay",
}


def print_restore(document: RowsRestoreDocument, now: float) -> None:
    """Print one restore or its dry run, and the next step."""
    if document["code"] is not None:
        return
    name = document["session"]
    which = f"{document['archive']}, read {formatting.age_of(document['time'], now)} ago"
    told = _told([document])
    if document["applied"]:
        rows = formatting.counted(document["restored"], "row")
        print_prose([f"{name}: {rows} were restored from {which}."])
        _print_kinds(document, "RESTORED")
        print_prose(
            [*told, "Start the process, and see in its log that it connects without a QR code."]
        )
        print_lines(_undo(document))
        return
    if not document["restored"]:
        print_prose([f"{name}: nothing of {which} is missing here, so nothing would be restored."])
        _print_kinds(document, "WOULD-GO-BACK")
        return
    vouched = (
        "which the database remembers" if document["vouched"] else "as is known of this session"
    )
    print_prose(
        [
            f"{name}: {_STATES.get(document['identity'] or '', '')}.",
            f"Would go back: {which}. Its fingerprint is {document['fingerprint']}, {vouched}.",
        ]
    )
    _print_kinds(document, "WOULD-GO-BACK")
    lines = told
    if document["nextPreKeyId"] is not None:
        lines.append(
            f"Both pre-key counters would be {document['nextPreKeyId']:,}, above every id that was ever used."
        )
    print_prose([*lines, _ready("process")])


def print_restores(documents: Sequence[RowsRestoreDocument], now: float) -> None:
    """Print a row for each of many restores."""
    rows = [
        [
            each["session"],
            _outcome(each),
            str(each["restored"]),
            formatting.age_of(each["time"], now),
            f"{each['duration']:.1f}s",
        ]
        for each in documents
    ]
    if rows:
        print_table(["SESSION", "OUTCOME", "ROWS", "AGE", "TOOK"], rows, {"ROWS", "AGE", "TOOK"})
    done = [each for each in documents if each["applied"]]
    would = [each for each in documents if each["outcome"] == "DryRun" and each["restored"]]
    total = formatting.counted(sum(each["restored"] for each in done or would), "row")
    verb = "restored" if done else "would be restored"
    sessions = formatting.counted(len(done or would), "session")
    print_prose([f"{sessions} {verb}, {total}.", *_told(documents)])
    if done:
        print_prose(
            ["Start the processes, and see in their logs that they connect without a QR code."]
        )
        print_lines(_undo(done[0]))
    elif would:
        print_prose([_ready("processes")])


def _told(documents: Sequence[RowsRestoreDocument]) -> list[str]:
    codes = dict.fromkeys(
        code
        for each in documents
        for code in each["told"]
        if code != EMPTY_DIRECTORY or not each["applied"]
    )
    return [sentence_of(code) for code in codes]


def _ready(processes: str) -> str:
    stopped = "is" if processes == "process" else "are"
    return (
        f"Nothing was restored. Once the {processes} {stopped} stopped, here and elsewhere, run the same command with "
        "--stopped --apply."
    )


def _undo(document: RowsRestoreDocument) -> list[str]:
    return [
        "Until a process has written, this takes it away again, with the same database and layout:",
        f"  baileys-janitor keystore undo --run {document['run']}",
    ]


def _print_kinds(document: RowsRestoreDocument, heading: str) -> None:
    """Print the restored rows by kind, and the others by reason."""
    rows = [[str(number), kind] for kind, number in document["restoredByKind"].items()]
    if rows:
        print_table([heading, "KIND"], rows, {heading})
    left = [
        [str(sum(kinds.values())), reason, sentence_of(reason)]
        for reason, kinds in document["keptBack"].items()
    ]
    if left:
        print_table(["LEFT-OUT", "REASON", "WHY"], left, {"LEFT-OUT"}, fold="WHY")


def _outcome(document: RowsRestoreDocument) -> str:
    if document["applied"]:
        return "restored"
    if document["code"] is not None:
        return f"refused ({document['code']})"
    return "would be restored" if document["restored"] else "nothing is missing"
