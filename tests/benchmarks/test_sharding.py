"""What is computed of one operator and two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import document, machine, sharding

FIGURES = st.floats(0.0, 1000.0)


def replica(start: float, window: float, rss: float) -> dict[str, float]:
    return {"startCpuSeconds": start, "cpuSeconds": window, "rssMiB": rss}


@given(FIGURES, FIGURES)
def test_what_is_the_fleets_and_what_is_divided_is_found_again(
    fleet: float, divided: float
) -> None:
    one = replica(fleet + divided, 1.0, 1.0)
    two = [replica(fleet + divided / 2, 1.0, 1.0)] * 2

    found = sharding.computed(one, two)["startCpuSeconds"]

    assert found["fleet"] == pytest.approx(fleet, abs=0.02)
    assert found["divided"] == pytest.approx(divided, abs=0.02)
    assert found["each"]["3"] == pytest.approx(fleet + divided / 3, abs=0.02)


def test_the_cpu_of_a_window_is_compared_for_as_many_scans() -> None:
    one, two = replica(1.0, 8.0, 100.0), [replica(1.0, 2.0, 100.0)] * 2

    found = sharding.computed(one, two, scans=2.0)

    assert found["cpuSeconds"]["times"]["2"] == 2.0
    assert found["startCpuSeconds"]["times"]["3"] == 1.0


def test_figures_are_written_with_the_load_of_the_machine() -> None:
    one, two = replica(4.0, 8.0, 150.0), [replica(3.0, 5.0, 120.0)] * 2
    cell = {"scansPerMinute": 40.0, "jobsPerMinute": 4.0, "lagSeconds": {"p99": None}}
    found = {
        "machine": machine.described() | {"loadAtStart": 7.5},
        "tenants": 2000,
        "namespaces": 20,
        "minutes": 3.0,
        "one": cell | {"replicas": [one]},
        "two": cell | {"replicas": two},
        "computed": sharding.computed(one, two),
    }

    text = "\n".join(document.sharding_section(found))

    assert "the load was 7.5" in text
    assert "| CPU seconds of a start | 4.0 | 3.0 and 3.0 | 2.7 | 1.50 |" in text
    assert "| lag in seconds, p99 | - | - | - | - |" in text
