"""Circuit breakers: hold automatic cleanups where cleanups removed abnormally much in a short time. Pure.

Each namespace has a breaker of its own, so that nobody who can write into one namespace holds up another. The fleet's
opens when it is more than one team's mistake: when those of three namespaces are open at once, or of all there are.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

from baileys_janitor.policy.settings import MaxRemovals, Settings

SEVERAL = 3
"""Namespaces whose breakers must be open at once for the fleet's to open; all of them where there are fewer."""
REMEMBERED = 1_000
"""Runs of a namespace that are remembered, so that one which is read again from a status counts once."""
HELD_SHARE = 4
"""By how much an Emergency cleanup removes less while a breaker is open."""
NAMED = 3
"""Tenants and namespaces that a message about an open breaker names."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why automatic cleanups hold, and until when (Unix seconds).

    `namespaces` are those whose breakers are open, `tenants` those of the namespace asked about whose cleanups
    opened it, both sorted; `fleet`: the fleet's breaker is open, whatever this namespace's does.
    """

    until: float
    fleet: bool
    namespaces: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()


@dataclass(slots=True)
class _Namespace:
    """One namespace: its latest abnormal runs by time, and until when its breaker is open."""

    abnormal: list[tuple[float, str]] = field(default_factory=list)
    seen: dict[tuple[str, str], None] = field(default_factory=dict)
    opened: float = 0.0
    newest: float = 0.0
    until: float = 0.0
    culprits: tuple[str, ...] = ()


class Breakers:
    """Counts abnormally large removals of each namespace in a sliding window.

    A run is abnormal when it removed at least `percent` of the tenant's files. `runs` of them within `window`
    seconds open the namespace's breaker for `hold` seconds; every further abnormal run while they are in the window
    prolongs that. `namespaces` returns how many there are with tenants.
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
        """For how many namespaces the fleet's breaker was weighed last, and until when it is open."""

    def note(
        self, namespace: str, tenant: str, run: str, when: float, removed: int, before: int
    ) -> None:
        """Take note of a finished run (`before`: files in the directory before it); an id counts once a tenant."""
        if removed <= 0 or removed * 100 < self._percent * max(before, 1):
            return
        known = self._all.setdefault(namespace, _Namespace())
        if (tenant, run) in known.seen:
            return
        known.seen[tenant, run] = None
        if len(known.seen) > REMEMBERED:
            del known.seen[next(iter(known.seen))]
        # By time, not by arrival: after a start the histories of all tenants come in any order.
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
        """Return until when the fleet's breaker is open: enough namespaces' were when one of them opened."""
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
        """Return what holds anywhere: the fleet's breaker, else those of namespaces, else None."""
        fleet, names = self.fleet(now), self.open(now)
        if fleet is not None or not names:
            return fleet
        tenants = self._all[names[0]].culprits if len(names) == 1 else ()
        return Hold(max(self._all[name].until for name in names), False, names, tenants)

    def open(self, now: float) -> tuple[str, ...]:
        """Return the namespaces whose breakers are open, sorted."""
        return tuple(sorted(name for name, known in self._all.items() if now < known.until))

    def tidy(self, now: float) -> None:
        """Forget the namespaces of which nothing counts any more."""
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
    """Return what one Emergency cleanup may remove while a breaker is open: a quarter of what it may otherwise."""
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
