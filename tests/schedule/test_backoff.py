"""Every exponential back-off of the project waits by one formula."""

from __future__ import annotations

import pytest

from baileys_janitor.schedule.backoff import backoff_seconds


@pytest.mark.parametrize(
    ("failures", "seconds"), [(-1, 2.0), (0, 2.0), (1, 4.0), (3, 16.0), (5, 60.0), (10_000, 60.0)]
)
def test_a_pause_doubles_with_each_failure_up_to_the_longest(failures: int, seconds: float) -> None:
    assert backoff_seconds(failures, 2.0, 60.0) == seconds
