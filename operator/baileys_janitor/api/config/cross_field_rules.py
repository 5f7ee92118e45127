"""The rules between settings, checked after the merge.

A tenant may set one of two related settings and inherit the other, so only the merged result can be checked. Pure: the
conflict names the fields; the merge finds out who set them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from baileys_janitor.api.spec_groups import LIMITS
from baileys_janitor.api.values.durations import seconds_of
from baileys_janitor.api.values.patterns import (
    CRON,
    CRON_NEVER_SENTENCE,
    CRON_WAY_OUT,
    IN_WORDS,
    NEVER,
    TIME_ZONE,
)
from baileys_janitor.api.values.quantities import amount_of

FORBIDDEN_ZONES = frozenset({"local", "localtime", "factory", "posixrules"})
"""Names that some machines accept as time zones, each with another meaning."""

_ANY_TIME = datetime(2024, 1, 1, tzinfo=UTC)


class Conflict(Exception):  # noqa: N818 - it names what was found, and never leaves this room
    """Settings that cannot be in force together.

    `fields` are dotted names; `sentence` has a place `{0}`, `{1}` for each of them.
    """

    def __init__(self, sentence: str, *fields: str) -> None:
        super().__init__(sentence, *fields)
        self.sentence = sentence
        self.fields = fields


def check(merged: dict[str, Any]) -> None:
    """Raise `Conflict` for the first problem in the merged settings."""
    _check_thresholds(merged["thresholds"])
    _check_retention(merged["retention"], merged["emergencyRetention"])
    _check_schedule(merged["schedule"])
    _check_resources(merged["job"].get("resources", {}))


def _check_thresholds(thresholds: dict[str, int]) -> None:
    for low, high in pairwise(LIMITS):
        if thresholds[low] > thresholds[high]:
            raise Conflict(
                "{0} is above {1}: thresholds must ascend, so lower the first or raise the second",
                f"thresholds.{low}",
                f"thresholds.{high}",
            )


def _check_retention(normal: dict[str, Any], emergency: dict[str, Any]) -> None:
    for field in ("sessionMaxAge", "senderKeyMaxAge"):
        if seconds_of(emergency[field]) > seconds_of(normal[field]):
            raise Conflict(
                "{0} is longer than {1}: an emergency must not keep more, so shorten the first "
                "or lengthen the second",
                f"emergencyRetention.{field}",
                f"retention.{field}",
            )
    if emergency["preKeys"] > normal["preKeys"]:
        raise Conflict(
            "{0} is more than {1}: an emergency must not keep more, so lower the first or raise "
            "the second",
            "emergencyRetention.preKeys",
            "retention.preKeys",
        )


def _check_schedule(schedule: dict[str, Any]) -> None:
    if not is_zone(schedule["timeZone"]):
        raise Conflict(
            f"{{0}} is no known time zone: {IN_WORDS[TIME_ZONE]}",
            "schedule.timeZone",
        )
    problem = cron_problem(schedule["dailyCleanup"])
    if problem:
        raise Conflict(f"{{0}} {problem}", "schedule.dailyCleanup")


@lru_cache(maxsize=512)
def is_zone(name: str) -> bool:
    """Return whether this is a time zone with the same meaning on every machine."""
    if name.lower() in FORBIDDEN_ZONES:
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=512)
def cron_problem(expression: str) -> str:
    """Return the problem of a daily schedule, as the rest of a sentence; empty if there is none."""
    if expression == NEVER:
        return ""
    way_out = CRON_WAY_OUT
    if len(expression.split()) != 5:
        return f"does not have five fields: {way_out}"
    try:
        next(CronSim(expression, _ANY_TIME))
    except StopIteration:
        return CRON_NEVER_SENTENCE
    except CronSimError as error:
        if re.match(CRON, expression, re.ASCII):
            # Each field is valid by itself, so the month lacks the day.
            return CRON_NEVER_SENTENCE
        return f"cannot be read ({str(error).lower()}): {way_out}"
    except (AssertionError, ValueError, TypeError, KeyError, OverflowError):
        # CronSim raises other errors for some malformed expressions.
        return f"cannot be read: {way_out}"
    return ""


def _check_resources(resources: dict[str, Any]) -> None:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for name in requests.keys() & limits.keys():
        if amount_of(requests[name]) > amount_of(limits[name]):
            raise Conflict(
                "{0} is more than {1}: no pod could start, so lower the first or raise the second",
                f"job.resources.requests.{name}",
                f"job.resources.limits.{name}",
            )
