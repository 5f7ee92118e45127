"""The result of an undo or a rollback, in sentences for a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from baileys_janitor.job.result import CAPPED, COMPLETED, NOTHING_TO_DO, UndoResult
from baileys_janitor.policy import rotation
from baileys_janitor.tenants.directory_faults import DIRECTORY, sentence_of
from baileys_janitor.tenants.wording import files
from baileys_janitor.volume.errors import SENTENCES
from baileys_janitor.volume.runs.move_to_trash import EXPLANATIONS as OF_MOVES
from baileys_janitor.volume.runs.undo import EXPLANATIONS

_ROTATIONS = {
    "IsRotation": "This run is a rotation: create an operation Rollback, which brings all of it back.",
    "StillWriting": "A process writes to the session's files, so it uses them: nothing was moved, or all moved files "
    "are back. Stop its workload first, or ask with spec.quiesce.",
    "WrittenOver": "A process has written over creds.json right afterwards, so it was not stopped. Stop it, and create "
    "an operation Rollback again.",
}
"""Sentences for the codes of rotations and rollbacks in a cluster."""


def undo_sentence(result: UndoResult) -> str:
    """Return the result of an undo: restored files, files that stay in the trash and why, or why nothing was done."""
    if result.outcome == NOTHING_TO_DO:
        return "Nothing of this run is in the trash: it removed nothing, or all of it is back."
    if result.outcome not in {COMPLETED, CAPPED}:
        code = result.code or result.outcome
        known = _ROTATIONS.get(code) or DIRECTORY.get(code) or SENTENCES.get(code)
        return known or f"The run could not be put back ({code})."
    said = f"Put back {files(result.restored)}"
    if result.taken_away:
        said += f", and took away {files(result.taken_away)} that a restore had made"
    return f"{said}.{_kept(result.kept)}"


def rotation_refusal(code: str) -> str:
    """Return why a rotation or a rollback was not done."""
    known = _ROTATIONS.get(code) or rotation.EXPLANATIONS.get(code) or OF_MOVES.get(code)
    return known or sentence_of(code)


def _kept(kept: Mapping[str, int] | None) -> str:
    parts = [
        f" {files(count)} more stay in the trash: {EXPLANATIONS.get(code, code)}"
        for code, count in sorted((kept or {}).items())
        if count
    ]
    return "".join(parts)
