"""The settings of a tenant: limits of the count, ages, and how much one run may remove."""

from __future__ import annotations

from dataclasses import dataclass, field

PRESSURE = "Pressure"
TOTAL = "Total"

DAY = 86_400

#: The number of newest uploaded pre-keys that stay where pre-keys may be removed and no number is
#: set.
KEPT_PRE_KEYS = 50
EMERGENCY_KEPT_PRE_KEYS = 30


@dataclass(slots=True)
class Thresholds:
    """Numbers of counted files, ascending; `count` selects what is counted (Pressure or Total)."""

    warning: int = 150
    critical: int = 170
    trigger: int = 175
    emergency: int = 180
    danger: int = 185
    count: str = PRESSURE


@dataclass(slots=True)
class Allowances:
    """In Pressure mode, only files above these numbers are left out of the count.

    A directory held 50 pre-keys and 65 protected files when the documented limits were
    written; on a library of that time both modes count the same.
    """

    pre_keys: int = 50
    protected: int = 65


@dataclass(slots=True)
class Retention:
    """Ages in seconds after which sessions and sender keys are removed, and how many pre-keys stay.

    `pre_keys` is None in the configured values if it is not set, and in the applied values if all
    of them stay.
    """

    session_max_age: float = 14 * DAY
    sender_key_max_age: float = 3 * DAY
    pre_keys: int | None = None

    def with_pre_keys(self, pre_keys: int | None) -> Retention:
        """Return the same ages with another number of pre-keys."""
        return Retention(self.session_max_age, self.sender_key_max_age, pre_keys)


#: An upper bound for any configuration: the trash of a directory holds no more, and a run must fit
#: into it.
MAX_FILES_A_RUN = 5_000


@dataclass(slots=True)
class MaxRemovals:
    """The most that one run may remove: a share of all files in percent, and a number of files."""

    percent: float = 60
    files: int = 500

    def limit(self, total: int) -> int:
        """Return the number of files that a run over `total` files may remove."""
        return max(0, min(self.files, MAX_FILES_A_RUN, int(total * self.percent // 100)))


@dataclass(slots=True)
class Settings:
    """Every input of the rules besides the files themselves."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    allowances: Allowances = field(default_factory=Allowances)
    retention: Retention = field(default_factory=Retention)
    emergency_retention: Retention = field(default_factory=lambda: Retention(7 * DAY, 1 * DAY))
    max_removals: MaxRemovals = field(default_factory=MaxRemovals)

    @property
    def longest_age(self) -> float:
        """The longest age in seconds that any rule uses."""
        both = (self.retention, self.emergency_retention)
        return max(
            [age for each in both for age in (each.session_max_age, each.sender_key_max_age)]
        )

    def applied_retention(self) -> Retention:
        """Return `retention` as it applies.

        Pre-keys are removed only where that helps: where every file counts, or where a number to
        keep is set. Under Pressure, pre-keys above the allowance do not count, and removing them
        makes new contacts' first messages fail.
        """
        pre_keys = self.retention.pre_keys
        if pre_keys is None and self.thresholds.count == TOTAL:
            pre_keys = KEPT_PRE_KEYS
        return self.retention.with_pre_keys(pre_keys)

    def applied_emergency_retention(self) -> Retention:
        """Return `emergency_retention` as it applies: it removes pre-keys where `retention` does."""
        pre_keys = self.emergency_retention.pre_keys
        normal = self.applied_retention().pre_keys
        if pre_keys is None and normal is not None:
            pre_keys = min(EMERGENCY_KEPT_PRE_KEYS, normal)
        return self.emergency_retention.with_pre_keys(pre_keys)

    def to_data(self) -> list[list[object]]:
        """Return nested lists for a task: thresholds, allowances, two retentions, max removals."""
        limits = self.thresholds
        return [
            [
                limits.warning,
                limits.critical,
                limits.trigger,
                limits.emergency,
                limits.danger,
                limits.count,
            ],
            [self.allowances.pre_keys, self.allowances.protected],
            _retention_data(self.retention),
            _retention_data(self.emergency_retention),
            [self.max_removals.percent, self.max_removals.files],
        ]

    @classmethod
    def from_data(cls, data: object) -> Settings:
        """Read what `to_data` returns; `ValueError` names the part that does not fit."""
        parts = _row("settings", data, 5)
        limits = _row("thresholds", parts[0], 6)
        if limits[5] not in (PRESSURE, TOTAL):
            raise ValueError(f"thresholds.count must be {PRESSURE} or {TOTAL}")
        numbers = [_whole("thresholds", value) for value in limits[:5]]
        warning, critical, trigger, emergency, danger = numbers
        if sorted(numbers) != numbers:
            raise ValueError("thresholds must be ascending")
        pre_keys, protected = (
            _whole("allowances", each) for each in _row("allowances", parts[1], 2)
        )
        percent, files = _row("maxRemovals", parts[4], 2)
        return cls(
            Thresholds(warning, critical, trigger, emergency, danger, str(limits[5])),
            Allowances(pre_keys, protected),
            _retention("retention", parts[2]),
            _retention("emergencyRetention", parts[3]),
            MaxRemovals(
                _number("maxRemovals.percent", percent), _whole("maxRemovals.files", files)
            ),
        )


def _retention_data(retention: Retention) -> list[object]:
    return [retention.session_max_age, retention.sender_key_max_age, retention.pre_keys]


def _retention(field: str, data: object) -> Retention:
    sessions, sender_keys, pre_keys = _row(field, data, 3)
    return Retention(
        _number(f"{field}.sessionMaxAge", sessions),
        _number(f"{field}.senderKeyMaxAge", sender_keys),
        None if pre_keys is None else _whole(f"{field}.preKeys", pre_keys),
    )


def _row(field: str, data: object, length: int) -> list[object]:
    if not isinstance(data, (list, tuple)) or len(data) != length:
        raise ValueError(f"{field} must be a list of {length}")
    return list(data)


def _number(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        raise ValueError(f"{field} must be a number of at least 0")
    return value


def _whole(field: str, value: object) -> int:
    number = _number(field, value)
    if number != int(number):
        raise ValueError(f"{field} must be a whole number")
    return int(number)


DEFAULTS = Settings()
