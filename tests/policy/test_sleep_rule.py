"""Simulated tenants of every habit: nothing goes too early, and what is overdue stays bounded.

`make simulate` runs more tenants of each model, longer.
"""

from __future__ import annotations

import itertools
import os

import pytest

from tests.all_checks import one_in
from tests.policy.simulation.run import Outcome, run
from tests.policy.simulation.tenants import ADVERSE, DAY, DESIGNED, MODELS

SEEDS = int(os.environ.get("SIMULATED_TENANTS", "1"))
#: Limits in days, and for how many days each is simulated; whatever befalls files and clocks does so by day 165.
LIMITS = {14: 240, 7: 185, 3: 170}
LONG = int(os.environ.get("SIMULATED_DAYS", "0"))
LIVES = one_in(2 if SEEDS == 1 else 1, itertools.product(MODELS, LIMITS))

#: At 14 days: the share of overdue files, and by how many days of running time the worst is late.
BOUNDS = {
    "busy": (0.01, 1),
    "normal": (0.02, 1),
    "a core and dormant contacts": (0.02, 1),
    "two messages a day": (0.35, 22),
    "one message a day": (0.5, 35),
    "one in 4 days": (0.85, 125),
    "one in 10 days": (0.97, 270),
    "office, silent at weekends": (0.25, 13),
    "office, off at weekends": (0.03, 1.5),
    "small office": (0.45, 22),
    "office with holidays": (0.25, 16),
    "shut for a season": (0.15, 75),
    "two sleeps of 20 days": (0.08, 10),
    "a stop of 1 to 6 days each 9": (0.03, 1.5),
    "a night shop": (0.02, 1),
    "bursts 23.5 hours apart": (0.05, 2),
    "bursts a little more than a day apart": (0.2, 9),
    "bursts 25 hours apart": (0.2, 10),
    "bursts 47 hours apart": (0.35, 23),
    "bursts 3 days apart": (0.5, 36),
    "one busy hour a week": (0.5, 52),
    "one contact": (0.01, 1),
    "one busy contact, others once": (0.3, 10),
    "a campaign each month": (0.1, 5),
    "a growing tenant": (0.02, 1),
    "a dying tenant": (0.6, 30),
    "rates of every week": (0.35, 28),
    "groups alone": (0.02, 1),
    "off for 25 hours each 3 days": (0.05, 2),
    "off for 25 hours each 3 days, quiet": (0.3, 13),
    "off for 23 hours each 2 days": (0.2, 9),
    "off every second month": (0.05, 1.5),
    "off for 30 hours at random": (0.15, 9),
    "quiet and off for days": (0.7, 40),
    "a guest saved at night": (0.05, 2),
    "a clock that drifts": (0.02, 1),
    "a server 5 minutes ahead": (0.02, 1),
    "a server 50 minutes behind": (0.02, 1),
    "times of 2 seconds": (0.02, 1),
    "looked at each week, on Sundays": (0.35, 23),
    "looked at each month": (0.4, 30),
    "looked at each month, sleeps": (0.45, 35),
    "looked at every 4 hours": (0.02, 5),
    "an operator, normal": (0.02, 1),
    "an operator, one message a day": (0.5, 40),
    "an operator, off at weekends": (0.06, 4),
    "memory lost now and then": (0.2, 18),
    "no memory at all": (0.5, 30),
}
#: After clocks and copies all counts anew, at worst twice: once more when the clock has been there again.
ANEW = (0.2, 46)


def outcomes(name: str, limit: int) -> list[Outcome]:
    days = LONG or LIMITS[limit // DAY]
    return [run(name, seed, limit, days) for seed in range(SEEDS)]


@pytest.mark.parametrize(("name", "limit_days"), LIVES)
def test_nothing_goes_before_its_tenant_ran_that_long(name: str, limit_days: int) -> None:
    found = outcomes(name, limit_days * DAY)

    young, removed = sum(each.young for each in found), sum(each.removed for each in found)
    short = max(each.short for each in found) / DAY
    assert young == 0, f"{young} of {removed}, at worst {short:.2f} days too early"
    assert removed > 0 or name == "one contact"
    assert max(each.longest_text for each in found) <= 1024
    if limit_days == 14:
        share, late = BOUNDS.get(name, ANEW)
        assert sum(each.share for each in found) / len(found) <= share
        assert max(each.late for each in found) <= late * DAY


def test_the_models_are_as_many_as_they_should_be() -> None:
    assert len(DESIGNED) == 22
    assert len(ADVERSE) >= 20
    assert BOUNDS.keys() <= MODELS.keys()
