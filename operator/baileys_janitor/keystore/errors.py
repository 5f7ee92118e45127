"""Why an operation on a database failed: a code, and one sentence with the remedy.

A server's messages can hold keys and values, so none of their text is ever passed on: the SQLSTATE is looked up here.
"""

from __future__ import annotations

from typing import Final

DRIVER_MISSING: Final = "DriverMissing"
URL_INVALID: Final = "UrlInvalid"
UNREACHABLE: Final = "Unreachable"
LOGIN_REFUSED: Final = "LoginRefused"
DATABASE_MISSING: Final = "DatabaseMissing"
TLS_FAILED: Final = "TlsFailed"
TOO_MANY_CONNECTIONS: Final = "TooManyConnections"
CONNECTION_LOST: Final = "ConnectionLost"
TABLE_MISSING: Final = "TableMissing"
COLUMN_MISSING: Final = "ColumnMissing"
COLUMN_TYPE: Final = "ColumnType"
NOT_A_TABLE: Final = "NotATable"
NO_UNIQUE_KEY: Final = "NoUniqueKey"
NO_TIMES: Final = "NoTimes"
TIME_TYPE: Final = "TimeType"
TIME_ZONE_UNKNOWN: Final = "TimeZoneUnknown"
TIMES_MISSING: Final = "TimesMissing"
TIMES_UNPROVEN: Final = "TimesUnproven"
COUNTED_ONLY: Final = "CountedOnly"
REPLICA: Final = "Replica"
ROW_SECURITY: Final = "RowSecurity"
RIGHTS_MISSING: Final = "RightsMissing"
SCHEMA_FOREIGN: Final = "SchemaForeign"
UNDO_IMPOSSIBLE: Final = "UndoImpossible"
TIMED_OUT: Final = "TimedOut"
LOCKED: Final = "Locked"
DISK_FULL: Final = "DiskFull"
DATABASE_ERROR: Final = "DatabaseError"
ROWS_EXIST: Final = "RowsExist"
SESSION_MISSING: Final = "SessionMissing"
STILL_RUNNING: Final = "StillRunning"
ROWS_REFUSED: Final = "RowsRefused"
ROWS_INVALID: Final = "RowsInvalid"
ROWS_DIFFER: Final = "RowsDiffer"
LAYOUT_DIFFERS: Final = "LayoutDiffers"
ANOTHER_SESSION: Final = "AnotherSession"

#: Codes of operations that were refused on purpose rather than tried and failed.
DECLINED: Final = frozenset(
    (
        TABLE_MISSING,
        COLUMN_MISSING,
        COLUMN_TYPE,
        NOT_A_TABLE,
        NO_UNIQUE_KEY,
        NO_TIMES,
        TIME_TYPE,
        TIME_ZONE_UNKNOWN,
        TIMES_MISSING,
        TIMES_UNPROVEN,
        COUNTED_ONLY,
        REPLICA,
        ROW_SECURITY,
        RIGHTS_MISSING,
        SCHEMA_FOREIGN,
        UNDO_IMPOSSIBLE,
        ROWS_EXIST,
        SESSION_MISSING,
        STILL_RUNNING,
        ROWS_REFUSED,
    )
)


class KeystoreProblem(Exception):  # noqa: N818  # a refusal is as often the user's as an error of ours
    """An operation that failed; `code` is one of the above, the text a sentence.

    `state` is the SQLSTATE of the server's error, None where there was none.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.state: str | None = None


# By SQLSTATE; the longest matching prefix counts.
_BY_STATE: Final[dict[str, tuple[str, str]]] = {
    "08": (CONNECTION_LOST, "The connection to the database was lost; the next run goes on."),
    "22": (
        DATABASE_ERROR,
        "The database could not read a value of the table: check the layout's columns.",
    ),
    "25006": (
        REPLICA,
        (
            "The database only takes reads (a replica, or default_transaction_read_only): use the "
            "primary's address."
        ),
    ),
    "28": (
        LOGIN_REFUSED,
        "The database refuses the login: check user and password of the URL, and pg_hba.conf.",
    ),
    "3D000": (DATABASE_MISSING, "There is no database of that name: check the end of the URL."),
    "3F000": (TABLE_MISSING, "There is no schema of that name: check the table's schema."),
    "42501": (
        RIGHTS_MISSING,
        (
            "The database user lacks a right: `baileys-janitor keystore grants` prints those that "
            "are needed."
        ),
    ),
    "42703": (
        COLUMN_MISSING,
        "A column is gone that was there a moment ago: run the command again.",
    ),
    "42P01": (TABLE_MISSING, "A table is gone that was there a moment ago: run the command again."),
    "53100": (DISK_FULL, "The database's disk is full: make room there first."),
    "53300": (
        TOO_MANY_CONNECTIONS,
        (
            "The database accepts no further connection: raise max_connections, or go through "
            "PgBouncer."
        ),
    ),
    "55P03": (
        LOCKED,
        "A table is locked by another process: try again, or raise the lock timeout.",
    ),
    "57014": (
        TIMED_OUT,
        (
            "A statement took longer than the statement timeout: raise it, or look for what slows "
            "the database down."
        ),
    ),
    "57P": (
        CONNECTION_LOST,
        "The database was stopped or ended the connection; the next run goes on.",
    ),
}


def problem_for(state: str | None) -> KeystoreProblem:
    """Return the problem for the SQLSTATE of a server's error; None is a broken connection."""
    if state is None:
        return KeystoreProblem(*_BY_STATE["08"])
    for length in (5, 3, 2):
        found = _BY_STATE.get(state[:length])
        if found is not None:
            return KeystoreProblem(*found)
    return KeystoreProblem(
        DATABASE_ERROR,
        f"The database reported an unexpected error (SQLSTATE {state}): its own log says more.",
    )


# The client library reports these only in its own English text, without a code.
_CONNECTING: Final = (
    ("no pg_hba.conf entry", *_BY_STATE["28"]),
    (
        "certificate verify failed",
        TLS_FAILED,
        (
            "The database's certificate is not signed by the CA that was given: name the CA's file, "
            "or check that this is the right server."
        ),
    ),
    (
        "does not match host name",
        TLS_FAILED,
        "The database's certificate is for another host name: use the name that it is issued for.",
    ),
    (
        "root certificate file",
        TLS_FAILED,
        (
            "There is no CA file to verify the database's certificate with: name one, or put "
            "sslmode into the URL."
        ),
    ),
    (
        "server does not support SSL",
        TLS_FAILED,
        (
            "The database does not offer TLS: switch it on there, or put sslmode=disable into the "
            "URL if the network is yours."
        ),
    ),
    ("SSL", TLS_FAILED, "TLS with the database failed: check sslmode in the URL and the CA file."),
    ("password authentication failed", *_BY_STATE["28"]),
    ("no password supplied", *_BY_STATE["28"]),
    ("authentication", *_BY_STATE["28"]),
    ('role "', *_BY_STATE["28"]),
    ('database "', *_BY_STATE["3D000"]),
    ("too many c", *_BY_STATE["53300"]),
    ("remaining connection slots", *_BY_STATE["53300"]),
)


def connecting_problem(text: str) -> KeystoreProblem:
    """Return the problem for the client library's text about a failed connection attempt."""
    for words, code, sentence in _CONNECTING:
        if words in text:
            return KeystoreProblem(code, sentence)
    return KeystoreProblem(
        UNREACHABLE,
        "The database cannot be reached: check host and port of the URL, and that the network lets it through.",
    )
