"""Shared parts of the commands that create operations: options, creation, waiting, and the exit code."""

from __future__ import annotations

import math
import re
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor.api.bounded import part, text
from baileys_janitor.api.names import GROUP, KIND, OPERATION_SINGULAR
from baileys_janitor.cli.help.documented import USUAL_EXITS
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.operations.create import REQUEST_LABEL, OperationRequest, create
from baileys_janitor.cli.plugin.operations.documents import (
    has_ended,
    has_succeeded,
    line_of,
    phase_of,
)
from baileys_janitor.cli.plugin.operations.following import Follower, follow_all
from baileys_janitor.cli.plugin.operations.named_tenants import existing
from baileys_janitor.cli.plugin.options import (
    ALL_NAMESPACES,
    cluster_options,
    command_line,
    scope_of,
)
from baileys_janitor.cli.terminal.formatting import counted, rfc3339
from baileys_janitor.cli.terminal.output import (
    MACHINE_FORMATS,
    say,
    say_prose,
    write,
    write_document,
)
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_TIMED_OUT,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.tables import print_prose

if TYPE_CHECKING:
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument
    from baileys_janitor.cli.plugin.options import Chosen

    Told = Callable[[OperationDocument], None]

Command = TypeVar("Command", bound=Callable[..., Any])

SCHEMA: Final = "baileys-janitor/operations/v1"
EXITS: Final = tuple(sorted((*USUAL_EXITS, EXIT_TIMED_OUT)))
"""Exit codes of a command that creates operations."""
PARALLEL: Final = 20
"""The limit on concurrent operations of one command; the operator has its own limits."""
_TOLD_MOST: Final = 5
"""Up to this number of operations, each phase is printed."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600}
_TIME: Final = re.compile(r"(?:\d{1,5}[hms]){1,3}")


class Time(click.ParamType[float]):
    """A duration such as 90s, 10m or 1h30m, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        if isinstance(value, int | float):
            return float(value)
        if not _TIME.fullmatch(str(value)):
            self.fail("write it as 90s, 10m or 1h30m.", param, ctx)
        return float(
            sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall(r"\d+[hms]", value))
        )


class Waiting(NamedTuple):
    """Whether to wait for the end, for how many seconds at most (None: no limit), and the output format.

    `rests` are additional phases at which the wait ends successfully.
    """

    wait: bool
    timeout: float | None
    output: str
    rests: frozenset[str] = frozenset()


def names_argument(command: Command) -> Command:
    """Add the argument with the names of tenants."""
    return click.argument(
        "names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_tenants
    )(command)


def operation_options(command: Command) -> Command:
    """Add the options of every command that creates operations: `wait`, `timeout` and `output`."""
    for option in reversed(
        (
            cluster_options,
            click.option(
                "--wait", is_flag=True, help="Wait until it has ended, and print the result."
            ),
            click.option(
                "--timeout",
                type=Time(),
                metavar="TIME",
                help="With --wait: the longest wait, such as 10m. The operation itself continues.",
            ),
            click.option(
                "-o",
                "--output",
                type=click.Choice(["text", "json", "yaml", "name"]),
                default="text",
                show_default=True,
                help="The format.",
            ),
        )
    ):
        command = option(command)
    return command


def carry_out(
    cluster: Chosen,
    asked: Sequence[OperationRequest],
    waiting: Waiting,
    begun: Told | None = None,
    ended: Told | None = None,
) -> int:
    """Create operations, and with `waiting.wait` follow them to their end; print the results, return the exit code.

    `begun` is called with each accepted operation, `ended` with each that has ended or was deleted.
    """
    request = secrets.token_hex(8)
    if not waiting.wait:
        return _only_asked(cluster, asked, request, waiting.output)
    selector = {"labelSelector": f"{REQUEST_LABEL}={request}"}
    follower = Follower(cluster.kubectl, selector, waiting.rests)
    one = len(asked) == 1
    failed = 0

    def begin(each: OperationRequest) -> OperationDocument | None:
        nonlocal failed
        try:
            operation = create(cluster.kubectl, each, request)
        except Problem as problem:
            if one:
                raise
            failed += 1
            say(f"Error: {each.namespace}/{each.tenant}: {problem.message}")
            return None
        if begun is not None:
            begun(operation)
        return operation

    code = follow(
        follower,
        [lambda each=each: begin(each) for each in asked],  # type: ignore[misc]  # each has its own
        waiting,
        ended,
    )
    return code or (EXIT_FAILED if failed else EXIT_DONE)


def follow(
    follower: Follower,
    begin: Sequence[Callable[[], OperationDocument | None]],
    waiting: Waiting,
    over: Told | None = None,
) -> int:
    """Create operations and follow them to their end; print the results, and return the exit code."""
    ended: list[tuple[OperationDocument, bool]] = []
    until = math.inf if waiting.timeout is None else time.monotonic() + waiting.timeout
    progress = Progress(len(begin))
    told = _told(waiting.rests) if len(begin) <= _TOLD_MOST else _quiet
    try:
        for each in follow_all(follower, begin, parallel=PARALLEL, until=until, told=told):
            ended.append(each)
            progress.clear()
            if waiting.output == "text":
                _print_end(*each)
            if over is not None:
                over(each[0])
            progress.show(len(ended))
    finally:
        progress.clear()
        left = follower.open
        follower.end()
        _say_left(left)
    if waiting.output != "text":
        _print_all([each for each, _ in ended] + left, waiting.output)
    elif len(ended) > 1:
        done = sum(has_succeeded(each, waiting.rests) and there for each, there in ended)
        write(f"{counted(len(ended), 'operation')}: {done:,} done, {len(ended) - done:,} failed\n")
    if any(not has_succeeded(each, waiting.rests) or not there for each, there in ended):
        return EXIT_FAILED
    return EXIT_TIMED_OUT if left else EXIT_DONE


def _only_asked(
    cluster: Chosen, asked: Sequence[OperationRequest], request: str, output: str
) -> int:
    created: list[OperationDocument] = []
    code = EXIT_DONE
    for each in asked:
        try:
            operation = create(cluster.kubectl, each, request)
        except Problem as problem:
            if len(asked) == 1:
                raise
            say(f"Error: {each.namespace}/{each.tenant}: {problem.message}")
            code = EXIT_FAILED
            continue
        created.append(operation)
        if output == "text":
            line = command_line("follow", operation["name"], namespace=operation["namespace"])
            write(f"{full_name(operation)} created\n")
            say_prose("To see how it ends:", line)
    if output != "text":
        _print_all(created, output)
    return code


def full_name(operation: OperationDocument) -> str:
    """Return the name in the form that other kubectl commands accept."""
    return f"{OPERATION_SINGULAR}.{GROUP}/{operation['name']}"


def _quiet(_: OperationDocument) -> None:
    """Print no phases, since there are too many operations; each result is printed."""


class Progress:
    """A progress line on a terminal: how many of many operations have ended."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown = total > _TOLD_MOST and sys.stderr.isatty()

    def show(self, ended: int) -> None:
        """Show how many have ended."""
        if self._shown:
            sys.stderr.write(f"\r{ended:,} of {self._total:,} have ended")
            sys.stderr.flush()

    def clear(self) -> None:
        """Clear the line, so that other output can follow."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _told(rests: frozenset[str]) -> Callable[[OperationDocument], None]:
    """Return a function that prints each new phase on standard error, once; `rests` as in `Waiting`."""
    said: dict[tuple[str, str], str] = {}

    def tell(operation: OperationDocument) -> None:
        key = operation["namespace"], operation["name"]
        line = f"{operation['name']}: {phase_of(operation)}"
        message = operation["status"].get("message")
        line += f": {message}" if message else ""
        if said.get(key) != line and not has_ended(operation, rests):
            said[key] = line
            say_prose(line)

    return tell


def _print_end(operation: OperationDocument, there: bool) -> None:
    line = line_of(operation)
    if not there:
        line = f"{line.partition(': ')[0]}: {operation['name']} was deleted before it had ended"
    print_prose([line])


def _say_left(left: Sequence[OperationDocument]) -> None:
    for each in left[:3]:
        line = command_line("follow", each["name"], namespace=each["namespace"])
        say_prose(f"{each['name']} goes on. To see how it ends:", line)
    if len(left) > 3:
        say_prose(f"... and {len(left) - 3:,} more go on")


def _print_all(operations: Sequence[OperationDocument], output: str) -> None:
    if output == "name":
        write("".join(f"{full_name(each)}\n" for each in operations))
    elif output in MACHINE_FORMATS:
        document = {"schema": SCHEMA, "time": rfc3339(time.time()), "operations": list(operations)}
        write_document(document, output)


def fleet_options(command: Command) -> Command:
    """Add the argument with the names of tenants, and --all."""
    for option in reversed(
        (
            click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_tenants),
            click.option(
                "--all",
                "every",
                is_flag=True,
                help="Every tenant of the namespace, or with -A of the cluster.",
            ),
            ALL_NAMESPACES,
        )
    ):
        command = option(command)
    return command


def fleet_of(
    cluster: Chosen, names: Sequence[str], *, every: bool, everywhere: bool
) -> list[tuple[str, str]]:
    """Return namespace and name of each chosen tenant, without repeats; raise a Problem if there is none."""
    if bool(names) == every:
        raise usage("Give either names or --all.")
    if everywhere and not every:
        raise usage("--all-namespaces goes with --all; a name can be NAMESPACE/NAME.")
    if names:
        return existing(cluster, names)
    scope = scope_of(cluster, everywhere=everywhere)
    metas = [part(each, "metadata") for each in cluster.kubectl.select(TENANTS, scope)]
    if not metas:
        where = "this cluster" if scope is None else f"the namespace {scope}"
        raise Problem(f"There is no {KIND} in {where}.", code="NoTenants")
    return [(text(each.get("namespace")), text(each.get("name"))) for each in metas]
