"""How long an API server that says "too many" is left alone."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.kube.throttle import LEAST_SECONDS, MOST_SECONDS, Pause

asked = st.none() | st.floats(-10, 1e6)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0


@given(asked)
def test_a_pause_lasts_as_long_as_was_asked_for_within_bounds(seconds: float | None) -> None:
    hand = Hand()
    pause = Pause(lambda: hand.now)
    assert pause.left() == 0
    pause.ask(seconds)
    assert LEAST_SECONDS <= pause.left() <= MOST_SECONDS
    if seconds is not None and LEAST_SECONDS <= seconds <= MOST_SECONDS:
        assert abs(pause.left() - seconds) < 1e-6
    hand.now += MOST_SECONDS
    assert pause.left() == 0


@given(st.lists(st.tuples(asked, st.floats(0, 30)), min_size=1))
def test_asking_again_never_shortens_a_pause(workers: list[tuple[float | None, float]]) -> None:
    hand = Hand()
    pause = Pause(lambda: hand.now)
    for seconds, then in workers:
        before = pause.left()
        pause.ask(seconds)
        assert pause.left() >= before
        hand.now += then


async def test_refusals_of_others_hold_a_request_for_a_while_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hand = Hand()
    pause = Pause(lambda: hand.now)
    pause.ask(10)
    begun = hand.now

    async def pass_and_be_refused_again(seconds: float) -> None:
        assert hand.now < begun + 10 * MOST_SECONDS, "it is never sent"
        hand.now += seconds
        pause.ask(10)

    monkeypatch.setattr(asyncio, "sleep", pass_and_be_refused_again)
    await pause.over()
    assert MOST_SECONDS <= hand.now - begun < MOST_SECONDS + 2 * 10
