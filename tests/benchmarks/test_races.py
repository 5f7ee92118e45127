"""Races of the Job's process: all do the same work, and who fails has not raced."""

from __future__ import annotations

import sys

import pytest

from benchmarks import job
from benchmarks.processes import Contender, Sample, least_over, once, over, ratio, watched


def test_all_contenders_of_a_cleanup_remove_the_same_files() -> None:
    found = job.measure("clean", 120, 1)
    removed = {name: figures.get("removed") for name, figures in found["figures"].items()}
    assert removed.pop(job.EMPTY) is None
    assert len(set(removed.values())) == 1
    assert removed[job.OURS] > 0


def test_all_contenders_of_a_scan_are_measured() -> None:
    found = job.measure("scan", 50, 1)
    assert {job.OURS, job.EMPTY, "naive Python", "find"} <= set(found["figures"])
    assert all(figures["cpuMs"] >= 0 for figures in found["figures"].values())
    assert found["figures"][job.OURS]["peakMiB"] > 1


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="wrong ended with 3"):
        once(Contender("wrong", [sys.executable, "-c", "raise SystemExit(3)"]))


def test_the_peak_is_the_process_s_own() -> None:
    plain = watched(Contender("plain", [sys.executable, "-c", "import time; time.sleep(.1)"]))[1]
    text = "x = bytearray(40 * 2**20); import time; time.sleep(.1)"
    large = watched(Contender("large", [sys.executable, "-c", text]))[1]
    assert 39 < large - plain < 45


def test_runs_that_stood_side_by_side_are_compared() -> None:
    ours, theirs = [Sample(2.0, 1.0), Sample(8.0, 1.0)], [Sample(1.0, 2.0), Sample(4.0, 2.0)]
    assert ratio(ours, theirs, "wall") == 2.0
    assert ratio(ours, theirs, "cpu") == 0.5
    assert over(ours, theirs) == 2.5


def test_what_a_busy_machine_adds_is_left_out_of_the_cpu_over_an_empty_python() -> None:
    ours, theirs = [Sample(1.0, 5.0), Sample(1.0, 3.0)], [Sample(1.0, 1.0), Sample(1.0, 9.0)]
    assert least_over(ours, theirs) == 2.0
