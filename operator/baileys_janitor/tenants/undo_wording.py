"""What an undo has done, in sentences for a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from baileys_janitor.job.result import CAPPED, COMPLETED, NOTHING_TO_DO, UndoResult
from baileys_janitor.tenants.directory_faults import DIRECTORY
from baileys_janitor.tenants.wording import files
from baileys_janitor.volume.errors import SENTENCES
from baileys_janitor.volume.runs.undo import EXPLANATIONS


def undo_sentence(result: UndoResult) -> str:
    """Return what became of an undo: what is back, what stays in the trash and why, or why nothing was done."""
    if result.outcome == NOTHING_TO_DO:
        return "Nothing of this run is in the trash: it removed nothing, or all of it is back."
    if result.outcome not in {COMPLETED, CAPPED}:
        code = result.code or result.outcome
        return (
            DIRECTORY.get(code) or SENTENCES.get(code) or f"The run could not be put back ({code})."
        )
    said = f"Put back {files(result.restored)}"
    if result.taken_away:
        said += f", and took away {files(result.taken_away)} that a restore had made"
    return f"{said}.{_kept(result.kept)}"


def _kept(kept: Mapping[str, int] | None) -> str:
    parts = [
        f" {files(count)} more stay in the trash: {EXPLANATIONS.get(code, code)}"
        for code, count in sorted((kept or {}).items())
        if count
    ]
    return "".join(parts)
