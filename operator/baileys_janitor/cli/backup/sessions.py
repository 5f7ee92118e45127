"""Selects the sessions whose archives a command handles: those of directories, or all in a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from baileys_janitor.backup.known import Known, read_known
from baileys_janitor.backup.names import ONE_SERVER, is_tenant, parse_name, tenant_of
from baileys_janitor.cli.backup.naming import tenant_of_target
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.backup.names import ArchiveName
    from baileys_janitor.backup.stores.repository import Listed, Repository
    from baileys_janitor.cli.arguments.targets import Found, Target
    from baileys_janitor.cli.terminal.reporting import Problems

LATEST = "latest"


class Session(NamedTuple):
    """A session with archives. `known` is its directory's record of them."""

    tenant: str
    known: Known
    target: Target | None = None

    @property
    def path(self) -> str | None:
        """The displayed path, or None."""
        return None if self.target is None else self.target.shown

    @property
    def company(self) -> str | None:
        """The tenant's name, or None."""
        return None if self.target is None else self.target.company

    @property
    def shown(self) -> str:
        """The session's name in messages."""
        return self.path or self.tenant


def session_of(target: Target, tenant: str | None = None) -> Session:
    """Return the session of a directory. Raises Problem if the directory cannot be read."""
    with opened(target) as directory:
        return Session(tenant or tenant_of_target(target), read_known(directory), target)


def sessions_of(found: Found, tenants: Sequence[str], problems: Problems) -> list[Session]:
    """Return the sessions of `--tenant`, and those of directories; failures go into `problems`."""
    sessions = tenants_of(tenants)
    for target in found.targets:
        try:
            sessions.append(session_of(target))
        except Problem as problem:
            problems.add(target, problem)
    return sessions


def tenants_of(names: Sequence[str]) -> list[Session]:
    """Return sessions by their tenants' names, as `archives` shows them, or by their directories' names."""
    found = []
    for name in dict.fromkeys(names):
        tenant = name if is_tenant(name) else tenant_of(name)
        found.append(Session(tenant, Known()))
    return found


def archives_in(
    repository: Repository, tenant: str | None = None, namespace: str = ONE_SERVER
) -> dict[str, list[Listed]]:
    """Return the archives of all sessions, or of one, by tenant and newest first. Raises BackupProblem."""
    found: dict[str, list[Listed]] = {}
    for each in repository.list(namespace, tenant, doubt_empty=True).archives:
        found.setdefault(each.path.tenant, []).append(each)
    return {tenant: archives[::-1] for tenant, archives in found.items()}


def archive_name(text: str) -> ArchiveName | None:
    """Return the named archive; None for the latest. Raises bad usage for anything else."""
    if text == LATEST:
        return None
    name = parse_name(text.rpartition("/")[2])
    if name is None:
        raise usage(
            f"{printable(text[:100])} is not an archive's name: write {LATEST}, or a name that archives shows, such as "
            "20261128T093500Z-0a1b2c3d.tar.gz.age."
        )
    return name


def is_archive(text: str) -> bool:
    """Return whether an argument names an archive rather than a directory."""
    return text == LATEST or parse_name(text) is not None
