"""Prints restores from archives and their dry runs for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.restore.one_session import sentence_of
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.tables import print_lines, print_prose, print_table
from baileys_janitor.policy.archives.restore_codes import EMPTY_DIRECTORY, KEPT_BACK
from baileys_janitor.policy.files.identity import ABSENT, CORRUPT, PAIRED, UNPAIRED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.backup.documents import RestoreSessionDocument

_RUNS_SECONDS: Final = 900
_STATES: Final = {
    CORRUPT: "creds.json cannot be read",
    ABSENT: "there is no creds.json",
    UNPAIRED: "creds.json is that of a device that nobody has paired",
    PAIRED: "creds.json can be read, and stays",
}


def print_restore(
    document: RestoreSessionDocument,
    newest_write: int | None,
    now: float,
    ready: str,
    path: str,
) -> None:
    """Print one restore or its dry run, and the next step.

    `ready` is the command for when the process is stopped.
    """
    if document["code"] is not None:
        return
    which = f"{document['archive']}, read {formatting.age_of(document['time'], now)} ago"
    vouched = "which this directory remembers" if document["vouched"] else "as you wrote it out"
    told = [
        sentence_of(code)
        for code in document["told"]
        if code != EMPTY_DIRECTORY or not document["applied"]
    ]
    if document["applied"]:
        files = formatting.counted(document["restored"], "file")
        print_prose([f"{document['path']}: {files} were restored from {which}."])
        _print_kinds(document, "RESTORED")
        print_prose(
            [*told, "Start the process, and see in its log that it connects without a QR code."]
        )
        print_lines(
            [
                "Until it has written, this takes the restore back:",
                f"  {command('undo', '--run', document['run'] or '', paths=[path])}",
            ]
        )
        return
    if not document["restored"]:
        print_prose(
            [
                f"{document['path']}: nothing of {which} is missing here, so nothing would be restored."
            ]
        )
        return
    print_prose(
        [
            f"{document['path']}: {_STATES.get(document['identity'] or '', '')}.",
            f"Would go back: {which}. Its fingerprint is {document['fingerprint']}, {vouched}.",
        ]
    )
    _print_kinds(document, "WOULD-GO-BACK")
    lines = [*told]
    if document["nextPreKeyId"] is not None:
        lines.append(
            f"Both pre-key counters would be {document['nextPreKeyId']:,}, above every id that was ever used."
        )
    if newest_write is not None and now - newest_write < _RUNS_SECONDS:
        age = formatting.age(now - newest_write)
        lines.append(f"Session files were written {age} ago, so the process seems to run.")
    print_prose(lines)
    print_lines(
        [
            "Nothing was restored. Once the process is stopped, here and elsewhere:",
            f"  {ready}",
        ]
    )


def _print_kinds(document: RestoreSessionDocument, heading: str) -> None:
    """Print the restored files by kind, and the others by reason."""
    rows = [[str(number), kind] for kind, number in document["restoredByKind"].items()]
    print_table([heading, "KIND"], rows, {heading})
    left = [
        [str(sum(kinds.values())), reason, KEPT_BACK.get(reason, reason)]
        for reason, kinds in document["keptBack"].items()
    ]
    if left:
        print_table(["LEFT-OUT", "REASON", "WHY"], left, {"LEFT-OUT"}, fold="WHY")


def print_restores(documents: Sequence[RestoreSessionDocument], now: float, ready: str) -> None:
    """Print a row for each of many restores."""
    rows = [
        [
            each["company"] or each["path"],
            _outcome(each),
            str(each["restored"]),
            formatting.age_of(each["time"], now),
            f"{each['duration']:.1f}s",
        ]
        for each in documents
    ]
    if rows:
        print_table(["COMPANY", "OUTCOME", "FILES", "AGE", "TOOK"], rows, {"FILES", "AGE", "TOOK"})
    done = [each for each in documents if each["applied"]]
    told = dict.fromkeys(
        code
        for each in documents
        for code in each["told"]
        if code != EMPTY_DIRECTORY or not each["applied"]
    )
    files = formatting.counted(sum(each["restored"] for each in documents), "file")
    would = [each for each in documents if each["outcome"] == "DryRun" and each["restored"]]
    what = f"{formatting.counted(len(done or would), 'session')} {'restored' if done else 'would be restored'}"
    print_prose([f"{what}, {files}.", *(sentence_of(code) for code in told)])
    if done:
        print_prose(
            ["Start the processes, and see in their logs that they connect without a QR code."]
        )
    elif would:
        print_lines(
            [
                "Nothing was restored. Once every process is stopped, here and elsewhere:",
                f"  {ready}",
            ]
        )


def _outcome(document: RestoreSessionDocument) -> str:
    if document["applied"]:
        return "restored"
    if document["code"] is not None:
        return f"refused ({document['code']})"
    return "would be restored" if document["restored"] else "nothing is missing"
