"""A task survives its JSON, and one that makes no sense is refused by the field's name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baileys_janitor.job.task import MEMBERS_MAX, BadTask, Member, Task, valid_run
from baileys_janitor.policy.settings import DEFAULTS
from tests.all_checks import examples

runs = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,31}\Z")
members = st.builds(
    Member,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map("/{}".format),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.just(0),
    st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=40)),
)


def data(task: Task) -> dict[str, Any]:
    return {
        name: [member.to_data() for member in task.members]
        if name == "members"
        else getattr(task, name)
        for name in Task.__slots__
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(members, min_size=1, max_size=MEMBERS_MAX), st.floats(0, 1e9))
def test_a_scan_survives_its_json(members: list[Member], deadline: float) -> None:
    task = Task("scan", members, [DEFAULTS], deadline=deadline)
    again = Task.from_json(task.to_json())
    assert data(again) == {**data(task), "deadline": deadline or None}


@settings(max_examples=40, deadline=None)
@given(members, runs, st.text(), st.booleans(), st.booleans(), st.floats(0, 1e9))
def test_a_clean_survives_its_json(
    member: Member, run: str, reason: str, emergency: bool, dry_run: bool, window: float
) -> None:
    task = Task(
        "clean",
        [member],
        [DEFAULTS],
        run=run,
        reason=reason.encode("utf-8", "ignore").decode(),
        emergency=emergency,
        dry_run=dry_run,
        undo_window=window,
    )
    assert data(Task.from_json(task.to_json())) == data(task)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(members, min_size=1, max_size=MEMBERS_MAX),
    st.lists(st.tuples(st.integers(1, 100), st.floats(0, 1e9)), min_size=1, max_size=MEMBERS_MAX),
)
def test_a_keep_survives_its_json(members: list[Member], copies: list[tuple[int, float]]) -> None:
    task = Task("keep", members, [], copies=copies)
    assert data(Task.from_json(task.to_json())) == data(task)


GOOD = json.loads(Task("scan", [Member("/v", "a")], [DEFAULTS]).to_json())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"v": 1}, "v:"),
        ({"action": "explode"}, "action:"),
        ({"members": []}, "members:"),
        ({"members": [["/v", "a", 0, None]] * (MEMBERS_MAX + 1)}, "members:"),
        ({"members": [["v", "a", 0, None]]}, "members[0]:"),
        ({"members": [["/v", 7, 0, None]]}, "members[0]:"),
        ({"members": [["/v", "a", 1, None]]}, "members[0]:"),
        ({"members": [["/v", "a", -1, None]]}, "members[0]:"),
        ({"members": [["/v", "a", 0, 7]]}, "members[0]:"),
        ({"members": [["/v", "a", 0, []]]}, "members[0]:"),
        ({"members": [["/v", "a", 0, None, None]]}, "members[0]:"),
        ({"time": "now"}, "time:"),
        ({"time": -1}, "time:"),
        ({"time": 10**400}, "time:"),
        ({"wait": []}, "wait:"),
        ({"members": [["/v", "a"]]}, "members[0]:"),
        ({"settings": 5}, "settings:"),
        ({"settings": [[1]]}, "settings:"),
        ({"action": "clean"}, "run:"),
        ({"action": "clean", "run": "../../etc"}, "run:"),
        ({"action": "clean", "run": "a", "members": [["/v", "a", 0, None]] * 2}, "members:"),
        ({"copies": 5}, "copies:"),
        ({"copies": [[0, 5]]}, "copies[0]:"),
        ({"copies": [[101, 5]]}, "copies[0]:"),
        ({"copies": [[True, 5]]}, "copies[0]:"),
        ({"copies": [[1, -5]]}, "copies[0]:"),
        ({"copies": [[1]]}, "copies[0]:"),
        ({"copies": [[1, 5]] * (MEMBERS_MAX + 1)}, "copies:"),
        ({"action": "keep"}, "members[0]:"),
        ({"action": "keep", "copies": [[1, 5]], "members": [["/v", "a", 1, None]]}, "members[0]:"),
        ({"deadline": "soon"}, "deadline:"),
        ({"undoWindow": -1}, "undoWindow:"),
        ({"dryRun": 1}, "dryRun:"),
        ({"reason": 1}, "reason:"),
    ],
)
def test_a_bad_task_is_refused_by_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadTask, match="^" + field.replace("[", r"\[").replace("]", r"\]")):
        Task.from_json(json.dumps({**GOOD, **change}))


def test_a_time_that_overflows_is_refused_by_its_field() -> None:
    text = json.dumps({**GOOD, "time": 7}).replace('"time": 7', '"time": 1e999')

    with pytest.raises(BadTask, match="time"):
        Task.from_json(text)


@pytest.mark.parametrize("text", ["", "x", "[]", "1", "{}", "{", '{"v":1}{"v":1}', "\ud800"])
def test_what_is_no_task_at_all_is_refused(text: str) -> None:
    with pytest.raises(BadTask):
        Task.from_json(text)


def test_a_task_that_makes_no_sense_is_not_even_written() -> None:
    with pytest.raises(BadTask):
        Task("clean", [Member("/v")], [DEFAULTS]).to_json()


@pytest.mark.parametrize(
    "run", ["", ".", "..", "a/b", "-a", "_a", "a b", "a~b", "A", "é", "٣", "a" * 33, None, 5]
)
def test_run_ids_are_part_of_a_plain_name(run: object) -> None:
    assert not valid_run(run)


ODD = st.sampled_from(
    [None, True, -1, 0, 7, 2**70, 1e300, "", "x", "/", "\0", "a" * 5000, [], {}, [[]], [None] * 6]
)
JSON = st.recursive(ODD, lambda inner: st.lists(inner, max_size=6), max_leaves=12)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "run", "reason", "dryRun", "undoWindow", "copies"]), JSON
    )
)
@example({"settings": [GOOD["settings"][0]] * 1000})
def test_whatever_stands_in_a_task_it_is_refused_by_its_field_or_makes_sense(
    change: dict[str, object],
) -> None:
    try:
        task = Task.from_json(json.dumps({**GOOD, **change}))
    except BadTask:
        return
    assert Task.from_json(task.to_json()).to_json() == task.to_json()
    assert 1 <= len(task.members) <= MEMBERS_MAX
    assert task.deadline is None or 0 <= task.deadline < 1e10


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=60) | st.integers(1, 200_000).map(lambda depth: "[" * depth))
def test_no_text_at_all_makes_the_decoder_of_tasks_stumble(text: str) -> None:
    with pytest.raises(BadTask):
        Task.from_json(text)
