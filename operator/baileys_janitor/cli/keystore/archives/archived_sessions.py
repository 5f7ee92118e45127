"""Selects the sessions whose archives a command on a database handles."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from baileys_janitor.backup.known import Known
from baileys_janitor.backup.names import (
    KEY_STORE,
    is_namespace,
    is_tenant,
    tenant_of,
    tenant_of_store,
)
from baileys_janitor.cli.backup.sessions import Session
from baileys_janitor.cli.keystore.options import URL_VARIABLE
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Named(NamedTuple):
    """A session of the store, and its name among archives; `name` is None if only its archives are known."""

    name: str | None
    session: Session


@dataclass(frozen=True)
class Place:
    """The prefix of the archives of a database's sessions: the one of the command, or of a cluster's key store."""

    namespace: str = KEY_STORE
    prefix: str = ""

    def tenant(self, session: str) -> str:
        """Return the tenant's part of the names of a session's archives."""
        return f"{self.prefix}{tenant_of(session)}"

    def holds(self, tenant: str) -> bool:
        """Return whether archives of that tenant belong to a session of this place."""
        return tenant.startswith(self.prefix)


def place_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names a key store of a cluster; the command gets a `Place` as `place`."""
    return click.option(
        "--of",
        "place",
        metavar="NAMESPACE/NAME",
        callback=_place,
        help="Of sessions that the operator has backed up: the namespace and the name of their BaileysKeyStore.",
    )(command)


def _place(context: click.Context, option: click.Parameter, text: str | None) -> Place:  # noqa: ARG001
    if text is None:
        return Place()
    namespace, _, name = text.partition("/")
    if not is_namespace(namespace) or not is_tenant(name):
        raise usage(
            f"--of {printable(text[:100])}: write namespace and name of a BaileysKeyStore, such as support/main."
        )
    return Place(namespace, f"{tenant_of_store(name)}.")


def database_is_named(values: Mapping[str, Any]) -> bool:
    """Return whether the options or the environment name a database."""
    return bool(values.get("url") or values.get("url_file") or os.environ.get(URL_VARIABLE))


def named(
    names: Sequence[str], known: Mapping[str, Known], place: Place | None = None
) -> list[Named]:
    """Return sessions by their names in the table; without names, those with archives on the database's record."""
    chosen = dict.fromkeys(names) if names else known
    where = place or Place()
    return [Named(each, Session(where.tenant(each), known.get(each, Known()))) for each in chosen]
