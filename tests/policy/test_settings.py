"""Settings travel in a task as nested lists."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from baileys_janitor.policy.settings import (
    DEFAULTS,
    PRESSURE,
    TOTAL,
    MaxRemovals,
    Retention,
    Settings,
    Thresholds,
)
from tests.policy.worlds import DAY, any_settings


@given(any_settings())
def test_settings_survive_the_way_into_a_job(settings: Settings) -> None:
    assert Settings.from_data(json.loads(json.dumps(settings.to_data()))) == settings


def test_the_defaults_are_the_documented_ones() -> None:
    assert DEFAULTS.to_data() == [
        [150, 170, 175, 180, 185, "Pressure"],
        [50, 65],
        [14 * DAY, 3 * DAY, None],
        [7 * DAY, 1 * DAY, None],
        [60, 500],
    ]


@pytest.mark.parametrize(
    ("count", "normal", "emergency", "applied"),
    [
        (PRESSURE, None, None, (None, None)),
        (TOTAL, None, None, (50, 30)),
        (PRESSURE, 60, None, (60, 30)),
        (PRESSURE, 20, None, (20, 20)),
        (PRESSURE, None, 40, (None, 40)),
        (TOTAL, 60, 40, (60, 40)),
        (TOTAL, 0, 0, (0, 0)),
    ],
)
def test_pre_keys_go_where_every_file_counts_or_somebody_said_how_many_stay(
    count: str, normal: int | None, emergency: int | None, applied: tuple[int | None, int | None]
) -> None:
    settings = Settings(
        Thresholds(count=count),
        retention=Retention(pre_keys=normal),
        emergency_retention=Retention(pre_keys=emergency),
    )

    assert settings.applied_retention().pre_keys == applied[0]
    assert settings.applied_emergency_retention().pre_keys == applied[1]


@pytest.mark.parametrize(
    ("place", "value", "names"),
    [
        ((), None, "settings"),
        ((), [], "settings"),
        ((0,), [1, 2, 3], "thresholds"),
        ((0, 5), "Both", "thresholds.count"),
        ((0, 0), 171, "ascending"),
        ((0, 0), 1.5, "thresholds"),
        ((0, 0), -1, "thresholds"),
        ((1, 0), "50", "allowances"),
        ((2, 0), None, "retention.sessionMaxAge"),
        ((3, 2), True, "emergencyRetention.preKeys"),
        ((4, 0), float("nan"), "maxRemovals.percent"),
        ((4, 1), 1e400, "maxRemovals.files"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    place: tuple[int, ...], value: Any, names: str
) -> None:
    data: Any = DEFAULTS.to_data()
    if not place:
        data = value
    else:
        part = data
        for index in place[:-1]:
            part = part[index]
        part[place[-1]] = value

    with pytest.raises(ValueError, match=names):
        Settings.from_data(data)


@pytest.mark.parametrize(
    ("percent", "files", "total", "limit"),
    [(60, 500, 100, 60), (60, 500, 2_000, 500), (60, 500, 1, 0), (0, 500, 100, 0), (100, 0, 9, 0)],
)
def test_a_run_may_remove_the_smaller_of_a_share_and_a_number(
    percent: float, files: int, total: int, limit: int
) -> None:
    assert MaxRemovals(percent, files).limit(total) == limit


def test_values_compare_by_content() -> None:
    assert Thresholds() == Thresholds()
    assert Thresholds() != Thresholds(warning=1)
    assert Thresholds() != MaxRemovals()
    assert "warning=150" in repr(Thresholds())
