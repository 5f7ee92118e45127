"""Following operations, without a cluster: what is seen late, what is deleted, what fails to begin."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.kubectl.client import Kubectl
from baileys_janitor.cli.plugin.operations import following
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.documents import (
    OperationDocument,
    has_ended,
    line_of,
    operation_document,
)

PHASES = ["Pending", "Working", "Completed", "Failed"]


def operation(name: str, phase: str | None = None, message: str = "") -> OperationDocument:
    status: dict[str, Any] = {} if phase is None else {"phase": phase, "message": message}
    return operation_document(
        {
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"tenant": "acme", "action": "Clean"},
            "status": status,
        }
    )


class Scripted:
    """Sees operations as a script has them: what each looks like at each look, None for one that is not there."""

    def __init__(self, script: dict[str, list[str | None]]) -> None:
        self._script = script
        self._looks = dict.fromkeys(script, 0)
        self.most = 0

    def get(self, _namespace: str, name: str) -> OperationDocument | None:
        phases = self._script[name]
        look = min(self._looks[name], len(phases) - 1)
        self._looks[name] += 1
        phase = phases[look]
        return None if phase is None else operation(name, phase)

    def wait(self, seconds: float) -> None:
        assert seconds > 0

    def end(self) -> None:
        pass


def followed(
    script: dict[str, list[str | None]], parallel: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, tuple[str, bool]], int]:
    """How each ended, and how many were under way at once."""
    scripted, most = Scripted(script), 0
    follower = following.Follower(Kubectl(), {})
    monkeypatch.setattr(follower, "_see", lambda _: scripted)
    monkeypatch.setattr(follower, "_one_by_one", scripted)

    def told(_: OperationDocument) -> None:
        nonlocal most
        most = max(most, len(follower.open))

    begin = [lambda name=name: operation(name) for name in script]
    ended = {
        one["name"]: (one["status"].get("phase", ""), there)
        for one, there in following.follow_all(
            follower, begin, parallel=parallel, until=time.monotonic() + 60, told=told
        )
    }
    assert follower.open == []
    return ended, most


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.tuples(
            st.lists(st.sampled_from(PHASES[:2]), max_size=4),
            st.sampled_from([*PHASES[2:], None]),
        ),
        max_size=8,
    ),
    st.integers(1, 4),
)
def test_each_is_followed_to_its_end_and_no_more_than_allowed_are_under_way(
    script: dict[str, tuple[list[str], str | None]], parallel: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(following, "_LATE_SECONDS", 0.0)
        looks = {name: [*phases, end] for name, (phases, end) in script.items()}
        ended, most = followed(looks, parallel, monkeypatch)
        assert most <= parallel
        assert set(ended) == set(script)
        for name, (_, end) in script.items():
            assert ended[name][1] == (end is not None)
            if end is not None:
                assert ended[name][0] == end


def test_one_that_a_list_does_not_show_yet_is_not_taken_for_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, _ = followed({"late": [None, None, None, "Working", "Completed"]}, 1, monkeypatch)
    assert ended == {"late": ("Completed", True)}


def test_one_that_cannot_be_begun_is_left_out_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted = Scripted({"b": ["Completed"]})
    follower = following.Follower(Kubectl(), {})
    monkeypatch.setattr(follower, "_see", lambda _: scripted)
    begin = [lambda: None, lambda: operation("b"), lambda: operation("c", "Completed")]
    ended = following.follow_all(
        follower, begin, parallel=1, until=float("inf"), told=lambda _: None
    )
    assert [each["name"] for each, _ in ended] == ["b", "c"]


def test_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    follower = following.Follower(Kubectl(), {})
    monkeypatch.setattr(follower, "_see", lambda _: Scripted({"a": ["Working"]}))
    ended = following.follow_all(
        follower,
        [lambda: operation("a"), lambda: operation("b")],
        parallel=1,
        until=time.monotonic(),
        told=lambda _: None,
    )
    assert list(ended) == []
    assert [each["name"] for each in follower.open] == ["a"], "the second was not begun"


@given(st.text(max_size=300), st.text(max_size=30))
def test_a_body_is_bounded_and_carries_what_was_asked(tenant: str, request: str) -> None:
    body = OperationRequest("shop", tenant, "RepairContact", {"x": {"y": 1}}, dry_run=True).body(
        request
    )
    assert body["spec"] == {
        "tenant": tenant,
        "action": "RepairContact",
        "x": {"y": 1},
        "dryRun": True,
    }
    assert body["metadata"]["generateName"].startswith("repair-contact-")
    assert len(body["metadata"]["generateName"]) <= 57


def test_lines_say_how_it_is_without_escapes() -> None:
    assert line_of(operation("a")) == (
        "shop/acme: Clean Pending: the operator has not looked at it yet"
    )
    assert line_of(operation("a", "Working")) == "shop/acme: Clean Working"
    assert "\x1b" not in line_of(operation("a", "Failed", "x\x1b[2Jy"))
    assert not has_ended(operation("a", "Unheard"))
