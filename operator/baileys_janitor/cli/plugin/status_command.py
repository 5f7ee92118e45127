"""`kubectl baileys status`: the state of all tenants, or all details of some."""

from __future__ import annotations

import json
import time
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor.api.names import API_VERSION, GROUP, KIND, SINGULAR
from baileys_janitor.cli.help.documented import USUAL_EXITS, Documented
from baileys_janitor.cli.kubectl.refusals import FORBIDDEN, NOT_FOUND, Request
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.events import events_of
from baileys_janitor.cli.plugin.options import (
    ALL_NAMESPACES,
    chosen,
    cluster_options,
    parted,
    scope_of,
)
from baileys_janitor.cli.plugin.tenant_operations import of_fleet, of_tenant, told
from baileys_janitor.cli.plugin.tenants import brief_of, level_of, tenant_document
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, write, write_document
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_LEVEL_REACHED,
    Problem,
    usage,
)
from baileys_janitor.report.model import UNKNOWN_LEVEL, WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from baileys_janitor.cli.plugin.events import EventDocument
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument
    from baileys_janitor.cli.plugin.options import Chosen
    from baileys_janitor.cli.plugin.tenants import Missing, TenantDocument

Found = TypeVar("Found")

SCHEMA: Final = "baileys-janitor/tenants/v1"
_EVENTS_MOST: Final = 5


@click.command(
    "status",
    cls=Documented,
    exits=tuple(sorted((*USUAL_EXITS, EXIT_LEVEL_REACHED))),
    examples=(
        ("kubectl baileys status -A", "All tenants of the cluster, the worst first."),
        (
            "kubectl baileys status acme -n shop",
            "Level, why, since when, forecast, last runs, operations, backups, what comes and what to do.",
        ),
        (
            "kubectl baileys status acme -n shop --incident",
            "The session was lost: what to do, and the recovery checklist filled in.",
        ),
        (
            "kubectl baileys status -A --fail-on Critical -o name",
            "For scripts: exit code 3 at level Critical or Emergency.",
        ),
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_tenants)
@ALL_NAMESPACES
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml", "name"]),
    default="table",
    show_default=True,
    help="The format.",
)
@click.option(
    "--incident",
    is_flag=True,
    help="With one NAME, whose session was lost: the recovery checklist, filled in.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["Warning", "Critical", "Emergency"], case_sensitive=False),
    help="Exit with 3 when any tenant has this level or a worse one.",
)
def command(
    names: tuple[str, ...],
    all_namespaces: bool,
    output: str,
    incident: bool,
    fail_on: str | None,
) -> int:
    """Show the state of all tenants, the worst first; with NAME, all details of the named ones.

    NAME can be NAMESPACE/NAME. It takes the right to list baileystenants, with NAME the right to get them; what you
    may not read besides is named in a line.
    """
    cluster = chosen()
    if incident:
        return _incident(cluster, names, output)
    now = time.time()
    if names and all_namespaces:
        raise usage("Give either names or --all-namespaces; a name can be NAMESPACE/NAME.")
    if names:
        tenants = [tenant_document(_get(cluster, each)) for each in names]
    else:
        scope = scope_of(cluster, everywhere=all_namespaces)
        listed = _some(cluster.kubectl.select(TENANTS, scope), scope)
        if output == "json":
            levels = _stream(map(tenant_document, listed), now)
            reached = fail_on is not None and any(_is_reached(each, fail_on) for each in levels)
            return EXIT_LEVEL_REACHED if reached else EXIT_DONE
        tenants = [(tenant_document if output == "yaml" else brief_of)(each) for each in listed]
    if output == "name":
        write("".join(f"{SINGULAR}.{GROUP}/{each['name']}\n" for each in tenants))
    elif output in MACHINE_FORMATS:
        write_document(_document(cluster, tenants, now, in_full=bool(names)), output)
    elif names:
        _print_each(cluster, tenants, now)
    else:
        from baileys_janitor.cli.plugin.fleet_table import print_fleet

        wide = output == "wide"
        beneath = _of_fleet(cluster, None if all_namespaces else scope, now, every=wide)
        print_fleet(tenants, now, everywhere=all_namespaces, wide=wide, beneath=beneath)
    if fail_on is not None and any(_is_reached(level_of(each), fail_on) for each in tenants):
        return EXIT_LEVEL_REACHED
    return EXIT_DONE


def _get(cluster: Chosen, name: str) -> dict[str, Any]:
    namespace, own = parted(name, cluster, KIND)
    try:
        return cluster.kubectl.get(TENANTS, namespace, own)
    except Request as refused:
        if refused.code != NOT_FOUND:
            raise
        raise Problem(
            f"There is no {KIND} {own} in the namespace {namespace}; `kubectl baileys status -A` shows those that "
            "there are.",
            code=NOT_FOUND,
        ) from None


def _is_reached(level: str, fail_on: str) -> bool:
    known = [each for each in WORST_FIRST if each != UNKNOWN_LEVEL]
    return level in known and known.index(level) <= known.index(fail_on.capitalize())


def _some(tenants: Iterator[dict[str, Any]], scope: str | None) -> Iterator[dict[str, Any]]:
    """Return the same tenants; raise a Problem if there are none."""
    first = next(tenants, None)
    if first is None:
        where = "this cluster" if scope is None else f"the namespace {scope}"
        raise Problem(f"There is no {KIND} in {where}.", code="NoTenants")
    return chain([first], tenants)


def _stream(tenants: Iterable[TenantDocument], now: float) -> set[str]:
    """Print the document of a fleet while it is read, one tenant a line; return the levels in it."""
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "time": rfc3339(now),
        "apiVersion": API_VERSION,
        "notShown": [],
    }
    write(f'{json.dumps(head)[:-1]}, "tenants": [')
    levels = set()
    for number, each in enumerate(tenants):
        levels.add(level_of(each))
        write(f"{',' if number else ''}\n  {json.dumps(each)}")
    write("\n]}\n")
    return levels


class _Seen(NamedTuple):
    """A tenant's Events and operations, and the parts that may not be read."""

    events: list[EventDocument]
    operations: list[OperationDocument]
    missing: list[Missing]


def _beside(cluster: Chosen, tenant: TenantDocument) -> _Seen:
    """Return a tenant's latest Events and its operations, or the rights that are missing to read them."""
    place, name = tenant["namespace"], tenant["name"]
    missing: list[Missing] = []
    events = _readable(
        lambda: events_of(cluster.kubectl, KIND, place, name, _EVENTS_MOST), "events", missing
    )
    operations = _readable(lambda: of_tenant(cluster.kubectl, place, name), "operations", missing)
    return _Seen(events or [], operations or [], missing)


def _readable(read: Callable[[], Found], what: str, missing: list[Missing]) -> Found | None:
    """Return the result of `read`; None, with an entry in `missing`, if the user lacks the right."""
    try:
        return read()
    except Request as refused:
        if refused.code != FORBIDDEN:
            raise
        missing.append({"what": what, "right": refused.right})
        return None


def _of_fleet(cluster: Chosen, namespace: str | None, now: float, *, every: bool) -> list[str]:
    """Return the lines about the fleet's operations."""
    missing: list[Missing] = []
    listed = _readable(lambda: of_fleet(cluster.kubectl, namespace, now), "operations", missing)
    if listed is None:
        return [f"Not shown: {one['what']}: it takes the right {one['right']}" for one in missing]
    return list(told(listed, now, every=every))


def _print_each(cluster: Chosen, tenants: list[TenantDocument], now: float) -> None:
    from baileys_janitor.cli.plugin.one_tenant import print_tenant

    for number, each in enumerate(tenants):
        seen = _beside(cluster, each)
        write("\n" if number else "")
        print_tenant(each, seen.events, seen.operations, seen.missing, now)


def _document(
    cluster: Chosen, tenants: list[TenantDocument], now: float, *, in_full: bool
) -> dict[str, Any]:
    documents: list[dict[str, Any]] = []
    not_shown: list[Missing] = []
    for each in tenants:
        document: dict[str, Any] = {**each}
        if in_full:
            seen = _beside(cluster, each)
            document["events"], document["operations"] = seen.events, seen.operations
            not_shown += [one for one in seen.missing if one not in not_shown]
        documents.append(document)
    return {
        "schema": SCHEMA,
        "time": rfc3339(now),
        "apiVersion": API_VERSION,
        "tenants": documents,
        "notShown": not_shown,
    }


def _incident(cluster: Chosen, names: tuple[str, ...], output: str) -> int:
    from baileys_janitor.cli.plugin.reporting import print_incident

    if len(names) != 1:
        raise usage("--incident is about one tenant: give its NAME.")
    if output not in {"table", "json"}:
        raise usage("--incident prints text, or JSON with -o json.")
    print_incident(_get(cluster, names[0]), as_json=output == "json")
    return EXIT_DONE
