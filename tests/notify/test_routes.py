"""Who is told of what: by level, namespace, tenant, company, label and reason; every route that matches is used."""

from __future__ import annotations

from typing import Any

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.notify.incidents import Place
from baileys_janitor.notify.routes import Target, labels_asked, targets

ACME = Place("shop-eu", "acme", "962302", {"tier": "gold"})
BETA = Place("support", "beta", "962303")
FLEET = Place()
EMERGENCY, WARNING = INCIDENT_KINDS["TenantEmergency"], INCIDENT_KINDS["TenantWarning"]
DISK, BREAKER = INCIDENT_KINDS["DiskPressure"], INCIDENT_KINDS["CircuitBreakerOpen"]


def target(**route: Any) -> Target:
    config = Notifications.model_validate(
        {
            "channels": [{"name": "hook", "webhook": {"urlKey": "url"}}],
            "routes": [{"name": "r", "channels": ["hook"], **route}],
        }
    )
    (found,) = targets(config)
    return found


def test_without_routes_everything_goes_everywhere() -> None:
    config = Notifications.model_validate(
        {"channels": [{"name": name, "webhook": {"urlKey": "url"}} for name in ("a", "b")]}
    )
    assert [each.name for each in targets(config)] == ["all/a", "all/b"]
    for each in targets(config):
        assert all(
            each.wants(place, kind) for place in (ACME, FLEET) for kind in INCIDENT_KINDS.values()
        )
        assert each.hears_cleanups(ACME)


def test_a_route_to_two_channels_is_two_targets() -> None:
    config = Notifications.model_validate(
        {
            "channels": [{"name": name, "webhook": {"urlKey": "url"}} for name in ("a", "b", "c")],
            "routes": [
                {"name": "night", "channels": ["a", "b"], "level": "Emergency"},
                {"name": "day", "channels": ["b"]},
            ],
        }
    )
    assert [each.name for each in targets(config)] == ["night/a", "night/b", "day/b"]


def test_a_level_is_the_least_that_is_told() -> None:
    critical = target(level="Critical")
    wanted = [kind.severity for kind in INCIDENT_KINDS.values() if critical.wants(ACME, kind)]
    assert "Warning" not in wanted
    assert {"Critical", "Emergency"} <= set(wanted)


def test_tenants_are_chosen_by_namespace_name_company_and_label() -> None:
    for match in (
        {"namespaces": ["shop-*"]},
        {"tenants": ["acme", "other"]},
        {"companies": ["96230[2]"]},
        {"labels": {"tier": "gold"}},
        {"namespaces": ["shop-eu"], "labels": {"tier": "gold"}},
    ):
        chosen = target(match=match)
        assert chosen.wants(ACME, EMERGENCY), match
        assert not chosen.wants(BETA, EMERGENCY), match
        # What concerns the whole fleet is not told to whom a few tenants belong.
        assert not chosen.wants(FLEET, BREAKER), match


def test_reasons_choose_what_is_told_of_all_tenants() -> None:
    disks = target(match={"reasons": ["DiskPressure", "CircuitBreakerOpen"]})
    assert disks.wants(BETA, DISK)
    assert disks.wants(FLEET, BREAKER)
    assert not disks.wants(BETA, EMERGENCY)


def test_exceptions_win() -> None:
    others = target(unless={"namespaces": ["shop-*"]})
    assert not others.wants(ACME, EMERGENCY)
    assert others.wants(BETA, EMERGENCY)
    assert others.wants(FLEET, BREAKER)
    assert not others.hears_cleanups(ACME)
    quiet = target(unless={"namespaces": ["shop-*"], "reasons": ["TenantWarning"]})
    assert not quiet.wants(ACME, WARNING)
    assert quiet.wants(ACME, EMERGENCY)
    assert quiet.wants(BETA, WARNING)
    assert quiet.hears_cleanups(ACME)


def test_only_labels_that_are_asked_for_are_remembered() -> None:
    config = Notifications.model_validate(
        {
            "channels": [{"name": "hook", "webhook": {"urlKey": "url"}}],
            "routes": [
                {"name": "a", "channels": ["hook"], "match": {"labels": {"tier": "gold"}}},
                {"name": "b", "channels": ["hook"], "unless": {"labels": {"team": "x"}}},
            ],
        }
    )
    assert labels_asked(config) == {"tier", "team"}
    assert labels_asked(Notifications()) == set()


def test_a_narrow_route_has_cleanups_and_summaries_only_if_it_says_so() -> None:
    routes = [
        {"name": "all", "channels": ["hook"]},
        {"name": "night", "channels": ["hook"], "level": "Emergency"},
        {"name": "disk", "channels": ["hook"], "match": {"reasons": ["DiskPressure"]}},
        {"name": "shop", "channels": ["hook"], "match": {"namespaces": ["shop"]}},
        {"name": "asked", "channels": ["hook"], "level": "Critical", "cleanups": True},
        {"name": "quiet", "channels": ["hook"], "cleanups": False, "summary": False},
    ]
    channels = [{"name": "hook", "webhook": {"urlKey": "hook"}}]
    config = Notifications.model_validate({"channels": channels, "routes": routes})
    told = {each.name: (each.tells_cleanups, each.tells_summary) for each in config.routes}
    assert told == {
        "all": (True, True),
        "night": (False, False),
        "disk": (False, False),
        "shop": (True, True),
        "asked": (True, False),
        "quiet": (False, False),
    }
