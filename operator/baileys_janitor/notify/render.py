"""A message as text: plain for mails and logs, HTML for Telegram. Pure: a document in, text out."""

from __future__ import annotations

import html as escaping
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import words
from baileys_janitor.notify.incidents import DIRECTORY, KEY_STORE, moment
from baileys_janitor.notify.words import Reader

Object = dict[str, Any]

COMMAND = ("kubectl ", "baileys-janitor ")
"""Prefixes of a line that is a command."""
_QUOTED = re.compile("`([^`]+)`")
NAMED = 5
"""Tenants that a text names in a group, the worst first."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line and its style where styles are supported: title, code, link or plain."""

    text: str
    look: str = ""


def lines(document: Object, reader: Reader) -> list[Line]:
    """Return the whole message, line by line."""
    found = [Line(document["title"], "title")]
    now = moment(document["time"]) or 0.0
    groups = document.get("groups") or []
    for group in groups:
        found.append(Line(""))
        if len(groups) > 1:
            head = "Resolved" if group["status"] == "resolved" else group["severity"]
            found.append(Line(f"{head}: {group['title']}", "title"))
        found += _group(group, reader, now)
    told = document.get("lines") or ()
    if told:
        found.append(Line(""))
    found += [Line(words.clean(each), "code" if each.startswith(COMMAND) else "") for each in told]
    return found


def _group(group: Object, reader: Reader, now: float) -> Iterator[Line]:
    tenants = group["tenants"]
    if group["count"] == 1:
        yield from (line for tenant in tenants for line in _single(tenant, reader, now))
    else:
        yield from (Line(_listed(tenant, reader, now)) for tenant in tenants[:NAMED])
        left = group["count"] - min(len(tenants), NAMED)
        if left > 0:
            where = words.several(group.get("namespaces") or 0, "namespace")
            yield Line(f"  and {words.number(left)} more, all in {where}")
    if group["status"] == "resolved":
        return
    if group["count"] > 1 or not INCIDENT_KINDS[group["reason"]].explained:
        yield Line(f"Means: {group['means']}")
    yield Line(f"By itself: {group['does']}")
    yield Line(f"To do: {group['todo']}")
    yield Line(f"  {group['command']}", "code")
    if group["runbook"]:
        yield Line(f"Runbook: {group['runbook']}", "link")


def _single(tenant: Object, reader: Reader, now: float) -> Iterator[Line]:
    since = moment(tenant["since"]) or now
    until = moment(tenant.get("until"))
    when = f"since {reader.time(since, now)} ({words.span(now - since)})"
    if until is not None:
        when = f"from {reader.time(since, now)} to {reader.time(until, now)}"
    if tenant["name"]:
        company = tenant["companyId"]
        of = f", company {company}" if company and company != tenant["name"] else ""
        where = f"in namespace {tenant['namespace']}"
        what = "key store" if tenant.get("kind") == KEY_STORE else "tenant"
        if tenant.get("kind") == DIRECTORY:
            what, where = "session", f"on {tenant['namespace']}"
        yield Line(f"Where: {what} {tenant['name']} {where}{of}, {when}")
    else:
        yield Line(f"Where: all tenants, {when}")
    told = tenant.get("message") or tenant.get("summary")
    if tenant.get("deleted"):
        told = "the tenant was deleted"
    if told:
        yield Line(f"Now: {told.removeprefix('now ')}")


def _listed(tenant: Object, reader: Reader, now: float) -> str:
    since, until = moment(tenant["since"]) or now, moment(tenant.get("until"))
    company = tenant["companyId"]
    of = f" ({company})" if company and company != tenant["name"] else ""
    when = f"since {reader.time(since, now)}"
    if until is not None:
        when = f"over after {words.span(until - since)}"
    told = f"{tenant['summary']}, " if tenant.get("summary") else ""
    return f"  {tenant['namespace']}/{tenant['name']}{of}: {told}{when}"


def plain(document: Object, reader: Reader, most: int = 20_000) -> str:
    """Return the message as plain text of at most `most` characters."""
    return _cut([line.text for line in lines(document, reader)], most, len)


def html(document: Object, reader: Reader, most: int = 4096) -> str:
    """Return the message in Telegram's HTML; `most` limits the length of the parsed text."""
    found = lines(document, reader)
    kept = _fitting([line.text for line in found], most, utf16)
    marked = [_marked(line) for line in found[:kept]]
    if kept < len(found):
        marked.append(_more(len(found) - kept))
    return "\n".join(marked)


def _marked(line: Line) -> str:
    # No tag spans lines, so a message cut between two lines stays valid.
    safe = escaping.escape(line.text, quote=False)
    if line.look == "title" and safe:
        return f"<b>{safe}</b>"
    if line.look == "code":
        return f"<code>{safe.strip()}</code>"
    # Telegram copies code on a tap, also within a sentence.
    return _QUOTED.sub(r"<code>\1</code>", safe)


def utf16(text: str) -> int:
    """Return the length as Telegram counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def _more(count: int) -> str:
    return f"… {words.several(count, 'more line')}"


def _cut(texts: list[str], most: int, length: Callable[[str], int]) -> str:
    kept = _fitting(texts, most, length)
    if kept < len(texts):
        return "\n".join([*texts[:kept], _more(len(texts) - kept)])
    return "\n".join(texts)


def _fitting(texts: list[str], most: int, length: Callable[[str], int]) -> int:
    """Return the number of lines that fit, with room for a note about the rest."""
    if sum(length(text) + 1 for text in texts) <= most:
        return len(texts)
    room, kept = most - 40, 0
    for text in texts:
        room -= length(text) + 1
        if room < 0:
            break
        kept += 1
    return kept


def finished(document: Object, reader: Reader) -> Object:
    """Return the document with its own text included: chat services show the field `text`."""
    return {**document, "text": plain(document, reader)}
