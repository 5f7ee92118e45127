"""A session directory as a document: the numbers of one look, by the names that machines read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli import credentials
from baileys_janitor.cli.formatting import counted as counted_words
from baileys_janitor.cli.formatting import rfc3339
from baileys_janitor.cli.json_output import (
    AGE_BUCKETS,
    UNKNOWN_LEVEL,
    AdviceDocument,
    DirectoryDocument,
    TrashDocument,
)
from baileys_janitor.cli.pasting import word
from baileys_janitor.policy import advice, reasons
from baileys_janitor.policy.estimate import Outlook, look_ahead, reclaimable_now
from baileys_janitor.policy.file_kinds import KINDS
from baileys_janitor.policy.guards import refusal
from baileys_janitor.policy.identity import ABSENT
from baileys_janitor.policy.levels import counted, level
from baileys_janitor.volume.state_names import OLD_DIRECTORY, PREFIX

if TYPE_CHECKING:
    from baileys_janitor.cli.look import Look
    from baileys_janitor.cli.targets import Target
    from baileys_janitor.policy.settings import Settings


def directory_document(target: Target, look: Look, settings: Settings) -> DirectoryDocument:
    """Return what a look found, judged by these settings."""
    census = look.census
    outlook = outlook_of(look, settings)
    known = look.entries is not None
    by_kind = dict(zip(KINDS, census.by_kind, strict=True))
    fault = credentials.fault_of(look.identity.state, by_kind)
    unknown = fault is not None or look.identity.state == ABSENT
    return {
        "path": target.shown,
        "company": target.company,
        "level": UNKNOWN_LEVEL if unknown else level(outlook.counted, settings.thresholds),
        "counted": outlook.counted,
        "limit": settings.thresholds.emergency,
        "total": census.total,
        "protected": census.protected,
        "reclaimable": outlook.reclaimable,
        "bytes": census.bytes if known else None,
        "byKind": by_kind,
        "ages": dict(zip(AGE_BUCKETS, census.ages, strict=True)) if known else None,
        "oldest": _time(census.oldest_ns),
        "newest": _time(census.newest_ns),
        "lastActivity": rfc3339(look.last_activity),
        "identity": look.identity.state,
        "trash": _trash(look),
        "advice": [*_faults(fault, outlook), *_advice(target, look, outlook, settings)],
    }


def outlook_of(look: Look, settings: Settings) -> Outlook:
    """Return what a cleanup could do; nothing beyond 200,000 files.

    Below the trigger there is no advice, so the floor and the reasons for which files stay are not worked out.
    """
    count = counted(look.census, settings)
    if look.entries is None:
        return Outlook(count, refused=reasons.TOO_MANY_FILES)
    if count < settings.thresholds.trigger:
        refused = refusal(look.identity, len(look.entries), look.now)
        files = look.entries, look.identity, settings, look.now, look.ages
        return Outlook(count, reclaimable_now(*files), refused=refused)
    return look_ahead(look.entries, look.identity, settings, look.now, look.ages)


def _trash(look: Look) -> TrashDocument | None:
    """Return what lies in the trash, None when there are too many names."""
    if look.own.too_many:
        return None
    removed = {name for names in look.own.trash.values() for name in names}
    return {
        "runs": len(look.own.trash),
        "files": look.own.trashed,
        "returned": sum(entry.name in removed for entry in look.entries or ()) if removed else 0,
    }


def _own_affairs(target: Target, look: Look) -> list[AdviceDocument]:
    """Return what lies under the janitor's names that is not its own."""
    found: list[AdviceDocument] = []
    if look.own.old_directory:
        message = (
            "An unreleased version kept its trash in a directory, which is no longer read. "
            f"To remove it: rm -r -- {word(f'{target.full_path}/{OLD_DIRECTORY}')}"
        )
        found.append({"type": "OldDirectory", "message": message})
    if look.own.foreign:
        names = counted_words(look.own.foreign, "name")
        message = f"Beginning with {PREFIX}, but not the janitor's own and left alone: {names}."
        found.append({"type": "ForeignNames", "message": message})
    return found


def _advice(
    target: Target, look: Look, outlook: Outlook, settings: Settings
) -> list[AdviceDocument]:
    given = [
        advice.threshold_unreachable(outlook, settings),
        advice.rotation_recommended(look.census, outlook, settings),
        advice.silence_not_counted(outlook, settings),
        advice.session_inactive(look.last_activity, look.now),
        advice.disk_pressure(look.free_bytes, look.free_inodes, look.volume_bytes),
        advice.temporary_files(look.entries or [], look.now),
    ]
    documents: list[AdviceDocument] = [
        {"type": each.reason, "message": each.message} for each in given if each is not None
    ]
    return documents + _own_affairs(target, look)


def _faults(fault: str | None, outlook: Outlook) -> list[AdviceDocument]:
    """Return what comes before all advice: why nothing may be removed at all."""
    found: list[AdviceDocument] = []
    if fault is not None:
        found.append({"type": fault, "message": credentials.sentence(fault)})
    if outlook.refused == reasons.TOO_MANY_FILES:
        found.append({"type": outlook.refused, "message": reasons.explain(outlook.refused)})
    return found


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else rfc3339(nanoseconds // 10**9)
