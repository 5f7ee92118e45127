"""The number that is compared with the limits, and the resulting level."""

from __future__ import annotations

from baileys_janitor.policy.settings import TOTAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.counts import Census
    from baileys_janitor.policy.settings import Settings, Thresholds

HEALTHY = "Healthy"
WARNING = "Warning"
CRITICAL = "Critical"
EMERGENCY = "Emergency"

#: In ascending order.
LEVELS: tuple[str, ...] = (HEALTHY, WARNING, CRITICAL, EMERGENCY)


def counted(census: Census, settings: Settings) -> int:
    """Return the number of files that counts, according to `thresholds.count`."""
    return counted_of(census.total, census.pre_keys, census.protected, settings)


def counted_of(total: int, pre_keys: int, protected: int, settings: Settings) -> int:
    """Return `counted` from numbers of files: all, the pre-keys and the protected kinds among them."""
    if settings.thresholds.count == TOTAL:
        return total
    allowances = settings.allowances
    surplus = max(0, pre_keys - allowances.pre_keys) + max(0, protected - allowances.protected)
    return total - surplus


def level(count: int, thresholds: Thresholds) -> str:
    """Return the level of a count: Healthy below `warning`, Emergency from `emergency` on."""
    if count >= thresholds.emergency:
        return EMERGENCY
    if count >= thresholds.critical:
        return CRITICAL
    return WARNING if count >= thresholds.warning else HEALTHY


def at_least(reached: str, wanted: str) -> bool:
    """Return whether a level is at least as severe as another; `ValueError` if one is not a level."""
    for word in (reached, wanted):
        if word not in LEVELS:
            raise ValueError(f"{word!r} is not a level; use one of {', '.join(LEVELS)}")
    return LEVELS.index(reached) >= LEVELS.index(wanted)
