"""The most important fact about a tenant: one word for `kubectl get`, a sentence for `status.next`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS, GRAVEST
from baileys_janitor.api.conditions.conditions import Condition, find
from baileys_janitor.tenants.fault import RETRY

CLEANUP_FAILING = "CleanupFailing"

_OF_NO_CONDITION: Final = {
    "CredentialsTooLarge": "Find out what makes creds.json grow; it may be whole, so do not replace it.",
    "ScansMissed": "See why the janitor's Jobs in this namespace bring no result.",
    CLEANUP_FAILING: "See in lastCleanup why cleanups fail.",
    "NotPaired": "Pair the tenant, if that is not under way.",
}
"""The first thing to do, by the reason of an unknown level or by the outcome of the last cleanup."""


@dataclass(frozen=True, slots=True)
class Attention:
    """`word`: a condition's type, or a reason. `first`: the first thing that somebody must do; empty for nothing."""

    word: str
    first: str


def attention(conditions: list[Condition], failing: bool) -> Attention | None:
    """Return the most severe advice or fault that holds; None if there is none. `failing`: cleanups fail."""
    found = {c["type"]: c for c in conditions if c["status"] == "True" and c["type"] in GRAVEST}
    unknown = find(conditions, "Healthy") or {}
    others = {str(unknown.get("reason"))} if unknown.get("status") == "Unknown" else set()
    others |= {CLEANUP_FAILING} if failing else set()
    for name in GRAVEST:
        if name in found:
            return _of_condition(found[name])
        if name in others:
            return Attention(name, _OF_NO_CONDITION[name])
    return None


def _of_condition(condition: dict[str, Any]) -> Attention:
    kind, message = condition["type"], str(condition.get("message") or "")
    if kind == "Stalled":
        # Leave out the janitor's own next step.
        return Attention(condition["reason"], message.removesuffix(RETRY).strip())
    return Attention(kind, CONDITIONS[kind].first.format(message=message))
