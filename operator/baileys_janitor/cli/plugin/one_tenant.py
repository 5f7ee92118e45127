"""All details of one tenant on one screen."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.cli.plugin.fleet_table import ahead, share
from baileys_janitor.cli.plugin.options import command_line
from baileys_janitor.cli.plugin.tenant_operations import sentence
from baileys_janitor.cli.plugin.tenants import conditions_of, files_of, level_of, told
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.output import coloured, has_colours, terminal_width, write
from baileys_janitor.cli.terminal.tables import LEVEL_STYLES
from baileys_janitor.cli.watch.backups import backups, in_full
from baileys_janitor.report.words import rate, several

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from baileys_janitor.cli.plugin.events import EventDocument
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument
    from baileys_janitor.cli.plugin.tenants import Missing, TenantDocument

_LABEL: Final = 11
_RUNS_MOST: Final = 4
_NOTE_MOST: Final = 140
"""The maximum length of an Event in characters: the rest repeats earlier lines."""
_UNLIMITED: Final = 100
"""The width of a line in a pipe or a file."""

Line = tuple[str, str]
"""The label and the text of a line; of several lines only the first has a label."""


def print_tenant(
    tenant: TenantDocument,
    events: Sequence[EventDocument],
    operations: Sequence[OperationDocument],
    missing: Sequence[Missing],
    now: float,
) -> None:
    """Print one tenant."""
    width = terminal_width(sys.stdout) or _UNLIMITED
    write(f"{_head(tenant, now)}\n")
    for label, text in lines_of(tenant, events, operations, missing, now):
        for line in _folded(label, text, width):
            write(f"{line}\n")


def lines_of(
    tenant: TenantDocument,
    events: Sequence[EventDocument],
    operations: Sequence[OperationDocument],
    missing: Sequence[Missing],
    now: float,
) -> Iterator[Line]:
    """Yield the details of a tenant, most urgent first."""
    yield from _why(tenant, now)
    yield "Next", str(tenant["status"].get("next") or "nothing is known yet")
    yield from _growth(tenant, now)
    yield from _cleanups(tenant, now)
    yield from _operations(operations, now)
    yield from _credentials(tenant, now)
    yield from _backup(tenant, now)
    yield from _events(events, now)
    yield from _to_do(tenant)
    for each in missing:
        yield "Not shown", f"{each['what']}: it takes the right {each['right']}"


def _head(tenant: TenantDocument, now: float) -> str:
    status, level = tenant["status"], level_of(tenant)
    shown = level
    if has_colours(sys.stdout):
        shown = coloured(level, LEVEL_STYLES.get(level, ""))
    parts = [shown]
    if status.get("levelSince"):
        parts[0] += f" for {formatting.age_of(status['levelSince'], now)}"
    files = files_of(tenant)
    if files.get("counted") is not None:
        parts.append(f"{share(files)} files")
    ready = conditions_of(tenant).get("Ready")
    if ready is not None:
        parts.append("Ready" if ready["status"] == "True" else f"not Ready ({ready['reason']})")
    parts += ["suspended"] if tenant["suspended"] else []
    parts += [tenant["mode"]] if tenant["mode"] not in (None, "Enforce") else []
    return f"{tenant['namespace']}/{tenant['name']}: {', '.join(parts)}"


def _why(tenant: TenantDocument, now: float) -> Iterator[Line]:
    found = conditions_of(tenant)
    level = found.get(level_of(tenant)) or found.get("Healthy")
    label = "Why"
    if level is not None and level["message"]:
        yield label, level["message"]
        label = ""
    for each in told(tenant):
        since = "" if each.since is None else f", for {formatting.age(max(0.0, now - each.since))}"
        yield label, f"{each.type}{since}: {each.message}"
        label = ""


def _growth(tenant: TenantDocument, now: float) -> Iterator[Line]:
    status, files = tenant["status"], files_of(tenant)
    parts = []
    if status.get("growthPerDay") is not None:
        parts.append(f"{rate(status['growthPerDay'])} files a day")
    forecast = status.get("forecast") or {}
    for level, field in (("Critical", "criticalTime"), ("Emergency", "emergencyTime")):
        if forecast.get(field):
            parts.append(f"{level} in {ahead(forecast[field], now).replace('now', 'a moment')}")
    if files.get("reclaimable") is not None:
        parts.append(f"a cleanup would remove {several(files['reclaimable'], 'file')} now")
    if parts:
        yield "Grows", "; ".join(parts)
    if status.get("trend"):
        yield "", status["trend"]


def _cleanups(tenant: TenantDocument, now: float) -> Iterator[Line]:
    status = tenant["status"]
    last = status.get("lastCleanup")
    if status.get("run"):
        run = status["run"]
        began = formatting.age_of(run.get("startTime"), now)
        yield "Running", f"{run.get('reason') or 'a'} cleanup, for {began}"
    if last is None:
        yield "Last runs", "none yet"
        return
    yield "Last runs", _last_run(last, now)
    history = [each for each in status.get("history") or () if each.get("run") != last.get("run")]
    for each in history[:_RUNS_MOST]:
        yield "", _run(each, now)
    if status.get("cooldownUntil") and ahead(status["cooldownUntil"], now) != "now":
        yield "", f"no Trigger cleanup for another {ahead(status['cooldownUntil'], now)}"
    trash = status.get("trash") or {}
    if trash.get("runs"):
        files = f"{several(trash['files'], 'file')} of " if trash.get("files") is not None else ""
        yield "Trash", f"{files}{several(trash['runs'], 'run')} can still be put back"


def _last_run(last: dict[str, Any], now: float) -> str:
    if not last.get("message"):
        return _run(last, now)
    ago = formatting.age_of(last.get("time"), now)
    return (
        f"{ago} ago: {last.get('reason') or '?'}, {last.get('outcome') or '?'}: {last['message']}"
    )


def _run(run: dict[str, Any], now: float) -> str:
    ago = formatting.age_of(run.get("time"), now)
    counts = ""
    if run.get("before") is not None and run.get("after") is not None:
        counts = f", {run['before']} to {run['after']} counted"
    return (
        f"{ago} ago: {run.get('reason') or '?'}, {run.get('outcome') or '?'}, "
        f"{several(run.get('removed') or 0, 'file')} removed{counts}"
    )


def _operations(operations: Sequence[OperationDocument], now: float) -> Iterator[Line]:
    label = "Asked for"
    for each in operations:
        yield label, sentence(each, now)
        label = ""


def _credentials(tenant: TenantDocument, now: float) -> Iterator[Line]:
    status = tenant["status"]
    state = (status.get("identity") or {}).get("state")
    if state is None:
        return
    text = f"creds.json: {state}"
    if status.get("lastActivityTime"):
        text += f", last traffic {formatting.age_of(status['lastActivityTime'], now)} ago"
    copies = status.get("credentialsCopies") or {}
    if copies.get("count"):
        newest = formatting.age_of(copies.get("newestTime"), now)
        kept = several(copies["count"], "kept copy", "kept copies")
        text += f"; {kept} of it, the newest of {newest} ago"
    yield "Session", text
    if copies.get("reason"):
        yield "", f"no copy could be kept ({copies['reason']}): {copies.get('message') or ''}"


def _backup(tenant: TenantDocument, now: float) -> Iterator[Line]:
    found = backups(tenant["status"])
    if found is None:
        return
    words = [each for each in (found["backedUp"], found["restorable"]) if each]
    yield "Backup", ", ".join(words) or "nothing is known yet"
    for line in in_full(found, now):
        yield "", line.removeprefix("  ").removeprefix("Backup in ")


def _events(events: Sequence[EventDocument], now: float) -> Iterator[Line]:
    label = "Events"
    for each in events:
        again = f" (x{each['count']})" if each["count"] > 1 else ""
        ago = formatting.age_of(each["time"], now)
        note = textwrap.shorten(each["note"], _NOTE_MOST, placeholder=" ...")
        yield label, f"{ago} ago: {each['reason']}{again}: {note}"
        label = ""


def _to_do(tenant: TenantDocument) -> Iterator[Line]:
    """Yield commands that are useful now, each on a separate line so that it can be pasted."""
    namespace, name, status = tenant["namespace"], tenant["name"], tenant["status"]
    high = level_of(tenant) in {"Critical", "Emergency"}
    label = "You can"
    for holds, what, words in (
        (
            high and files_of(tenant).get("reclaimable"),
            "see what a cleanup would remove; without --dry-run it removes it",
            ("clean", name, "--dry-run", "--wait"),
        ),
        (
            (status.get("trash") or {}).get("runs") and status.get("attention"),
            "put back what the last cleanup removed",
            ("undo", name, "--wait"),
        ),
        (
            high or status.get("attention"),
            "go through the recovery checklist, if the session is lost",
            ("status", name, "--incident"),
        ),
    ):
        if holds:
            command, tenant_name, *options = words
            line = command_line(command, tenant_name, namespace=namespace, options=options)
            yield label, f"{what}\n  {line}"
            label = ""


def _folded(label: str, text: str, width: int) -> Iterable[str]:
    """Return a line with its label, wrapped between words; text after a newline is not wrapped."""
    prose, *commands = text.split("\n")
    indent = " " * _LABEL
    begin = f"{label}:".ljust(_LABEL) if label else indent
    yield from textwrap.wrap(
        begin + prose,
        max(width, 40),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [begin.rstrip()]
    yield from (f"{indent}{command}" for command in commands)
