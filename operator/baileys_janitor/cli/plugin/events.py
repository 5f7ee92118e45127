"""The Events of one object, which the API server keeps for an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

from baileys_janitor.api.bounded import part, said, whole
from baileys_janitor.cli.kubectl.resources import EVENTS
from baileys_janitor.cli.plugin.tenants import shown
from baileys_janitor.report.words import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baileys_janitor.cli.kubectl.client import Kubectl

_ASKED_MOST: Final = 200


class EventDocument(TypedDict):
    """An Event: the last time it occurred, the count, and the message."""

    time: str | None
    type: str
    reason: str
    note: str
    count: int


def events_of(
    kubectl: Kubectl, kind: str, namespace: str, name: str, most: int
) -> list[EventDocument]:
    """Return the latest Events of an object, latest first; raise a Problem if they may not be read."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    found = kubectl.page(EVENTS, namespace, {"fieldSelector": selector, "limit": _ASKED_MOST})
    documents = [_document(each) for each in found["items"]]
    documents.sort(key=lambda one: seconds_of(one["time"]) or 0.0, reverse=True)
    return documents[:most]


def _document(event: Mapping[str, Any]) -> EventDocument:
    series = part(event, "series")
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    time = next((each for each in times if isinstance(each, str) and seconds_of(each)), None)
    count = whole(series.get("count"), 1, 10**9) or whole(event.get("count"), 1, 10**9)
    return {
        "time": time,
        "type": shown(event.get("type"), 16),
        "reason": shown(event.get("reason"), 64),
        "note": said(event.get("message")),
        "count": count or 1,
    }
