"""A message as data: the body of webhooks, and the input of `render`. Pure.

The form is documented in docs/notifications.md, `schema/message.v1.json` is the same as a JSON Schema. Keys are only
ever added within a version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import EMERGENCY, RANKS, IncidentKind
from baileys_janitor.notify import delivery_state, wording, words
from baileys_janitor.notify.delivery_state import Change
from baileys_janitor.notify.incidents import DIRECTORY, KEY_STORE, Place
from baileys_janitor.notify.words import Reader

Object = dict[str, Any]
Statuses = Callable[[Place], Mapping[str, Any] | None]

VERSION = "1"
INFO = "Info"
NAMED = 50
"""Tenants named in a group, the worst first."""

_ORDER = (
    delivery_state.NEW,
    delivery_state.WORSE,
    delivery_state.LASTING,
    delivery_state.BETTER,
    delivery_state.ENDED,
    delivery_state.PASSED,
)


def incidents(
    target: str, changes: list[Change], statuses: Statuses, reader: Reader, now: float
) -> Object:
    """Return the message with these changes. `statuses` returns a tenant's status, None when it is gone."""
    sorted_groups = sorted(_grouped(changes).items(), key=lambda pair: _urgency(*pair[0]))
    groups = [
        _group(change, kind, members, statuses, reader, now)
        for (change, kind), members in sorted_groups
    ]
    holding = [group for group in groups if group["status"] == "firing"]
    severity = max((g["severity"] for g in holding), key=RANKS.__getitem__) if holding else INFO
    marks = sorted(f"{c.id}{c.change}{c.kind.name}{int(c.since)}{int(c.told_at)}" for c in changes)
    return {
        **_head("incidents", target, marks, now),
        "status": "firing" if holding else "resolved",
        "severity": severity,
        "title": _title(severity, groups),
        "groups": groups,
    }


def message(
    type_: str, target: str, mark: str, title: str, now: float, severity: str = INFO, **more: Any
) -> Object:
    """Return a message of another type than incidents; `mark` distinguishes two of them."""
    head = _head(type_, target, [mark], now)
    return {**head, "status": "info", "severity": severity, "title": title, **more}


def _head(type_: str, target: str, marks: Iterable[str], now: float) -> Object:
    digest = hashlib.sha256("\n".join([type_, target, *marks]).encode()).hexdigest()
    return {
        "version": VERSION,
        "id": f"msg_{digest[:24]}",
        "type": type_,
        "time": rfc3339(now),
        "route": target.partition("/")[0],
    }


def rfc3339(when: float) -> str:
    """Format Unix seconds as a Kubernetes timestamp."""
    return datetime.fromtimestamp(int(when), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Section = tuple[str, IncidentKind]


def _grouped(changes: list[Change]) -> dict[Section, list[Change]]:
    groups: dict[Section, list[Change]] = {}
    for change in changes:
        # An incident that has become worse is as new to the reader as one that has begun.
        head = delivery_state.NEW if change.change == delivery_state.WORSE else change.change
        groups.setdefault((head, change.kind), []).append(change)
    return groups


def _urgency(change: str, kind: IncidentKind) -> tuple[int, int, str]:
    return _ORDER.index(change), -kind.rank, kind.name


def _group(
    change: str,
    kind: IncidentKind,
    members: list[Change],
    statuses: Statuses,
    reader: Reader,
    now: float,
) -> Object:
    members = sorted(members, key=lambda c: (-c.weight, c.since, words.name(c.place)))
    first, single = members[0], len(members) == 1
    status = statuses(first.place) if single and first.place is not None else None
    over = first.over
    group: Object = {
        "reason": kind.name,
        "change": change,
        "status": "resolved" if over else "firing",
        "severity": kind.severity,
        "title": _group_title(change, kind, members, status, now),
        "count": len(members),
        "tenants": [_tenant(c, statuses, reader, now) for c in members[:NAMED] if c.place],
    }
    namespaces = {c.place.namespace for c in members if c.place is not None and not c.place.fleet}
    if len(members) > 1:
        group["namespaces"] = len(namespaces)
    if over:
        return group
    since = min(change.since for change in members)
    does = wording.itself(kind, (status or {}) if single else None, reader, now, since)
    todo, command = wording.todo(kind, first.place, len(members), status, since, now)
    return group | {
        "means": kind.means,
        "does": does,
        "todo": todo,
        "command": command,
        "runbook": reader.runbook(kind.runbook),
    }


def _tenant(change: Change, statuses: Statuses, reader: Reader, now: float) -> Object:
    assert change.place is not None
    place, status = change.place, statuses(change.place)
    told: Object = {
        # The same from beginning to end, even if it becomes worse or better meanwhile.
        "incident": f"inc_{change.id:012x}{int(change.since):x}",
        "namespace": place.namespace,
        "name": place.name,
        "companyId": place.company,
        "since": rfc3339(change.since),
    }
    if change.times > 1:
        told["times"] = change.times
    if change.was is not None:
        told["was"] = change.was.name
    if change.ended is not None:
        told["until"] = rfc3339(change.ended)
    if place.kind in (KEY_STORE, DIRECTORY):
        told["kind"] = place.kind
    if status is None:
        return told | ({} if place.fleet else {"deleted": True})
    if place.kind == KEY_STORE:
        return told | _of_store(change, status, reader, now)
    told["level"] = status.get("level") or "Unknown"
    files, volume = status.get("files") or {}, status.get("volume") or {}
    figures = {
        "counted": files.get("counted"),
        "limit": files.get("limit"),
        "total": files.get("total"),
        "protected": files.get("protected"),
        "reclaimable": files.get("reclaimable"),
        "bytes": files.get("bytes"),
        "freeBytes": volume.get("freeBytes"),
        "growthPerDay": status.get("growthPerDay"),
    }
    told["figures"] = {key: value for key, value in figures.items() if value is not None}
    kind = change.kind
    if change.over:
        told["summary"] = _now(status)
    else:
        told["summary"] = wording.short(kind, status, reader, now)
        told["message"] = wording.fact(kind, status, reader, now)
    return told


def _of_store(change: Change, status: Mapping[str, Any], reader: Reader, now: float) -> Object:
    keys, sessions = status.get("keys") or {}, status.get("sessions") or {}
    figures = {
        "keys": keys.get("total"),
        "expired": keys.get("expired"),
        "sessions": sessions.get("count"),
        "bytes": keys.get("bytes"),
    }
    told: Object = {}
    told["figures"] = {key: value for key, value in figures.items() if value is not None}
    if change.over:
        total = keys.get("total")
        told["summary"] = "" if total is None else f"now {words.several(total, 'key')}"
    else:
        told["summary"] = wording.short(change.kind, status, reader, now)
        told["message"] = wording.fact(change.kind, status, reader, now)
    return told


def _now(status: Mapping[str, Any]) -> str:
    files = status.get("files") or {}
    level = status.get("level") or "Unknown"
    if files.get("counted") is None:
        return f"now {level}"
    return f"now {level}, {files['counted']} of {files.get('limit') or 0} files"


def _group_title(
    change: str,
    kind: IncidentKind,
    members: list[Change],
    status: Mapping[str, Any] | None,
    now: float,
) -> str:
    first, count = members[0], len(members)
    who = words.name(first.place) if count == 1 else f"{words.number(count)} tenants"
    of = "" if first.place is not None and first.place.fleet else f" of {who}"
    if change == delivery_state.ENDED:
        after = f" after {words.span((first.ended or now) - first.since)}" if count == 1 else ""
        return f"{kind.label}{of}{after}"
    if change == delivery_state.PASSED:
        lasted = words.span((first.ended or now) - first.since)
        lasting = f", which lasted {lasted}" if count == 1 else ""
        return f"{kind.label}{of}{lasting}, ended before it could be reported"
    files = wording.files(status or {})
    title = kind.one.format(name=who, files=files) if count == 1 else kind.many.format(n=who[:-8])
    if change == delivery_state.LASTING:
        return f"still, for {words.span(now - min(c.since for c in members))}: {title}"
    if change == delivery_state.BETTER:
        return (
            f"{title}; it was {first.was.label}"
            if count == 1 and first.was
            else f"{title}, no longer worse"
        )
    if count > 1:
        return title
    if first.was is not None and first.was.rank > kind.rank:
        title += f"; it was {first.was.label}"
    if first.times > 1:
        title += f"; it comes and goes, {words.several(first.times, 'time')} within a day"
    return title


def _title(severity: str, groups: list[Object]) -> str:
    first = groups[0]
    head = "Resolved" if severity == INFO else first["severity"]
    title = f"{head}: {first['title']}"
    rest = groups[1:]
    if not rest:
        return title
    more: dict[str, int] = {}
    for group in rest:
        word = "over" if group["status"] == "resolved" else group["severity"]
        more[word] = more.get(word, 0) + group["count"]
    order = [EMERGENCY, "Critical", "Warning", "over"]
    also = [f"{words.number(more[word])} {word}" for word in order if word in more]
    return f"{title}; also {', '.join(also)}"
