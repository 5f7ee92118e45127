"""Layouts: what the presets stand for, and which fields are refused in which words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.keystore.layout import (
    JSON_TEXT_TWICE,
    KEY_TYPE_COLUMN,
    NAMED_ROWS,
    PREFIXED_ROWS,
    PRESETS,
    SESSION_BLOB,
    LayoutError,
    TableName,
    layout_data,
    layout_of,
)

quotable = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12)


def test_the_first_layout_is_the_default() -> None:
    layout = layout_of()

    assert layout.preset == KEY_TYPE_COLUMN
    assert (str(layout.table), str(layout.credentials.table)) == ("whatsapp_keys", "whatsapp_auth")
    assert layout.dated
    assert not layout.countable_only


def test_expires_at_is_no_column_of_any_layout() -> None:
    assert all("expires" not in str(layout_data(each)) for each in PRESETS.values())


@pytest.mark.parametrize("preset", [NAMED_ROWS, PREFIXED_ROWS, SESSION_BLOB])
def test_the_other_stores_have_no_time_unless_a_column_is_named(preset: str) -> None:
    assert not layout_of({"preset": preset}).dated
    assert layout_of({"preset": preset, "columns": {"updated": "changed"}}).dated


def test_what_is_named_replaces_what_the_preset_says() -> None:
    layout = layout_of(
        {"table": "bots.keys", "columns": {"session": "tenant_id", "created": ""}},
        {"table": "bots.creds", "columns": {"session": "tenant"}, "encoding": JSON_TEXT_TWICE},
    )

    assert layout.table == TableName("keys", "bots")
    assert (layout.columns.session, layout.columns.type) == ("tenant_id", "key_type")
    assert layout.columns.created == ""
    assert layout.credentials.table == TableName("creds", "bots")
    assert (layout.credentials.session, layout.credentials.creds) == ("tenant", "creds")


@pytest.mark.parametrize(
    ("keys", "credentials", "sentence"),
    [
        ({"preset": "Redis"}, None, "keys.preset: one of KeyTypeColumn"),
        ({"columns": {"id": ""}}, None, "keys.columns.id: the preset KeyTypeColumn needs"),
        ({"columns": {"expires": "expires_at"}}, None, "there is no field 'expires'"),
        ({"columns": {"updated": "expires_at"}}, None, "keys do not expire"),
        ({"columns": {"session": 7}}, None, "keys.columns.session: text is needed"),
        ({"columns": []}, None, "keys.columns: a mapping is needed"),
        ({"preset": NAMED_ROWS, "columns": {"type": "t"}}, None, "the preset is KeyTypeColumn"),
        ({"preset": PREFIXED_ROWS, "columns": {"session": "s"}}, None, "the preset is NamedRows"),
        ({"table": ""}, None, "keys.table: a name is missing"),
        ({"table": "a.b.c"}, None, "keys.table: a table or schema.table"),
        ({"table": '"a'}, None, "keys.table: a double quote is not closed"),
        ({"table": '"a"b'}, None, "keys.table: after a name in double quotes"),
        ({"table": "x" * 64}, None, "keys.table: a name has at most 63 bytes"),
        ({"table": "a\0b"}, None, "keys.table: a name has at most 63 bytes and no NUL"),
        ({"table": "a\ud800"}, None, "keys.table: a name is UTF-8 text"),
        (None, {"encoding": "Bson"}, "credentials.encoding: one of Json"),
        (None, {"row": "creds", "table": "t"}, "credentials.row: either"),
        ({"preset": NAMED_ROWS}, {"columns": {"creds": "c"}}, "name credentials.table too"),
        (None, {"columns": {"creds": ""}}, "credentials.columns: both session and creds"),
    ],
)
def test_a_layout_that_cannot_be_meant_is_refused(
    keys: dict[str, Any] | None, credentials: dict[str, Any] | None, sentence: str
) -> None:
    with pytest.raises(LayoutError) as refused:
        layout_of(keys, credentials)

    assert sentence in str(refused.value)


@given(st.builds(TableName, quotable, st.none() | quotable))
def test_any_name_of_a_table_can_be_written(table: TableName) -> None:
    assert TableName.parse(str(table)) == table


@given(
    st.sampled_from(sorted(PRESETS)),
    quotable,
    st.booleans(),
)
def test_a_layout_passes_through_a_task_unchanged(preset: str, name: str, dated: bool) -> None:
    columns = {"id": name} if preset != SESSION_BLOB else {"session": name}
    if dated:
        columns["updated"] = name
    layout = layout_of({"preset": preset, "columns": columns})

    data = layout_data(layout)

    assert layout_of(data["keys"], data["credentials"]) == layout
