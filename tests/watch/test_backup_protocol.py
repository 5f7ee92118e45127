"""What the process that backs up says is believed as far as it fits, and never more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.values.decoding import TENANT
from baileys_janitor.tenants.backup_state import Archived, BackupState
from baileys_janitor.watch.backups.answers import decode_answer
from baileys_janitor.watch.backups.protocol import (
    Result,
    Task,
    decode_request,
    encode_answer,
    encode_request,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=10), each, max_size=3)
    ),
    max_leaves=10,
)


def task(number: int, do: str = "Backup") -> Task:
    settings = {"repositories": [{"name": "main", "url": f"/b{number % 2}"}]}
    name = f"t{number}"
    return Task(do, name, "/srv", name, name, settings, ("main", "other"))


TASKS = [task(0), task(1, "Drill"), replace(task(2), anew=True)]
GOOD = Result(
    "Put",
    time=5.0,
    seconds=0.5,
    newest=Archived("20261128T093500Z-0a1b2c3d.tar.gz.age", 5.0, 906, 89_000, 3, 1.0),
    archive="20261128T093500Z-0a1b2c3d.tar.gz.age",
    files=900,
    unknown=2,
)


def test_requests_and_answers_are_read_as_they_were_written() -> None:
    assert decode_request(encode_request(TASKS, 9.0)) == (TASKS, 9.0)
    assert decode_answer(encode_answer(2, {"main": GOOD}), TASKS) == (2, {"main": GOOD})


def test_equal_settings_travel_once() -> None:
    assert len(json.loads(encode_request([task(n) for n in range(20)], 1.0))["settings"]) == 2


@given(st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
def test_anything_else_is_no_answer(line: bytes) -> None:
    found = decode_answer(line, TASKS)
    assert found is None or set(found[1]) <= {"main", "other"}


@given(
    JSON,
    st.fixed_dictionaries(
        {},
        optional={
            key: JSON | st.sampled_from(["Put", "Failed", "Passed", "a/b", "x" * 500])
            for key in (
                "outcome",
                "code",
                "message",
                "time",
                "seconds",
                "archive",
                "newest",
                "files",
            )
        },
    ),
)
def test_whatever_an_answer_says_it_fits_into_the_status(other: Any, said: Any) -> None:
    line = json.dumps({"task": 0, "results": {"main": said, "other": other}}).encode()
    found = decode_answer(line, TASKS)
    assert found is not None
    for result in found[1].values():
        state = BackupState()
        state.configure(["main"], 1.0)
        each = state.repositories["main"]
        if result.outcome == "Failed":
            each.fail(2.0, result.code, result.message)
        else:
            each.succeed(result.time or 1.0, result.seconds)
        each.ended(result.outcome, result.newest)
        stored = state.stored()
        # What is stored is read back whole: nothing of it is out of bounds.
        assert TENANT.field({"backup": stored}, "backup") == stored


def test_a_drill_cannot_answer_for_a_backup() -> None:
    assert decode_answer(encode_answer(0, {"main": Result("Passed")}), TASKS) == (0, {})
    assert decode_answer(encode_answer(1, {"main": Result("Put")}), TASKS) == (1, {})
    assert decode_answer(encode_answer(3, {"main": GOOD}), TASKS) is None
