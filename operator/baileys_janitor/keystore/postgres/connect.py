"""A connection to the database, and transactions with limits.

It works through PgBouncer in transaction pooling: no prepared statements, no session settings; every limit is set for
one transaction. TLS is verified in full unless the URL says otherwise or the database is on this machine.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from baileys_janitor.keystore.errors import (
    URL_INVALID,
    KeystoreProblem,
    connecting_problem,
    problem_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg.sql import SQL, Composed

    Statement = str | SQL | Composed

_URL_BYTES_MAX: Final = 4096
_CONNECT_SECONDS: Final = 10
# A lost peer is detected within this time, also in the middle of a statement.
_SILENCE_MILLISECONDS: Final = 20_000
# The driver includes its own OpenSSL, which may look for the system's CAs in the wrong place.
_SYSTEM_CAS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")

_LIMITS = """
SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true),
       set_config('idle_in_transaction_session_timeout', %s, true), set_config('extra_float_digits', '1', true)
"""
_PATIENCE_SECONDS = 60
# Between two statements of a transaction this program only computes.
_IDLE_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a run on the database.

    `batch`: rows a transaction removes at most. Times are seconds: `pause` after each transaction that removed
    something, `statement_timeout`, `lock_timeout`, and `duration` after which a run ends by itself.
    """

    batch: int = 500
    pause: float = 0.05
    statement_timeout: float = 5.0
    lock_timeout: float = 0.2
    duration: float = 300.0


def read_url(path: str) -> str:
    """Return the URL in a file. Raises KeystoreProblem."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path as given
            text = file.read(_URL_BYTES_MAX + 1).strip()
    except (OSError, ValueError):
        raise KeystoreProblem(
            URL_INVALID, "The file with the database's URL cannot be read."
        ) from None
    if not text or len(text) > _URL_BYTES_MAX:
        raise KeystoreProblem(URL_INVALID, "The file with the database's URL must hold one URL.")
    return text


def parameters(url: str, ca_file: str | None = None) -> dict[str, Any]:
    """Return the connection parameters for a URL. Raises KeystoreProblem."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        given = {}
    if not given or "\0" in url:
        raise KeystoreProblem(
            URL_INVALID,
            "The database's URL cannot be read: it is written postgresql://user:password@host:port/database.",
        )
    if "options" in given:
        raise KeystoreProblem(
            URL_INVALID, "Leave `options` out of the database's URL: poolers do not pass them on."
        )
    if ca_file is not None:
        given["sslrootcert"] = ca_file
    if "sslmode" not in given and not _is_local(str(given.get("host", ""))):
        given["sslmode"] = "verify-full"
        given.setdefault("sslrootcert", next(filter(os.path.exists, _SYSTEM_CAS), "system"))
    given.setdefault("connect_timeout", _CONNECT_SECONDS)
    given.setdefault("application_name", "baileys-janitor")
    given.setdefault("keepalives_idle", 10)
    given.setdefault("tcp_user_timeout", _SILENCE_MILLISECONDS)
    return given


def _is_local(host: str) -> bool:
    return all(
        not each or each.startswith(("/", "@")) or each in _LOCAL for each in host.split(",")
    )


class Database:
    """An open connection. Its methods raise only KeystoreProblem."""

    def __init__(self, url: str, ca_file: str | None = None, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        try:
            self._connection = psycopg.connect(
                autocommit=True, prepare_threshold=None, **parameters(url, ca_file)
            )
        except psycopg.Error as error:
            problem = connecting_problem(str(error))
        else:
            return
        raise problem  # outside the handler: the driver's error can name hosts and users

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(
        self, *, read_only: bool = False, patient: bool = False, one_moment: bool = False
    ) -> Iterator[None]:
        """Run the block in one transaction under the limits; an exception rolls it back.

        `patient` is for statements that read the whole table, which block nobody: their timeout is at least a minute.
        With `one_moment` all statements see the same snapshot (repeatable read).
        """
        with _problems():
            self._connection.read_only = read_only
            self._connection.isolation_level = (
                psycopg.IsolationLevel.REPEATABLE_READ
                if one_moment
                else psycopg.IsolationLevel.READ_COMMITTED
            )
            with self._connection.transaction():
                self._connection.execute(_LIMITS, self._timeouts(patient=patient))
                yield

    def rows(self, query: Statement, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a statement."""
        with _problems():
            return self._connection.execute(query, tuple(values)).fetchall()

    def readable_rows(
        self, query: Statement, values: Sequence[object] = ()
    ) -> list[tuple[Any, ...]] | None:
        """Return all rows of a statement; None, with the transaction intact, where it cannot read a value."""
        with _problems():
            try:
                with self._connection.transaction():
                    return self._connection.execute(query, tuple(values)).fetchall()
            except psycopg.DataError:
                return None

    def row(self, query: Statement, values: Sequence[object] = ()) -> tuple[Any, ...]:
        """Return the one row of a statement."""
        return self.rows(query, values)[0]

    def do(self, query: Statement, values: Sequence[object] = ()) -> int:
        """Execute a statement; return the number of affected rows."""
        with _problems():
            return self._connection.execute(query, tuple(values)).rowcount

    def do_many(self, query: Statement, values: Sequence[Sequence[object]]) -> None:
        """Execute a statement for each set of values."""
        with _problems(), self._connection.cursor() as cursor:
            cursor.executemany(query, values)

    def stream(self, query: Statement, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement in batches, inside a transaction, without holding all of them in memory."""
        with _problems(), self._connection.cursor(name="baileys_janitor") as cursor:
            cursor.itersize = 500
            cursor.execute(query, tuple(values))
            yield from cursor

    def copy_out(
        self, query: Statement, values: Sequence[object], limit_bytes: int
    ) -> bytes | None:
        """Return the output of a `COPY ... TO STDOUT`; None, and the transaction is lost, if it exceeds the limit."""
        found = bytearray()
        with _problems(), self._connection.cursor() as cursor, cursor.copy(query, values) as copy:
            for piece in copy:
                found += piece
                if len(found) > limit_bytes:
                    return None
        return bytes(found)

    def copy_in(self, query: Statement, data: bytes) -> int:
        """Send these bytes to a `COPY ... FROM STDIN`; return the number of resulting rows."""
        with _problems(), self._connection.cursor() as cursor:
            with cursor.copy(query, ()) as copy:
                copy.write(data)
            return cursor.rowcount

    def _timeouts(self, *, patient: bool) -> tuple[str, str, str]:
        limits = self.limits
        statement = max(limits.statement_timeout, _PATIENCE_SECONDS if patient else 0)
        return (
            f"{statement * 1000:.0f}",
            f"{limits.lock_timeout * 1000:.0f}",
            f"{_IDLE_MILLISECONDS}",
        )


@contextmanager
def _problems() -> Iterator[None]:
    """Convert the driver's errors, whose texts hold keys and values, to KeystoreProblem."""
    try:
        yield
        return
    except psycopg.Error as error:
        problem = problem_for(error.sqlstate)
        problem.__cause__ = None
        state = error.sqlstate
    problem.state = state
    raise problem


def url_from(url: str | None, url_file: str | None, variable: str) -> str:
    """Return the given URL, else the one in a file, else the one in an environment variable."""
    if url:
        return url
    if url_file:
        return read_url(url_file)
    found = os.environ.get(variable)
    if not found:
        raise KeystoreProblem(
            URL_INVALID, f"No database was given: name a file with its URL, or set {variable}."
        )
    return found


def has_password(url: str) -> bool:
    """Return whether a URL holds a password."""
    try:
        return "password" in conninfo_to_dict(url)
    except psycopg.Error:  # the connection itself will report the error
        return False
