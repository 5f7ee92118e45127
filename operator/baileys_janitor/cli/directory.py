"""A session directory as a document: the numbers of one look, by the names that machines read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli.documents import (
    AGE_BUCKETS,
    UNKNOWN_LEVEL,
    AdviceDocument,
    DirectoryDocument,
)
from baileys_janitor.cli.figures import rfc3339
from baileys_janitor.policy import advice, reasons
from baileys_janitor.policy.identity import ABSENT
from baileys_janitor.policy.kinds import KINDS
from baileys_janitor.policy.levels import counted, level
from baileys_janitor.policy.outlook import Outlook, look_ahead

if TYPE_CHECKING:
    from baileys_janitor.cli.look import Look
    from baileys_janitor.cli.targets import Target
    from baileys_janitor.policy.settings import Settings


def directory_document(target: Target, look: Look, settings: Settings) -> DirectoryDocument:
    """What a look found, judged by these settings."""
    census = look.census
    outlook = outlook_of(look, settings)
    known = look.entries is not None
    unpaired = look.identity.state == ABSENT
    return {
        "path": target.shown,
        "company": target.company,
        "level": UNKNOWN_LEVEL if unpaired else level(outlook.counted, settings.thresholds),
        "counted": outlook.counted,
        "limit": settings.thresholds.emergency,
        "total": census.total,
        "protected": census.protected,
        "reclaimable": outlook.reclaimable,
        "bytes": census.bytes if known else None,
        "byKind": dict(zip(KINDS, census.by_kind, strict=True)),
        "ages": dict(zip(AGE_BUCKETS, census.ages, strict=True)) if known else None,
        "oldest": _time(census.oldest_ns),
        "newest": _time(census.newest_ns),
        "lastActivity": _time(census.newest_activity_ns),
        "identity": look.identity.state,
        "advice": _advice(look, outlook, settings),
    }


def outlook_of(look: Look, settings: Settings) -> Outlook:
    """What a cleanup could do; nothing beyond 200,000 files."""
    if look.entries is None:
        return Outlook(counted(look.census, settings), refused=reasons.TOO_MANY_FILES)
    return look_ahead(look.entries, look.identity, settings, look.now, look.active_since)


def _advice(look: Look, outlook: Outlook, settings: Settings) -> list[AdviceDocument]:
    newest = look.census.newest_activity_ns
    given = [
        advice.threshold_unreachable(outlook, settings),
        advice.rotation_recommended(look.census, outlook, settings),
        advice.session_inactive(None if newest is None else newest / 1e9, look.now),
        advice.disk_pressure(look.free_bytes, look.free_inodes),
    ]
    documents: list[AdviceDocument] = [
        {"type": each.reason, "message": each.message} for each in given if each is not None
    ]
    if outlook.refused in (reasons.CREDENTIALS_CORRUPT, reasons.TOO_MANY_FILES):
        documents.insert(0, {"type": outlook.refused, "message": reasons.explain(outlook.refused)})
    return documents


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else rfc3339(nanoseconds // 10**9)
