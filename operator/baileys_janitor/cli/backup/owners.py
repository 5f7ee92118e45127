"""Fingerprints that the user has kept, to verify archives when a session's directory is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.latest import Fingerprint, read_fingerprint
from baileys_janitor.backup.names import tenant_of
from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments.small_files import text_of
from baileys_janitor.cli.backup.naming import read_written
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

Command = TypeVar("Command", bound=Callable[..., Any])

_LONGEST_NAME: Final = 4096
_LARGEST_FILE: Final = 16 << 20  # some 100,000 sessions


def owner_options(command: Command) -> Command:
    """Add `--fingerprint` and `--fingerprints`, which reach the command by these names."""
    for each in (
        click.option(
            "--fingerprints",
            "fingerprints_file",
            metavar="FILE",
            shell_complete=completing.files,
            help="What `backup fingerprints` has printed: a line for each session.",
        ),
        click.option(
            "--fingerprint",
            metavar="HEX",
            help="Only archives of the session with this fingerprint count.",
        ),
    ):
        command = each(command)
    return command


class Recorded(NamedTuple):
    """A recorded line: a session's directory beneath its root, and its fingerprint."""

    directory: str
    fingerprint: Fingerprint

    @property
    def tenant(self) -> str:
        """The tenant's part of the names of its archives."""
        return tenant_of(self.directory)


class Owners:
    """The fingerprints that were given."""

    def __init__(self, fingerprint: str | None, path: str | None) -> None:
        if fingerprint is not None and path is not None:
            raise usage("--fingerprint and --fingerprints: give one of them.")
        self.one = None if fingerprint is None else _read("--fingerprint", fingerprint)
        self.recorded = [] if path is None else list(_recorded(path))
        self._of = {each.tenant: each.fingerprint for each in reversed(self.recorded)}

    def of(self, tenant: str) -> Fingerprint | None:
        """Return the fingerprint of a tenant's genuine archives; None if none was given."""
        if self.one is not None:
            return self.one
        return self._of.get(tenant)


def _recorded(path: str) -> Sequence[Recorded]:
    found = []
    for number, line in enumerate(text_of(path, "--fingerprints", _LARGEST_FILE).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        text, _, directory = line.strip().partition(" ")
        directory = read_written(directory.strip())
        where = f"--fingerprints {printable(path)}, line {number}"
        if not _is_beneath(directory):
            raise usage(f"{where}: write a fingerprint and a directory's path beneath its root.")
        found.append(Recorded(directory, _read(where, text)))
    if not found:
        raise usage(f"--fingerprints {printable(path)} holds no fingerprint.")
    return found


def _is_beneath(directory: str) -> bool:
    return (
        0 < len(directory) <= _LONGEST_NAME
        and not directory.startswith("/")
        and not {"", ".", ".."}.intersection(directory.split("/"))
    )


def _read(where: str, text: str) -> Fingerprint:
    try:
        return read_fingerprint(text)
    except BackupProblem as problem:
        raise usage(f"{where}: {problem.sentence}") from None
