"""What is written of the results into the page."""

from __future__ import annotations

import os
import platform
from typing import Any

from benchmarks import document, machine
from benchmarks.operator import report, targets

Object = dict[str, Any]


def cell(tenants: int, jobs: float, requests: float) -> Object:
    return {
        "plan": {"tenants": tenants},
        "jobsPerMinute": jobs,
        "allRequestsPerMinute": requests,
        "lagSeconds": {"p50": 0.25},
    }


CELLS = {"shared-100": cell(100, 2.0, 80.0), "cronjobs-100": cell(100, 100.0, 3600.0)}


def results(**more: Any) -> Object:
    verdict = targets.Verdict("Jobs a minute", "shared-1000", "at most 20", "31", False)
    found = {"machine": machine.described(), "apiServer": "a server", "minutes": 3.0}
    return found | {"cells": CELLS, "targets": [verdict.row()]} | more


def test_a_missed_target_is_called_missed() -> None:
    lines = list(document.sections(results(), results(targets=[], races=[]), {}, {}, {}, {}, {}))
    assert "| Jobs a minute | 20 | 31 | **missed** |" in lines


def test_each_steady_cell_has_a_row_with_dashes_for_what_it_lacks() -> None:
    lines = list(
        document.sections(results(), results(targets=[], races=[]), results(), {}, {}, {}, {})
    )
    rows = [line for line in lines if line.startswith("| cronjobs-100 |")]
    assert len(rows) == 2, "one of each API server"
    assert rows[0].startswith("| cronjobs-100 | 100 | - | 3,600 | - |")


def test_keys_in_postgresql_are_written_where_they_were_measured() -> None:
    stored = {
        "machine": machine.described(),
        "keys": 340_000,
        "byAgeAlone": 257_655,
        "protectedGone": 0,
        "report": {"ms": 400},
        "clean": {
            "removed": 60_000,
            "rowsASecond": 1,
            "rowsASecondWithPlanning": 1,
            "seconds": 9.0,
        },
        "alone": {"rowsASecond": 1},
        "writer": {"p99": 1.4, "beside": {"maxMs": 90.0}},
        "race": {"keys": 1476, "ms": {"janitor": 300, "node": 200}, "ratio": 1.5},
    }
    lines = list(
        document.sections(results(), results(targets=[], races=[]), {}, stored, {}, {}, {})
    )
    assert "| report over 340,000 keys | 1,000 ms | 400 ms |" in lines
    assert lines[-1].endswith("| 1 | 1.5 (300 ms to 200 ms) |")


def test_contenders_are_compared_with_the_operator_of_as_many_tenants() -> None:
    assert report.ratios(CELLS) == [
        "100 tenants: CronJobs start 50 times as many Jobs and cause 45 times as many requests as shared-100."
    ]


def test_the_machine_is_described_without_its_name() -> None:
    described = str(machine.described())
    assert platform.node() not in described
    assert os.getcwd() not in described
