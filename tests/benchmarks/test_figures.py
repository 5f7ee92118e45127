"""The arithmetic of the bench, and that its targets can be missed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.operator import catalogue, targets
from benchmarks.operator.figures import exponent, percentile
from benchmarks.plot import further, points

Object = dict[str, Any]


@given(st.floats(0.5, 2.0), st.floats(0.01, 1000.0))
def test_the_exponent_of_a_power_is_found(power: float, factor: float) -> None:
    found = exponent({size: factor * size**power for size in (100, 1_000, 10_000)})
    assert found == pytest.approx(power, abs=1e-6)


def test_one_size_has_no_exponent() -> None:
    assert exponent({100: 3.0}) is None
    assert exponent({100: 3.0, 1000: 0.0}) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(1, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-6


def steady(tenants: int, **figures: Any) -> Object:
    return {
        "plan": {"tenants": tenants},
        "jobsPerMinute": tenants / 50,
        "requestsPerScan": 0.8,
        "requestsPerMinute": 30 + tenants / 10,
        "statusWritesPerMinute": tenants / 100,
        "rssMiB": 75 + tenants / 100,
        "cpuPercent": 0.1 + tenants / 500,
        "startUp": {"cpuSeconds": 1 + tenants / 2500},
    } | figures


SOUND: dict[str, Object] = {
    "empty": steady(0),
    "shared-100": steady(100),
    "shared-1000": steady(1_000),
    "shared-10000": steady(10_000),
    "fixed-1000": steady(1_000),
    "namespaced-1000": steady(1_000),
    "onboarding": {"writesBeyondFirst": 0},
    "outage": {
        "plan": {"tenants": 10},
        "spreadSeconds": 300.0,
        "tenantsByCleanups": {"1": 10},
        "cleanupJobs": 10,
        "cleanupJobsByMinute": [2, 2, 2, 2, 2],
    },
    "emergency": {"crossings": 3, "answered": 3, "toDoneSeconds": {"max": 61.0}},
}


def test_a_sound_operator_meets_every_target() -> None:
    # But for one that nobody can meet who has a pod mount the claims.
    missed = [one.measure for one in targets.judge(SOUND) if not one.met]
    assert missed == ["the same, a kubelet's reads of every claim added"]


@pytest.mark.parametrize(
    ("cell", "figures", "measure"),
    [
        ("shared-1000", {"jobsPerMinute": 130.0}, "Jobs a minute, 1,000 tenants on 20 nodes"),
        ("fixed-1000", {"requestsPerScan": 33.0}, "API requests for a batched scan, all clients"),
        ("shared-1000", {"statusWritesPerMinute": 1000.0}, "status writes a minute"),
        ("onboarding", {"writesBeyondFirst": 1}, "writes at onboarding"),
        ("shared-10000", {"rssMiB": 383.0}, "operator RSS"),
        ("shared-10000", {"rssMiB": 191.0}, "operator RSS"),
        ("shared-10000", {"cpuPercent": 80.0}, "operator CPU"),
        ("shared-10000", {"startUp": {"cpuSeconds": 27.0}}, "start-up CPU"),
        ("shared-10000", {"requestsPerMinute": 90_000.0}, "exponent of requests"),
        ("outage", {"tenantsByCleanups": {"1": 9, "2": 1}, "cleanupJobs": 11}, "cleanups of each"),
        ("outage", {"cleanupJobsByMinute": [10]}, "cleanups of each"),
        ("emergency", {"toDoneSeconds": {"max": 120.0}}, "seconds from crossing"),
        ("emergency", {"answered": 2}, "seconds from crossing"),
        ("shared-10000", {"broken": "the operator ended"}, "operator CPU"),
    ],
)
def test_a_regression_misses_its_target(cell: str, figures: Object, measure: str) -> None:
    cells = copy.deepcopy(SOUND)
    cells[cell] |= figures
    missed = [one.measure for one in targets.judge(cells) if one.met is False]
    assert any(each.startswith(measure) for each in missed)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    verdicts = targets.judge({})
    assert {(one.found, one.met) for one in verdicts} == {(None, None)}


def test_every_target_has_its_cell_in_the_whole_bench() -> None:
    cells = catalogue.named(catalogue.full())
    judged = {one.cell for one in targets.judge({})} - {"shared"}
    assert judged <= set(cells)
    assert {"empty", "shared-100", "shared-1000", "shared-10000"} <= set(cells)


@pytest.mark.parametrize("stages", [catalogue.full(), catalogue.quick()])
def test_a_cell_runs_once(stages: catalogue.Stages) -> None:
    names = [cell.name for lanes in stages for lane in lanes for cell in lane]
    assert len(names) == len(set(names))


def test_a_scan_that_takes_too_long_misses_its_target() -> None:
    race: Object = {"action": "scan", "files": 200, "cpuOverEmptyPythonMs": 35.5}
    race |= {"ratios": {"python -c pass": {"wall": 3.0, "cpu": 3.5}}}
    assert targets.in_pod([race]).met is True
    assert targets.in_pod([race]).found == "35.5 (3.5 times an empty Python)"
    assert targets.in_pod([race | {"cpuOverEmptyPythonMs": 40.1}]).met is False
    assert targets.in_pod([race | {"files": 2_000}]).met is None


def test_the_plot_goes_on_in_proportion_from_what_was_measured() -> None:
    cells = {"cronjobs-100": steady(100, jobsPerMinute=100.0), "shared-100": steady(100)}
    found = points(cells, "cronjobs", "jobsPerMinute")
    assert found == {100: 100.0}
    assert further(found, [10_000]) == {100: 100.0, 10_000: 10_000.0}
