"""metav1.Condition lists: `lastTransitionTime` moves only when `status` does."""

from __future__ import annotations

import math
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import GRAVEST, ConditionKind
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.policy.levels import LEVELS

MESSAGE_LIMIT = 1024
"""Characters of a condition's message: far below the API's 32,768, and still one paragraph."""

Condition = dict[str, Any]


class Conditions:
    """The conditions of one resource, initialized with the stored ones.

    `items()` returns the most important first, always in the same order, so that an unchanged list is written byte for
    byte the same.
    """

    def __init__(self, stored: list[Condition] | None, generation: int, now: float) -> None:
        self._stored = {c["type"]: c for c in stored or () if isinstance(c, dict) and "type" in c}
        self._fresh: dict[str, Condition] = {}
        self._generation = generation
        self._now = now

    def set(self, kind: str, status: bool | None, reason: str, message: str = "") -> None:
        """State a condition: True, False or None (Unknown), a CamelCase reason and a sentence."""
        text = {True: "True", False: "False", None: "Unknown"}[status]
        before = self._stored.get(kind)
        unmoved = before is not None and before.get("status") == text
        since = before.get("lastTransitionTime") if before is not None and unmoved else None
        if since is not None and (from_rfc3339(since) or 0.0) > self._now:
            # A wrong clock has written it.
            since = None
        self._fresh[kind] = {
            "type": kind,
            "status": text,
            "reason": reason,
            "message": message[:MESSAGE_LIMIT],
            "observedGeneration": self._generation,
            "lastTransitionTime": since or to_rfc3339(self._now),
        }

    def advise(
        self, kind: ConditionKind, message: str | None, reason: str = "", calm: str = ""
    ) -> None:
        """State a condition of the group `Advice`: True with its message, or False with `calm` or the kind's own.

        Advice that was never given is not listed as False, to keep the list short.
        """
        if message is not None:
            self.set(kind.type, True, reason or kind.reason or kind.type, message)
        elif kind.type in self._stored:
            self.set(kind.type, False, kind.calm, calm or kind.calm_message)

    def true_since(self, kind: str) -> float:
        """Return since when (Unix seconds) a stored condition is True; far in the past if it is not, or if that time is
        in the future."""
        stored = self._stored.get(kind) or {}
        since = from_rfc3339(stored.get("lastTransitionTime"))
        known = stored.get("status") == "True" and since is not None and since <= self._now
        return since if known and since is not None else -math.inf

    def keep(self, kind: str) -> None:
        """Carry a stored condition over as it is."""
        if kind in self._stored and kind not in self._fresh:
            self._fresh[kind] = self._stored[kind]

    def items(self) -> list[Condition]:
        """Return the list to store; conditions that were not stated again are dropped."""
        return sorted(self._fresh.values(), key=_importance)


def _importance(condition: Condition) -> tuple[int, int, str]:
    """Return the sort key of conditions: facts that somebody should know, Ready, the level, and False conditions."""
    kind, status = condition["type"], condition["status"]
    if status == "True" and kind in GRAVEST:
        return 0, GRAVEST.index(kind), kind
    if kind == "Ready":
        return 1, 0, kind
    if kind in LEVELS:
        return (2 if status == "True" else 3), LEVELS.index(kind), kind
    return 4, 0, kind


def find(conditions: list[Condition] | None, kind: str) -> Condition | None:
    """Return the condition of that type, or None."""
    return next((c for c in conditions or () if c.get("type") == kind), None)


def digest(conditions: list[Condition] | None) -> list[tuple[str, str, str]]:
    """Return the parts of conditions whose change is material: types, statuses and reasons, not the numbers."""
    return sorted((c["type"], c["status"], c.get("reason", "")) for c in conditions or ())
