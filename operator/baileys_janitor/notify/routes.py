"""The configured routes, with one target for each of their channels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from baileys_janitor.api.conditions.condition_kinds import RANKS, IncidentKind
from baileys_janitor.api.config.notification_config import Notifications, Route, Selector
from baileys_janitor.notify.incidents import Place


@dataclass(frozen=True, slots=True)
class Target:
    """One route to one channel, with a delivery state of its own."""

    route: Route
    channel: str

    @property
    def name(self) -> str:
        """route/channel: names of both contain no slash."""
        return f"{self.route.name}/{self.channel}"

    def hears(self, place: Place) -> bool:
        """Return whether the route accepts this tenant at all."""
        return not (place.fleet and _of_tenants(self.route.match)) and among(
            self.route.match, place
        )

    def wants(self, place: Place, kind: IncidentKind) -> bool:
        """Return whether the route accepts this incident of this tenant."""
        route = self.route
        if kind.rank < RANKS[route.level] or not self.hears(place):
            return False
        if route.match.reasons and kind.name not in route.match.reasons:
            return False
        return not self._exempt(place, kind)

    def _exempt(self, place: Place, kind: IncidentKind) -> bool:
        unless = self.route.unless
        if unless.empty or (place.fleet and _of_tenants(unless)):
            return False
        return among(unless, place) and (not unless.reasons or kind.name in unless.reasons)

    def hears_cleanups(self, place: Place) -> bool:
        """Return whether the route accepts cleanups of this tenant."""
        unless = self.route.unless
        exempt = not unless.empty and not unless.reasons and among(unless, place)
        return self.route.tells_cleanups and self.hears(place) and not exempt


def targets(config: Notifications) -> list[Target]:
    """Return each route with each of its channels; without routes, everything is sent to all channels."""
    routes: Iterable[Route] = config.routes or [
        Route(name="all", channels=[each.name]) for each in config.channels
    ]
    return [Target(route, channel) for route in routes for channel in route.channels]


def labels_asked(config: Notifications) -> frozenset[str]:
    """Return the labels of tenants that any route matches: no others need to be stored."""
    return frozenset(
        label
        for route in config.routes
        for selector in (route.match, route.unless)
        for label in selector.labels
    )


def _of_tenants(selector: Selector) -> bool:
    return bool(selector.namespaces or selector.tenants or selector.companies or selector.labels)


def among(selector: Selector, place: Place) -> bool:
    """Return whether a selector matches the tenant."""
    return (
        _matches(selector.namespaces, place.namespace)
        and _matches(selector.tenants, place.name)
        and _matches(selector.companies, place.company)
        and _has(selector.labels, place.labels)
    )


def _matches(globs: list[str], text: str) -> bool:
    return not globs or any(fnmatchcase(text, glob) for glob in globs)


def _has(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())
