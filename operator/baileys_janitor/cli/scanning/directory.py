"""A session directory as a document with the numbers of one scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli.scanning.doctor import advice_documents, documents, findings_of
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.json_output import (
    AGE_BUCKETS,
    UNKNOWN_LEVEL,
    DirectoryDocument,
    TrashDocument,
)
from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.estimate import Outlook, look_ahead, reclaimable_now
from baileys_janitor.policy.cleanup.guards import refusal
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.files.identity import ABSENT
from baileys_janitor.policy.findings import OF_CREDENTIALS
from baileys_janitor.policy.levels import counted, level

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.scanning.look import Look
    from baileys_janitor.policy.settings import Settings


def directory_document(target: Target, look: Look, settings: Settings) -> DirectoryDocument:
    """Return the document of a scan, judged by these settings."""
    census = look.census
    outlook = outlook_of(look, settings)
    known = look.entries is not None
    by_kind = dict(zip(KINDS, census.by_kind, strict=True))
    found = documents(findings_of(look, outlook, settings), target)
    broken = any(each["code"] in OF_CREDENTIALS for each in found)
    unknown = broken or look.identity.state == ABSENT
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
        "findings": found,
        "advice": advice_documents(found),
    }


def outlook_of(look: Look, settings: Settings) -> Outlook:
    """Return the possible effect of a cleanup; an empty one beyond 200,000 files.

    Below the trigger there is no advice, so the floor and the reasons why files stay are not computed.
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
    """Return the content of the trash, None if there are too many names."""
    if look.own.too_many:
        return None
    removed = {name for names in look.own.trash.values() for name in names}
    return {
        "runs": len(look.own.trash),
        "files": look.own.trashed,
        "returned": sum(entry.name in removed for entry in look.entries or ()) if removed else 0,
    }


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else rfc3339(nanoseconds // 10**9)
