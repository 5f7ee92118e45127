"""The delivery states of all targets as one text: ten thousand tenants fit into a ConfigMap. Pure.

No name can be recovered from it: tenants are hashes. A state that cannot be decoded counts as never sent.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import IncidentKind
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify.delivery_state import DeliveryState, Entry

VERSION = 2
LIMIT = 900_000
"""Characters; a ConfigMap holds 1 MiB."""
_ROW = struct.Struct(">QI")
"""A row of the table: an incident's number, and its beginning. Targets refer to rows, since most are shared."""
_CALMED = struct.Struct(">QIH")


def encode(deliveries: Mapping[str, DeliveryState], limit: int | None = None) -> str:
    """Encode the delivery states of all targets by name; parts that exceed `limit` characters are left out.

    The limit is `LIMIT` unless one is given. The history of recurring incidents is dropped first, then the least severe
    incidents.
    """
    most = LIMIT if limit is None else limit
    for least, calmed in ((0, True), (0, False), (1, False), (2, False), (3, False)):
        text = _encoded(deliveries, least, calmed=calmed)
        if len(text) <= most:
            return text
    return _encoded({}, 0, calmed=False)


def _encoded(deliveries: Mapping[str, DeliveryState], least: int, *, calmed: bool) -> str:
    def wanted(kind: IncidentKind) -> bool:
        return kind.rank > least

    rows = sorted(
        {
            (id_, int(entry.since))
            for delivery in deliveries.values()
            for id_, entry in delivery.entries.items()
            if wanted(entry.kind)
        }
    )
    number = {row: position for position, row in enumerate(rows)}
    whole = {
        "version": VERSION,
        "table": _text(b"".join(_ROW.pack(*row) for row in rows)),
        "targets": {
            name: _target(delivery, number, wanted, calmed=calmed)
            for name, delivery in sorted(deliveries.items())
        },
    }
    packed = zlib.compress(json.dumps(whole, separators=(",", ":")).encode(), 9)
    return base64.b64encode(packed).decode()


def _target(
    delivery: DeliveryState,
    number: Mapping[tuple[int, int], int],
    wanted: Callable[[IncidentKind], bool],
    *,
    calmed: bool,
) -> dict[str, Any]:
    told = sorted(
        (number[id_, int(entry.since)], entry.kind.name, int(entry.at))
        for id_, entry in delivery.entries.items()
        if wanted(entry.kind)
    )
    states = sorted({(kind, at) for _, kind, at in told})
    which = {state: position for position, state in enumerate(states)}
    places = [place for place, *_ in told]
    # Differences between consecutive numbers: nearly all are 1 if the targets were sent the same.
    steps = [after - before for before, after in pairwise([0, *places])]
    return {
        "states": states,
        "rows": _text(struct.pack(f">{len(steps)}I", *steps)),
        "told": _text(struct.pack(f">{len(told)}H", *(which[k, at] & 0xFFFF for _, k, at in told))),
        "sent": [int(when) for when in delivery.sent],
        "mark": None if delivery.mark is None else int(delivery.mark),
        "runs": _text(
            b"".join(_ROW.pack(run, int(when)) for run, when in sorted(delivery.runs.items()))
        ),
        "day": None if delivery.day is None else int(delivery.day),
        "calmed": _text(
            b"".join(
                _CALMED.pack(id_, int(when), min(count, 0xFFFF))
                for id_, (count, when) in (sorted(delivery.calmed.items()) if calmed else ())
            )
        ),
    }


def decode(text: str) -> dict[str, DeliveryState]:
    """Decode the output of `encode`; ValueError for anything else."""
    try:
        whole = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
        if whole["version"] != VERSION:
            raise ValueError(f"version {whole['version']}")
        table = list(_ROW.iter_unpack(_bytes(whole["table"])))
        return {name: _delivery(said, table) for name, said in whole["targets"].items()}
    except (KeyError, TypeError, IndexError, AttributeError, struct.error, zlib.error) as error:
        raise ValueError(f"unreadable ({type(error).__name__})") from None


def _delivery(said: Mapping[str, Any], table: list[tuple[int, int]]) -> DeliveryState:
    delivery = DeliveryState(
        sent=[float(when) for when in said["sent"]],
        mark=None if said["mark"] is None else float(said["mark"]),
        day=None if said["day"] is None else float(said["day"]),
    )
    delivery.runs = {run: float(when) for run, when in _ROW.iter_unpack(_bytes(said["runs"]))}
    for id_, when, count in _CALMED.iter_unpack(_bytes(said["calmed"])):
        delivery.calmed[id_] = count, float(when)
    row = 0
    steps, told = _bytes(said["rows"]), _bytes(said["told"])
    for (step,), (state,) in zip(
        struct.iter_unpack(">I", steps), struct.iter_unpack(">H", told), strict=True
    ):
        row += step
        id_, since = table[row]
        name, at = said["states"][state]
        kind = INCIDENT_KINDS.get(name)
        if kind is not None:
            delivery.entries[id_] = Entry(kind, float(since), float(at))
    return delivery


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
