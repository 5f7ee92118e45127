"""Lists the kept copies of one directory, and restores one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.restore_credentials import (
    EXPLANATIONS,
    NO_USABLE_COPY,
    OLDER_PAIRING,
    PRE_KEYS_REWRITTEN,
)
from baileys_janitor.volume.copies.restore import Restoring
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    DISK_FULL,
    PUT_BACK_UNSUPPORTED,
    SENTENCES,
)
from baileys_janitor.volume.scanning.quiet import is_quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.terminal.json_output import (
        CopiesDocument,
        CopyDocument,
        RestoreDocument,
    )
    from baileys_janitor.cli.terminal.signals import Interrupt
    from baileys_janitor.policy.archives.restore_credentials import RestorePlan
    from baileys_janitor.volume.copies.credential_copies import StoredCopy
    from baileys_janitor.volume.copies.restore import Outlook

_PAIRING_DIGITS: Final = 8
_ID_DIGITS: Final = 14
_LISTED_ANYWAY: Final = (NO_USABLE_COPY, OLDER_PAIRING, PRE_KEYS_REWRITTEN)

_SENTENCES: Final = {
    CREDENTIALS_CHANGING: (
        "creds.json changed between reads, so a process is writing it: nothing was restored. Scan the directory"
        " again."
    ),
    DISK_FULL: (
        "The disk is full, so nothing was restored. Make room first, or the next write of creds.json is cut as well."
    ),
    PUT_BACK_UNSUPPORTED: (
        "This file system can neither exchange nor link files, so creds.json cannot be replaced safely: nothing was"
        " restored. Restore where the disk itself is mounted."
    ),
}
"""Codes of the volume, in sentences about a restore."""


class Request(NamedTuple):
    """The requested copy, and the acknowledged codes."""

    copy: str
    acknowledged: Sequence[str]


def copies_document(target: Target) -> CopiesDocument:
    """Return the kept copies of a directory, newest first; raise a Problem if they cannot be read."""
    with opened(target) as directory:
        outlook = Restoring(directory, "", now=time.time()).look()
    return {
        "path": target.shown,
        "company": target.company,
        "identity": outlook.state,
        "copies": [_copy(each, outlook.plan, outlook.copies) for each in outlook.copies],
    }


def look(target: Target, request: Request) -> tuple[RestoreDocument, Outlook]:
    """Return the dry run of a restore."""
    with opened(target) as directory:
        outlook = Restoring(
            directory, "", now=time.time(), wanted=request.copy, acknowledged=request.acknowledged
        ).look()
    plan = outlook.plan
    chosen = None
    if plan.chosen is not None:
        digits = plan.chosen.ident
        [stored] = [each for each in outlook.copies if each.copy.digits == digits]
        chosen = _copy(stored, plan, outlook.copies)
    return {
        "path": target.shown,
        "company": target.company,
        "identity": outlook.state,
        "mode": "Credentials",
        "outcome": "DryRun" if plan.refused is None else "Refused",
        "applied": False,
        "run": None,
        "copy": chosen,
        "nextPreKeyId": plan.next_pre_key_id if plan.chosen is not None else None,
        "told": list(plan.told),
        "code": plan.refused,
        "message": None if plan.refused is None else sentence_of(plan.refused),
    }, outlook


def watch(target: Target, pause: Callable[[float], None], interrupt: Interrupt) -> bool:
    """Return whether no process writes to a directory for a minute."""
    with opened(target) as directory:
        return is_quiet(directory, pause, interrupt.code)


def restore(
    target: Target, document: RestoreDocument, request: Request, run: str, interrupt: Interrupt
) -> RestoreDocument:
    """Restore a copy; return the document with the outcome."""
    wanted = request.copy or (document["copy"] or {"id": ""})["id"]
    with opened(target) as directory:
        result = Restoring(
            directory,
            run,
            now=time.time(),
            wanted=wanted,
            acknowledged=request.acknowledged,
            stop=interrupt.code,
        ).apply()
    done = result.outcome == "Completed"
    return {
        **document,
        "outcome": result.outcome,
        "applied": done,
        "run": run if done else None,
        "nextPreKeyId": result.plan.next_pre_key_id if done and result.plan else None,
        "code": result.code,
        "message": None if result.code is None else sentence_of(result.code),
    }


def written_over(target: Target, document: RestoreDocument) -> bool:
    """Return whether creds.json differs from the restored one: its counters changed, or it is broken."""
    from baileys_janitor.policy.archives.pairing import read_credentials
    from baileys_janitor.volume.files.read import read_creds

    with opened(target) as directory:
        data, _ = read_creds(directory)
    found = None if data is None else read_credentials(data)
    return found is None or found.next_pre_key_id < (document["nextPreKeyId"] or 0)


def sentence_of(code: str) -> str:
    """Return one sentence about a code of the plan, the volume or the rules."""
    for sentences in (_SENTENCES, EXPLANATIONS, SENTENCES):
        if code in sentences:
            return sentences[code]
    return reasons.explain(code)


def problem_with(target: Target, document: RestoreDocument, listing: str) -> Problem | None:
    """Return the reason why nothing was restored, with the command that lists the copies if that helps."""
    code = document["code"]
    if code is None:
        return None
    more = f" To see why: {listing}" if code in _LISTED_ANYWAY else ""
    back = command("rollback", paths=[target.full_path])
    said = (document["message"] or "").replace("baileys-janitor rollback PATH", back)
    return Problem(f"{target.shown}: {said}{more}", code=code)


def _copy(stored: StoredCopy, plan: RestorePlan, copies: Sequence[StoredCopy]) -> CopyDocument:
    credentials = stored.credentials
    code = plan.verdicts.get(stored.copy.digits)
    return {
        "id": _id(stored, copies),
        "time": rfc3339(stored.copy.time),
        "written": None if credentials is None else rfc3339(stored.written),
        "pairing": None if credentials is None else credentials.pairing[:_PAIRING_DIGITS],
        "nextPreKeyId": None if credentials is None else credentials.next_pre_key_id,
        "signedPreKeyId": None if credentials is None else credentials.signed_pre_key_id,
        "usable": code is None,
        "code": code,
        "message": None if code is None else sentence_of(code),
    }


def _id(stored: StoredCopy, copies: Sequence[StoredCopy]) -> str:
    """Return the shortest id of a copy: its time, unless two were kept in one second."""
    digits = stored.copy.digits
    short = digits[:_ID_DIGITS]
    alike = sum(each.copy.digits.startswith(short) for each in copies)
    return short if alike == 1 else digits
