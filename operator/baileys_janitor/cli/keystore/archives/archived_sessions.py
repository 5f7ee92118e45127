"""The sessions whose archives a command on a database is about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from baileys_janitor.backup.known import Known
from baileys_janitor.backup.names import tenant_of
from baileys_janitor.cli.backup.sessions import Session
from baileys_janitor.cli.keystore.options import URL_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Named(NamedTuple):
    """A session of the store, and how archives know it; `name` is None where only its archives are known."""

    name: str | None
    session: Session


def database_is_named(values: Mapping[str, Any]) -> bool:
    """Return whether the options or the environment name a database."""
    return bool(values.get("url") or values.get("url_file") or os.environ.get(URL_VARIABLE))


def named(names: Sequence[str], known: Mapping[str, Known]) -> list[Named]:
    """Return sessions by their names in the table; without any, those that have archives by the database's memory."""
    chosen = dict.fromkeys(names) if names else known
    return [Named(each, Session(tenant_of(each), known.get(each, Known()))) for each in chosen]
