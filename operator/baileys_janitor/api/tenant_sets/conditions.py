"""The registry of the conditions of a BaileysTenantSet, and everything published about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from baileys_janitor.api.conditions.condition_kinds import (
    CONDITIONS,
    NORMAL,
    ConditionKind,
    EventKind,
    Group,
)

_OWN: Final = (
    ConditionKind(
        type="AwaitsConfirmation",
        group=Group.ADVICE,
        when="Something was found that has no tenant, and none is created before somebody agrees: `spec.confirm` is "
        "not true, or the tenant that it had was deleted by hand.",
        to_do="See `status.preview`. To have tenants created: `spec.confirm: true`. To have those back that were "
        "deleted by hand: set the annotation that the message names.",
        calm="NothingToConfirm",
        event=EventKind(weight=4, type=NORMAL, over=""),
    ),
    ConditionKind(
        type="LimitReached",
        group=Group.ADVICE,
        when="More was found than `spec.limit` or `spec.newPerDay` allow.",
        to_do="See whether all of it is meant: whoever writes to a volume makes directories as he likes. Then raise "
        "the limit, or wait for the next day.",
        calm="WithinLimits",
        event=EventKind(weight=7, over=""),
    ),
)

SET_CONDITIONS: Final[Mapping[str, ConditionKind]] = {
    kind.type: kind for kind in (CONDITIONS["Ready"], CONDITIONS["Stalled"], *_OWN)
}
"""Every condition of a set by its type."""
