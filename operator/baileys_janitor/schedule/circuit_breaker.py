"""Circuit breakers: hold automatic cleanups if cleanups removed abnormally many files in a short time. Pure.

Each namespace has its own breaker, so nobody who can write into one namespace can hold up another. The breaker of the
fleet opens when the problem is larger than one team's mistake: when the breakers of three namespaces, or of all if
there are fewer, are open at once.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

from baileys_janitor.policy.settings import MaxRemovals, Settings

SEVERAL = 3
"""Namespaces whose breakers must be open at once to open the fleet's; all of them if there are fewer."""
REMEMBERED = 1_000
"""Number of remembered runs of a namespace, so that a run which is read again from a status counts once."""
HELD_SHARE = 4
"""Divisor of an Emergency cleanup's limit while a breaker is open."""
NAMED = 3
"""Tenants and namespaces that a message about an open breaker names."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why automatic cleanups hold, and until when (Unix seconds).

    `namespaces` are those with open breakers. `tenants` are the tenants of the requested namespace whose cleanups
    opened its breaker. Both are sorted. `fleet`: whether the fleet's breaker is open, independent of this namespace's.
    """

    until: float
    fleet: bool
    namespaces: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()


@dataclass(slots=True)
class _Namespace:
    """One namespace: its latest abnormal runs by time, and the end of its hold."""

    abnormal: list[tuple[float, str]] = field(default_factory=list)
    seen: dict[tuple[str, str], None] = field(default_factory=dict)
    opened: float = 0.0
    newest: float = 0.0
    until: float = 0.0
    culprits: tuple[str, ...] = ()


class Breakers:
    """Counts abnormally large removals of each namespace in a sliding window.

    A run is abnormal if it removed at least `percent` of the tenant's files. `runs` of them within `window` seconds
    open the namespace's breaker for `hold` seconds; every further abnormal run while they are in the window prolongs
    that. `namespaces` returns the number of namespaces with tenants.
    """

    def __init__(
        self,
        window: float,
        percent: float,
        runs: int,
        hold: float,
        namespaces: Callable[[], int] = lambda: SEVERAL,
    ) -> None:
        self._window = window
        self._percent = percent
        self._runs = runs
        self._hold = hold
        self._count = namespaces
        self._all: dict[str, _Namespace] = {}
        self._weighed = 0, 0.0
        """The number of namespaces at the last evaluation of the fleet's breaker, and the end of its hold."""

    def note(
        self, namespace: str, tenant: str, run: str, when: float, removed: int, before: int
    ) -> None:
        """Record a finished run (`before`: files in the directory before it). Each id counts once a tenant."""
        if removed <= 0 or removed * 100 < self._percent * max(before, 1):
            return
        known = self._all.setdefault(namespace, _Namespace())
        if (tenant, run) in known.seen:
            return
        known.seen[tenant, run] = None
        if len(known.seen) > REMEMBERED:
            del known.seen[next(iter(known.seen))]
        # Sorted by time, not by arrival: after a start the histories of all tenants arrive in any order.
        insort(known.abnormal, (when, tenant))
        del known.abnormal[: -self._runs]
        newest, oldest = known.abnormal[-1][0], known.abnormal[0][0]
        if len(known.abnormal) == self._runs and newest - oldest <= self._window:
            if newest >= known.until:
                known.opened = newest
            known.newest = max(known.newest, newest)
            known.until = known.newest + self._hold
            known.culprits = tuple(sorted({name for _, name in known.abnormal}))
            self._weighed = 0, 0.0

    def _fleet_until(self) -> float:
        """Return the end of the fleet's hold: enough namespaces' breakers were open when one of them opened."""
        several = min(SEVERAL, max(1, self._count()))
        if self._weighed[0] != several:
            opened = [known for known in self._all.values() if known.until]
            moments = sorted((known.newest, known.until) for known in opened)
            until = 0.0
            for moment, end in moments:
                if sum(known.opened <= moment < known.until for known in opened) >= several:
                    until = max(until, end)
            self._weighed = several, until
        return self._weighed[1]

    def hold(self, namespace: str, now: float) -> Hold | None:
        """Return why automatic cleanups of a namespace hold, or None."""
        known, fleet = self._all.get(namespace), self._fleet_until()
        own = known.until if known is not None else 0.0
        if now >= max(own, fleet):
            return None
        culprits = known.culprits if known is not None and now < own else ()
        return Hold(max(own, fleet), now < fleet, self.open(now), culprits)

    def fleet(self, now: float) -> Hold | None:
        """Return why automatic cleanups of the whole fleet hold, or None."""
        until = self._fleet_until()
        return Hold(until, True, self.open(now)) if now < until else None

    def any(self, now: float) -> Hold | None:
        """Return any hold: the fleet's breaker, else those of namespaces, else None."""
        fleet, names = self.fleet(now), self.open(now)
        if fleet is not None or not names:
            return fleet
        tenants = self._all[names[0]].culprits if len(names) == 1 else ()
        return Hold(max(self._all[name].until for name in names), False, names, tenants)

    def open(self, now: float) -> tuple[str, ...]:
        """Return the namespaces whose breakers are open, sorted."""
        return tuple(sorted(name for name, known in self._all.items() if now < known.until))

    def tidy(self, now: float) -> None:
        """Drop the namespaces without any abnormal run in the window."""
        past = now - self._window - self._hold
        for name, known in list(self._all.items()):
            if known.until <= now and (not known.abnormal or known.abnormal[-1][0] < past):
                del self._all[name]
                self._weighed = 0, 0.0

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds."""
        self._weighed = 0, 0.0
        for known in self._all.values():
            known.abnormal = [(when + step, tenant) for when, tenant in known.abnormal]
            if known.until:
                known.opened += step
                known.newest += step
                known.until += step


def named(names: tuple[str, ...]) -> str:
    """Return "a", "a and b", "a, b, c and 2 more"."""
    shown = list(names[:NAMED])
    if len(names) > NAMED:
        return f"{', '.join(shown)} and {len(names) - NAMED} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def held_removals(most: MaxRemovals) -> MaxRemovals:
    """Return the limit of one Emergency cleanup while a breaker is open: a quarter of the usual one."""
    return MaxRemovals(most.percent / HELD_SHARE, max(1, most.files // HELD_SHARE))


def held_settings(settings: Settings) -> Settings:
    """Return the settings of an Emergency cleanup while a breaker is open."""
    return Settings(
        settings.thresholds,
        settings.allowances,
        settings.retention,
        settings.emergency_retention,
        held_removals(settings.max_removals),
    )
