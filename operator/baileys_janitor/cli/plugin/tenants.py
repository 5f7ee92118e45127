"""Tenants as the API server returns them, read within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict

from baileys_janitor.api.bounded import mapping, part, text
from baileys_janitor.api.conditions.condition_kinds import CONDITIONS, Group
from baileys_janitor.api.names import KIND
from baileys_janitor.api.status_readers import reader_of
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.report.model import UNKNOWN_LEVEL, WORST_FIRST
from baileys_janitor.report.words import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHOULD_HOLD: Final = ("Ready", "BackedUp", "Restorable")
"""Conditions that are reported while they are False."""


class TenantDocument(TypedDict):
    """One tenant, as `-o json` prints it; `status` is limited by the schema of the resource."""

    namespace: str
    name: str
    companyId: str | None
    suspended: bool
    mode: str | None
    claimName: str | None
    path: str | None
    status: dict[str, Any]


class Missing(TypedDict):
    """A part that could not be shown, and the right that it requires."""

    what: str
    right: str


def tenant_document(found: Mapping[str, Any]) -> TenantDocument:
    """Return a tenant from its object."""
    meta, spec = part(found, "metadata"), part(found, "spec")
    volume = part(spec, "volume")
    status = reader_of(KIND).read(found.get("status"))
    name = shown(meta.get("name"))
    return {
        "namespace": shown(meta.get("namespace")),
        "name": name,
        "companyId": shown(spec.get("companyId")) or name,
        "suspended": spec.get("suspend") is True,
        "mode": shown(spec.get("mode")) or None,
        "claimName": shown(volume.get("claimName")) or None,
        "path": shown(volume.get("path"), 512) or None,
        "status": readable(status),
    }


_IN_A_ROW: Final = (
    "level",
    "attention",
    "levelSince",
    "lastScanTime",
    "growthPerDay",
    "forecast",
    "next",
    "run",
    "nextCleanupTime",
    "nextCleanupReason",
)
_OF_FILES: Final = ("counted", "limit", "total")


def brief(tenant: TenantDocument) -> TenantDocument:
    """Return a tenant reduced to the fields of a table row: ten thousand of them are held in memory at once."""
    status, found = tenant["status"], conditions_of(tenant)
    kept: dict[str, Any] = {name: status[name] for name in _IN_A_ROW if name in status}
    files = files_of(tenant)
    kept["files"] = {name: files[name] for name in _OF_FILES if name in files}
    kept["lastCleanup"] = {"time": (status.get("lastCleanup") or {}).get("time")}
    kept["conditions"] = [
        {name: found[kind][name] for name in ("type", "status", "reason", "message")}
        for kind in SHOULD_HOLD
        if found.get(kind, {}).get("status") == "False"
    ]
    backup = status.get("backup")
    if backup:
        repositories = [
            {name: each[name] for name in ("name", "reason") if name in each}
            for each in backup.get("repositories") or ()
        ]
        last = backup.get("lastSuccessTime")
        kept["backup"] = {"lastSuccessTime": last, "repositories": repositories}
    return {**tenant, "status": kept}


def brief_of(found: Mapping[str, Any]) -> TenantDocument:
    """Return the fields of a table row from a tenant's object."""
    return brief(tenant_document(found))


def shown(value: object, most: int = 253) -> str:
    """Return a text from another author, limited in length and without escapes."""
    return printable(text(value, most))


def readable(value: Any) -> Any:
    """Return a JSON document without escapes in its texts."""
    if isinstance(value, dict):
        return {name: readable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [readable(one) for one in value]
    return printable(value) if isinstance(value, str) else value


def level_of(tenant: TenantDocument) -> str:
    """Return the level; Unknown before the first scan."""
    return tenant["status"].get("level") or UNKNOWN_LEVEL


def files_of(tenant: TenantDocument) -> dict[str, Any]:
    """Return the counts of the last scan."""
    return mapping(tenant["status"].get("files"))


def conditions_of(tenant: TenantDocument) -> dict[str, dict[str, Any]]:
    """Return the conditions by their types."""
    return {each["type"]: each for each in tenant["status"].get("conditions") or ()}


def attention_of(tenant: TenantDocument) -> str | None:
    """Return the most urgent reason for attention, None if there is none."""
    if found := tenant["status"].get("attention"):
        return str(found)
    for kind in SHOULD_HOLD:
        condition = conditions_of(tenant).get(kind, {})
        if condition.get("status") == "False":
            return str(condition["reason"])
    return "Suspended" if tenant["suspended"] else None


def to_do_about(tenant: TenantDocument) -> str:
    """Return the first step to take, or else the fault; empty if there is none."""
    if tenant["status"].get("attention"):
        return str(tenant["status"].get("next") or "")
    return next((each.message for each in told(tenant)), "")


class Told(NamedTuple):
    """A fault or advice about a tenant: the condition's type, its time, and the message."""

    type: str
    since: float | None
    message: str


def told(tenant: TenantDocument) -> Iterator[Told]:
    """Yield faults and advice, faults first."""
    found = conditions_of(tenant)
    for kind in SHOULD_HOLD:
        if found.get(kind, {}).get("status") == "False":
            yield _told(found[kind], found[kind]["reason"])
    for kind, each in found.items():
        known = CONDITIONS.get(kind)
        if each["status"] == "True" and known is not None and known.group is Group.ADVICE:
            yield _told(each, kind)


def _told(condition: Mapping[str, Any], name: str) -> Told:
    return Told(name, seconds_of(condition.get("lastTransitionTime")), condition["message"])


def worst_first(tenants: Iterable[TenantDocument]) -> list[TenantDocument]:
    """Return tenants sorted by level, worst first; within a level those with a problem first, then the fullest."""

    def rank(tenant: TenantDocument) -> tuple[int, bool, int, str, str]:
        level = level_of(tenant)
        place = WORST_FIRST.index(level) if level in WORST_FIRST else len(WORST_FIRST)
        counted = files_of(tenant).get("counted") or 0
        calm = attention_of(tenant) is None
        return place, calm, -counted, tenant["namespace"], tenant["name"]

    return sorted(tenants, key=rank)
