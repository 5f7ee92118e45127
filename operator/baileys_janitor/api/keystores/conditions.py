"""The registry of the conditions of a BaileysKeyStore, and everything published about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from baileys_janitor.api.conditions.backup_conditions import BACKUP_CONDITIONS
from baileys_janitor.api.conditions.condition_kinds import (
    CLEAN,
    CONDITIONS,
    AlertKind,
    ConditionKind,
    EventKind,
    Group,
)

_DESCRIBE = '"kubectl -n {{ $labels.namespace }} describe baileyskeystore {{ $labels.key_store }}"'

_OWN: Final = (
    ConditionKind(
        type="LayoutValid",
        group=Group.READINESS,
        when="Table, columns, unique key, times, rights and row security are what a cleanup needs. False: the keys are "
        "counted, and nothing is removed; the message says why and what helps.",
        to_do="Do what the message says; nothing is lost meanwhile.",
        false_event=EventKind(weight=7, action=CLEAN, over=""),
    ),
    ConditionKind(
        type="LargeCleanup",
        group=Group.ADVICE,
        when="A cleanup of the last day removed more rows than `spec.warnAbove`.",
        to_do="See whether they were meant to go; `baileys-janitor keystore undo` puts them back.",
        calm="NoLargeCleanup",
        event=EventKind(weight=7, action=CLEAN, over=""),
        alert=AlertKind(
            severity="warning",
            summary="a cleanup removed many keys at once",
            description="A cleanup removed more rows than spec.warnAbove. The first cleanup of a store that was never "
            "cleaned may do that. If it surprises you, set spec.suspend to true and put the rows back with "
            f'"baileys-janitor keystore undo" while the undo window lasts: {_DESCRIBE}.',
        ),
        page="key-store-large-cleanup",
    ),
)

STORE_CONDITIONS: Final[Mapping[str, ConditionKind]] = {
    kind.type: kind
    for kind in (
        *(CONDITIONS["Ready"], CONDITIONS["Stalled"], CONDITIONS["CleanupsHeld"], *_OWN),
        *BACKUP_CONDITIONS.values(),
    )
}
"""Every condition of a key store by its type."""
