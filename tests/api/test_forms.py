"""What the API server checks of texts, and what the operator makes of them: the server refuses nothing that works."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baileys_janitor.api.config.cross_field_rules import cron_problem, is_zone
from baileys_janitor.api.generated.crd import crd
from baileys_janitor.api.values.durations import seconds_of
from baileys_janitor.api.values.patterns import CRON, CRON_NEVER_COMES
from sandbox.server.schema import Schema

CEL = re.compile(CRON, re.ASCII)
SCHEMA = Schema(crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
_NUMBER = st.integers(0, 61).map(str) | st.sampled_from(
    ["00", "007", "JAN", "mon", "SUN", "dec", "L", "LW"]
)
_ITEM = st.one_of(
    st.just("*"),
    _NUMBER,
    st.tuples(_NUMBER, _NUMBER).map("-".join),
    st.tuples(_NUMBER, _NUMBER).map("/".join),
    st.tuples(_NUMBER, _NUMBER).map("#".join),
    st.integers(0, 8).map(lambda n: f"{n}L"),
    st.integers(0, 8).map(lambda n: f"*/{n}"),
)
_FIELD = st.lists(_ITEM, min_size=1, max_size=3).map(",".join)
_CRONS = st.lists(_FIELD, min_size=4, max_size=6).map(" ".join) | st.text(
    "0123456789*/-,#L ?@MONJA", max_size=20
)


def refused(**spec: Any) -> list[str]:
    """What the API server says of a tenant."""
    body = {
        "apiVersion": "janitor.baileys.dev/v1alpha1",
        "kind": "BaileysTenant",
        "metadata": {"name": "acme"},
        "spec": {"volume": {"claimName": "data"}} | spec,
    }
    return [str(error.detail) for error in SCHEMA.validate(body, None)]


@given(_CRONS)
@example("0 3 L * *")
@example("*/15 0-23/2 1,15,LW/2 jan-DEC,3 MON-FRI,5L,2#1")
@example("  0   3 *\t* *")
def test_a_cron_expression_that_works_is_never_refused_by_its_form(expression: str) -> None:
    if expression.isascii() and not cron_problem(expression):
        assert expression == "Never" or CEL.search(expression)


@settings(max_examples=30)
@given(st.from_regex(CEL, fullmatch=True))
def test_of_what_has_the_form_only_the_calendar_can_make_nonsense(expression: str) -> None:
    problem = cron_problem(expression)
    # Ranges that descend, days that no month has, and mixes of "L" with numbers are the operator's to find.
    assert not problem or "five fields" not in problem


@given(st.from_regex(re.compile(CRON_NEVER_COMES + r"\Z", re.ASCII)))
def test_no_day_that_comes_is_taken_for_one_that_never_does(expression: str) -> None:
    assert cron_problem(expression)


@pytest.mark.parametrize(
    "days", ["31 2", "30-31 FEB", "31 4,6,9,11", "30,31 02", "31 feb,NOV", "31 2,2-2"]
)
def test_a_day_that_no_month_has_is_refused_as_that(days: str) -> None:
    expression = f"0 3 {days} *"
    assert cron_problem(expression).startswith("never comes: choose a day that the month has")
    said = refused(schedule={"dailyCleanup": expression})
    if "2-2" not in days:
        assert said == [cron_problem(expression)]


@pytest.mark.parametrize("days", ["29 2", "31 2,3", "31 1-2", "30 4", "31 *", "29-31 2"])
def test_a_day_that_some_year_or_month_has_is_accepted(days: str) -> None:
    expression = f"0 3 {days} *"
    assert not cron_problem(expression)
    assert refused(schedule={"dailyCleanup": expression}) == []


def test_a_day_that_no_month_has_is_accepted_beside_a_weekday() -> None:
    assert not cron_problem("0 3 31 2 MON")
    assert refused(schedule={"dailyCleanup": "0 3 31 2 MON"}) == []


@pytest.mark.parametrize(
    "name", ["UTC", "America/Sao_Paulo", "Etc/GMT+3", "EST5EDT", "Asia/Kolkata"]
)
def test_a_zone_that_works_is_accepted(name: str) -> None:
    assert is_zone(name)
    assert refused(schedule={"timeZone": name}) == []


@pytest.mark.parametrize(
    ("least", "most", "field"),
    [("0s", "30d", "cooldown"), ("1m", "7d", "emergencyCooldown"), ("0s", "30d", "undoWindow")],
)
@pytest.mark.parametrize(
    "text", ["0s", "59s", "60s", "1m", "6d23h", "7d", "168h", "7d1s", "29d23h60m", "31d", "721h"]
)
def test_the_bounds_of_a_duration_are_those_of_the_operator(
    text: str, least: str, most: str, field: str
) -> None:
    inside = seconds_of(least) <= seconds_of(text) <= seconds_of(most)

    assert refused(**{field: text}) == ([] if inside else [f"choose between {least} and {most}"])


@pytest.mark.parametrize(
    ("normal", "emergency"),
    [("10d", "241h"), ("1d12h", "36h1s"), ("90m", "1h31m"), ("36h", "1d13h")],
)
def test_durations_in_different_units_are_compared(normal: str, emergency: str) -> None:
    def said(longer: str, shorter: str) -> list[str]:
        return refused(
            retention={"sessionMaxAge": shorter}, emergencyRetention={"sessionMaxAge": longer}
        )

    assert said(normal, emergency) == []
    assert len(said(emergency, normal)) == 1


def test_no_pattern_is_left_for_the_api_server_to_answer_with() -> None:
    def patterns(node: Any) -> list[str]:
        if isinstance(node, list):
            return [found for each in node for found in patterns(each)]
        if not isinstance(node, dict):
            return []
        own = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
        return own + [found for each in node.values() for found in patterns(each)]

    assert patterns(crd()) == []


def test_a_mistake_in_a_text_is_one_sentence_with_the_way_out() -> None:
    mistakes: list[dict[str, Any]] = [
        {"cooldown": ""},
        {"cooldown": "1w"},
        {"cooldown": "99999999999h"},
        {"schedule": {"dailyCleanup": "@daily"}},
        {"schedule": {"timeZone": "São Paulo"}},
        {"schedule": {"timeZone": "Mars/Olympus"}},
        {"companyId": "-"},
        {"volume": {"claimName": ""}},
        {"volume": {"claimName": "data", "path": "/x"}},
        {"job": {"resources": {"requests": {"memory": "1Q"}, "limits": {"memory": "1Gi"}}}},
    ]
    for spec in mistakes:
        said = refused(**spec)
        assert len(said) == 1, spec
        assert re.search(r"(write|give|use|choose) ", said[0]), said
