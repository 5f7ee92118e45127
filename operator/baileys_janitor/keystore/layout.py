"""How a database stores the keys of sessions: presets for known stores, and names that replace theirs.

    KeyTypeColumn   a row a key; its type and its id in columns of their own
    NamedRows       a row a key; type and id in one column, such as `pre-key-1`
    PrefixedRows    a row a key; session, type and id in one column, such as `acme:pre-key-1`
    SessionBlob     a row a session, with everything in it: it can only be counted

A layout consists of names alone. `checks` compares it with the actual tables.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

KEY_TYPE_COLUMN: Final = "KeyTypeColumn"
NAMED_ROWS: Final = "NamedRows"
PREFIXED_ROWS: Final = "PrefixedRows"
SESSION_BLOB: Final = "SessionBlob"

JSON: Final = "Json"
JSON_TEXT: Final = "JsonText"
JSON_TEXT_TWICE: Final = "JsonTextTwice"
ENCODINGS: Final = (JSON, JSON_TEXT, JSON_TEXT_TWICE)

#: PostgreSQL truncates longer names, and a truncated name would refer to another table.
NAME_BYTES_MAX: Final = 63
#: Between the session and the key in a row of `PrefixedRows`.
SEPARATOR: Final = ":"
#: A column that the table does not have.
NO_COLUMN: Final = ""


class LayoutError(ValueError):
    """An invalid layout; the text is one sentence naming the field."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table and its schema, as the catalogue spells them; without a schema the search path decides."""

    name: str
    schema: str | None = None

    @classmethod
    def parse(cls, text: str, field: str = "table") -> TableName:
        """Parse `table`, `schema.table` or either part in double quotes, inside which `""` is a quote.

        Nothing is folded to lower case: `Session` is the table that was created as `"Session"`.
        """
        first, rest = _part(text, field)
        if not rest:
            return cls(_name(first, field))
        if rest[0] != ".":
            raise LayoutError(f"{field}: after a name in double quotes comes a dot or nothing")
        second, rest = _part(rest[1:], field)
        if rest:
            raise LayoutError(
                f"{field}: a table or schema.table; put a name with a dot in double quotes"
            )
        return cls(_name(second, field), _name(first, field))

    def __str__(self) -> str:
        return ".".join(_quoted(each) for each in (self.schema, self.name) if each is not None)


@dataclass(frozen=True, slots=True)
class KeyColumns:
    """Names of the columns of the keys' table; `""` for a column that it does not have.

    `updated` holds the time of a row's last write, `created` that of its first, which is used to check that `updated`
    moves. `zone` is the time zone of times that are stored without one.
    """

    session: str
    type: str
    id: str
    value: str
    updated: str
    created: str
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The place of the creds: in a table of their own, or in the row `row` of the keys' table."""

    table: TableName | None
    session: str
    creds: str
    encoding: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """One store of keys. `every_write`: the user guarantees that `updated` moves with every write of a row."""

    preset: str
    table: TableName
    columns: KeyColumns
    credentials: Credentials
    every_write: bool = False

    @property
    def countable_only(self) -> bool:
        """Whether a row holds a whole session, so that no single key can be removed."""
        return self.preset == SESSION_BLOB

    @property
    def dated(self) -> bool:
        """Whether rows have the time of their last write."""
        return self.columns.updated != NO_COLUMN

    @property
    def prefixed(self) -> bool:
        """Whether the key's column starts with the session."""
        return self.preset == PREFIXED_ROWS


PRESETS: Final[dict[str, Layout]] = {
    KEY_TYPE_COLUMN: Layout(
        KEY_TYPE_COLUMN,
        TableName("whatsapp_keys"),
        KeyColumns("company_id", "key_type", "key_id", "value", "updated_at", "created_at"),
        Credentials(TableName("whatsapp_auth"), "company_id", "creds", JSON),
    ),
    NAMED_ROWS: Layout(
        NAMED_ROWS,
        TableName("Session"),
        KeyColumns("sessionId", NO_COLUMN, "id", "data", NO_COLUMN, NO_COLUMN),
        Credentials(None, NO_COLUMN, NO_COLUMN, JSON_TEXT, "creds"),
    ),
    PREFIXED_ROWS: Layout(
        PREFIXED_ROWS,
        TableName("auth_data"),
        KeyColumns(NO_COLUMN, NO_COLUMN, "session_key", "data", NO_COLUMN, NO_COLUMN),
        Credentials(None, NO_COLUMN, NO_COLUMN, JSON_TEXT, "auth_creds"),
    ),
    SESSION_BLOB: Layout(
        SESSION_BLOB,
        TableName("Session"),
        KeyColumns("sessionId", NO_COLUMN, NO_COLUMN, "creds", NO_COLUMN, NO_COLUMN),
        Credentials(None, NO_COLUMN, NO_COLUMN, JSON_TEXT_TWICE),
    ),
}

_COLUMNS = tuple(each.name for each in fields(KeyColumns))
# The columns that each preset requires.
_NEEDED = {
    KEY_TYPE_COLUMN: ("session", "type", "id", "value"),
    NAMED_ROWS: ("session", "id", "value"),
    PREFIXED_ROWS: ("id", "value"),
    SESSION_BLOB: ("session", "value"),
}


def layout_of(
    keys: dict[str, Any] | None = None, credentials: dict[str, Any] | None = None
) -> Layout:
    """Return the layout of a spec's `keys` and `credentials`; the preset supplies the omitted fields.

    Raises `LayoutError`.
    """
    keys = _mapping(keys, "keys")
    preset = keys.pop("preset", KEY_TYPE_COLUMN)
    if preset not in PRESETS:
        raise LayoutError(f"keys.preset: one of {', '.join(PRESETS)}")
    base = PRESETS[preset]
    table = keys.pop("table", None)
    columns = _mapping(keys.pop("columns", None), "keys.columns")
    every_write = keys.pop("updatedOnEveryWrite", False)
    if not isinstance(every_write, bool):
        raise LayoutError("keys.updatedOnEveryWrite: true or false")
    _nothing_else(keys, "keys")
    _nothing_else({key: 1 for key in columns if key not in _COLUMNS}, "keys.columns")
    named = {key: _column(value, f"keys.columns.{key}") for key, value in columns.items()}
    layout = replace(
        base,
        table=base.table
        if table is None
        else TableName.parse(_text(table, "keys.table"), "keys.table"),
        columns=replace(base.columns, **named),
        credentials=_credentials(base, _mapping(credentials, "credentials")),
        every_write=every_write,
    )
    _check(layout)
    return layout


def layout_data(layout: Layout) -> dict[str, Any]:
    """Return `{"keys": ..., "credentials": ...}`, from which `layout_of` makes the same layout."""
    credentials: dict[str, Any] = {"encoding": layout.credentials.encoding}
    if layout.credentials.table is not None:
        credentials["table"] = str(layout.credentials.table)
        credentials["columns"] = {
            "session": layout.credentials.session,
            "creds": layout.credentials.creds,
        }
    elif layout.credentials.row:
        credentials["row"] = layout.credentials.row
    columns = {key: getattr(layout.columns, key) for key in _COLUMNS}
    keys: dict[str, Any] = {
        "preset": layout.preset,
        "table": str(layout.table),
        "columns": columns,
        "updatedOnEveryWrite": layout.every_write,
    }
    return {"keys": keys, "credentials": credentials}


def _credentials(base: Layout, data: dict[str, Any]) -> Credentials:
    found = base.credentials
    encoding = data.pop("encoding", found.encoding)
    if encoding not in ENCODINGS:
        raise LayoutError(f"credentials.encoding: one of {', '.join(ENCODINGS)}")
    table, row = data.pop("table", None), data.pop("row", None)
    columns = _mapping(data.pop("columns", None), "credentials.columns")
    _nothing_else(data, "credentials")
    _nothing_else(
        {key: 1 for key in columns if key not in ("session", "creds")}, "credentials.columns"
    )
    if row is not None:
        if table is not None or columns:
            raise LayoutError(
                "credentials.row: either a row of the keys' table or a table of their own"
            )
        return Credentials(None, NO_COLUMN, NO_COLUMN, encoding, _text(row, "credentials.row"))
    session, creds = (
        _column(columns[key], f"credentials.columns.{key}") if key in columns else None
        for key in ("session", "creds")
    )
    if table is None:
        parsed = found.table
    else:
        parsed = TableName.parse(_text(table, "credentials.table"), "credentials.table")
        found = PRESETS[KEY_TYPE_COLUMN].credentials
    return Credentials(
        parsed,
        found.session if session is None else session,
        found.creds if creds is None else creds,
        encoding,
        "" if parsed is not None else found.row,
    )


def _check(layout: Layout) -> None:
    for key in _NEEDED[layout.preset]:
        if getattr(layout.columns, key) == NO_COLUMN:
            raise LayoutError(f"keys.columns.{key}: the preset {layout.preset} needs this column")
    if layout.columns.updated.lower().startswith("expire"):
        raise LayoutError(
            "keys.columns.updated: a time of expiry says nothing of the last write, and keys do not expire"
        )
    if layout.preset != KEY_TYPE_COLUMN and layout.columns.type:
        raise LayoutError(
            "keys.columns.type: with a column for the type the preset is KeyTypeColumn"
        )
    if layout.prefixed and layout.columns.session:
        raise LayoutError(
            "keys.columns.session: with a column for the session the preset is NamedRows"
        )
    found = layout.credentials
    if found.table is None and (found.session or found.creds):
        raise LayoutError("credentials.columns: name credentials.table too")
    if found.table is not None and not (found.session and found.creds):
        raise LayoutError("credentials.columns: both session and creds are needed")


def _part(text: str, field: str) -> tuple[str, str]:
    """Split off the first name; return it and the rest, the dot included."""
    if not text.startswith('"'):
        name, dot, rest = text.partition(".")
        return name, dot + rest
    name, position = "", 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise LayoutError(f"{field}: a double quote is not closed")
        name += text[position:end]
        if text[end : end + 2] != '""':
            return name, text[end + 1 :]
        name += '"'
        position = end + 2


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "." in name or '"' in name else name


def _name(text: str, field: str) -> str:
    if not text:
        raise LayoutError(f"{field}: a name is missing")
    if "\0" in text or len(text.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
        raise LayoutError(f"{field}: a name has at most {NAME_BYTES_MAX} bytes and no NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LayoutError(f"{field}: a name is UTF-8 text") from None
    return text


def _column(value: object, field: str) -> str:
    text = _text(value, field)
    return text if text == NO_COLUMN else _name(text, field)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise LayoutError(f"{field}: text is needed")
    return value


def _mapping(value: object, field: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LayoutError(f"{field}: a mapping is needed")
    return dict(value)


def _nothing_else(rest: dict[str, Any], field: str) -> None:
    if rest:
        raise LayoutError(f"{field}: there is no field {str(next(iter(rest)))[:40]!r}")
