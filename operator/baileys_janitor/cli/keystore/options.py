"""The shared options of the commands on a database: its URL, the layout of its tables, and the limits of a run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments import options as common
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import EXIT_FAILED, EXIT_USAGE, Problem, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from baileys_janitor.keystore.layout import Layout
    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database, Limits

Command = TypeVar("Command", bound=Callable[..., Any])

URL_VARIABLE: Final = "BAILEYS_JANITOR_DATABASE_URL"
URL_FILE_VARIABLE: Final = "BAILEYS_JANITOR_DATABASE_URL_FILE"
CA_FILE_VARIABLE: Final = "BAILEYS_JANITOR_DATABASE_CA_FILE"
_USAGE_CODES: Final = ("DriverMissing", "UrlInvalid")


def layout_options(command: Command) -> Command:
    """Add the options that name tables and columns."""
    for decorate in reversed(
        (
            click.option(
                "--preset",
                metavar="PRESET",
                default="KeyTypeColumn",
                show_default=True,
                help="KeyTypeColumn, NamedRows, PrefixedRows or SessionBlob.",
            ),
            click.option("--table", metavar="TABLE", help="The keys' table, or SCHEMA.TABLE."),
            click.option(
                "--column",
                "columns",
                metavar="KEY=NAME",
                multiple=True,
                help="A column of it: session, type, id, value, updated, created; zone=UTC for times without a zone. "
                "Repeatable; updated= for none.",
            ),
            click.option(
                "--updated-on-every-write",
                is_flag=True,
                help="Confirm that `updated` changes with every write, although no column shows the time of creation.",
            ),
            click.option("--creds-table", metavar="TABLE", help="The table of creds."),
            click.option(
                "--creds-column",
                "creds_columns",
                metavar="KEY=NAME",
                multiple=True,
                help="A column of it: session, creds. Repeatable.",
            ),
            click.option(
                "--creds-row",
                metavar="NAME",
                help="Or the row of the keys' table that holds creds.",
            ),
            click.option(
                "--encoding",
                type=click.Choice(["Json", "JsonText", "JsonTextTwice"]),
                help="How creds are kept.",
            ),
        )
    ):
        command = decorate(command)
    return command


def database_options(command: Command) -> Command:
    """Add the URL and the options for the connection."""
    command = click.argument("url", required=False)(command)
    command = click.option(
        "--url-file",
        metavar="FILE",
        envvar=URL_FILE_VARIABLE,
        shell_complete=completing.files,
        help="A file that holds the URL.",
    )(command)
    return click.option(
        "--ca-file",
        metavar="FILE",
        envvar=CA_FILE_VARIABLE,
        shell_complete=completing.files,
        help="The CA that signed the database's certificate.",
    )(command)


def schema_option(command: Command) -> Command:
    """Add the option for the schema of the janitor's tables."""
    return click.option(
        "--schema",
        default="baileys_janitor",
        show_default=True,
        help="Schema of the janitor's tables.",
    )(command)


def output_option(command: Command) -> Command:
    """Add the option for the output format."""
    command = common.output_option("table", "json", "yaml")(command)
    return click.option("--json", "output", flag_value="json", help="The same as -o json.")(command)


def limit_options(command: Command) -> Command:
    """Add the options that limit a run's load on the database."""
    for name, default, text in reversed(
        (
            ("--batch", "500", "Rows that one transaction removes at most."),
            ("--pause", "50ms", "Pause after a transaction that removed something."),
            ("--statement-timeout", "5s", "Longest time of a statement."),
            ("--lock-timeout", "200ms", "Longest wait for a lock."),
            ("--duration", "5m", "After this time a run ends by itself; the next goes on."),
        )
    ):
        command = click.option(
            name,
            metavar="N" if name == "--batch" else "TIME",
            type=click.IntRange(1, 10_000) if name == "--batch" else click.STRING,
            help=f"{text}  [{default}]",
        )(command)
    return command


class Target(NamedTuple):
    """The database to work on: its connection, and the expected layout."""

    url: str
    ca_file: str | None
    layout: Layout
    limits: Limits


@contextmanager
def sentences() -> Iterator[None]:
    """Convert a KeystoreProblem into the command's Problem."""
    from baileys_janitor.keystore.errors import KeystoreProblem

    try:
        yield
    except KeystoreProblem as found:
        code = EXIT_USAGE if found.code in _USAGE_CODES else EXIT_FAILED
        problem = Problem(found.sentence, code=found.code, exit_code=code)
    else:
        return
    raise problem


def target(values: dict[str, Any]) -> Target:
    """Return the target of the options; raise bad usage with one sentence if they are invalid."""
    from baileys_janitor.keystore.postgres.driver import require_driver

    layout = layout_of_options(values)
    with sentences():
        require_driver()
        from baileys_janitor.keystore.postgres.connect import has_password, url_from

        typed = values.get("url")
        url = url_from(typed, values.get("url_file"), URL_VARIABLE)
        if typed and has_password(typed):
            say(
                "Note: the password in the URL can be seen by every user of this machine while the command runs; "
                f"--url-file or {URL_VARIABLE} keeps it to yourself."
            )
    return Target(url, values.get("ca_file"), layout, _limits(values))


@contextmanager
def opened(where: Target) -> Iterator[tuple[Database, Facts]]:
    """Connect, and read the facts about the tables."""
    from baileys_janitor.keystore.postgres.checks import inspect
    from baileys_janitor.keystore.postgres.connect import Database

    with sentences(), Database(where.url, where.ca_file, where.limits) as database:
        yield database, inspect(database, where.layout)


def layout_of_options(values: dict[str, Any]) -> Layout:
    """Return the layout that the options describe."""
    from baileys_janitor.keystore.layout import LayoutError, layout_of

    keys: dict[str, Any] = {
        "preset": values["preset"],
        "columns": _pairs("--column", values["columns"]),
        "updatedOnEveryWrite": values["updated_on_every_write"],
    }
    credentials: dict[str, Any] = {}
    if values["table"] is not None:
        keys["table"] = values["table"]
    for field, name in (("table", "creds_table"), ("row", "creds_row"), ("encoding", "encoding")):
        if values[name] is not None:
            credentials[field] = values[name]
    if values["creds_columns"]:
        credentials["columns"] = _pairs("--creds-column", values["creds_columns"])
    try:
        return layout_of(keys, credentials)
    except LayoutError as problem:
        raise usage(f"{problem}.") from None


def seconds(option: str, text: str | None, default: float) -> float:
    """Return the seconds of a length of time such as `30d`, `5m` or `50ms`."""
    if text is None:
        return default
    if text.endswith("ms") and text[:-2].isdecimal() and len(text) <= 9:
        return int(text[:-2]) / 1000
    from baileys_janitor.api.values.durations import seconds_of

    try:
        return float(seconds_of(text))
    except ValueError as problem:
        raise usage(f"{option} {problem}.") from None


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, name = text.partition("=")
        if not equals:
            raise usage(f"{option} is written KEY=NAME, such as {option} session=tenant_id.")
        pairs[key] = name
    return pairs


def _limits(values: dict[str, Any]) -> Limits:
    from baileys_janitor.keystore.postgres.connect import Limits

    base = Limits()
    return Limits(
        values.get("batch") or base.batch,
        seconds("--pause", values.get("pause"), base.pause),
        seconds("--statement-timeout", values.get("statement_timeout"), base.statement_timeout),
        seconds("--lock-timeout", values.get("lock_timeout"), base.lock_timeout),
        seconds("--duration", values.get("duration"), base.duration),
    )
