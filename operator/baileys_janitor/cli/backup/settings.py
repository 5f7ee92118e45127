"""The settings for repositories: options over the configuration file, checked like those of the watch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor import extras
from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments.options import ENV_PREFIX
from baileys_janitor.cli.arguments.small_files import text_of
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem, usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from baileys_janitor.api.backup.backup_settings import Backups
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.backup.results import Destination, Keep

Command = TypeVar("Command", bound=Callable[..., Any])

IDENTITY_VARIABLE: Final = "BAILEYS_JANITOR_IDENTITY"
CREDENTIALS_VARIABLE: Final = "BAILEYS_JANITOR_CREDENTIALS"


class Place(NamedTuple):
    """A repository as given; `named` is its name in messages: the option, or the file and its name."""

    name: str
    named: str
    url: str
    endpoint: str | None
    region: str | None
    credentials: str | None
    read_credentials: str | None


def repository_options(direction: str, *, several: bool) -> Callable[[Command], Command]:
    """Add the options for repositories; `direction` is `--to` or `--from`, which reaches the command as `urls`."""
    verb = "Put archives there" if direction == "--to" else "Take archives from there"

    def decorate(command: Command) -> Command:
        for each in (
            click.option(
                "--config",
                "config_path",
                metavar="FILE",
                envvar=ENV_PREFIX + "CONFIG",
                shell_complete=completing.files,
                help="YAML file with a group backup, as watch takes it.",
            ),
            click.option(
                "--repository",
                "repository_name",
                metavar="NAME",
                help="Of the repositories in that file this one alone.",
            ),
            click.option(
                "--credentials",
                metavar="PATH",
                envvar=CREDENTIALS_VARIABLE,
                shell_complete=completing.files,
                help="File or directory with the store's credentials, by the names of its variables, such as "
                "AWS_ACCESS_KEY_ID; else the environment.",
            ),
            click.option("--region", metavar="NAME", help="The bucket's region."),
            click.option(
                "--endpoint", metavar="URL", help="Address of a store that is not Amazon's."
            ),
            click.option(
                direction,
                "urls",
                metavar="URL",
                multiple=several,
                shell_complete=completing.directories,
                help=f"{verb}: s3://bucket/prefix, gs://..., az://..., or the path of a directory"
                f"{'; repeatable' if several else ''}.",
            ),
        ):
            command = each(command)
        return command

    return decorate


def identity_option(command: Command) -> Command:
    """Add the secret key that opens archives; it reaches the command as `identity`."""
    return click.option(
        "--identity",
        metavar="FILE",
        envvar=IDENTITY_VARIABLE,
        shell_complete=completing.files,
        help="File with the secret key that opens the archives.",
    )(command)


class Asked:
    """The settings for backups in the options and the configuration file."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        extras.require("backup")
        self.values = values
        self.path: str | None = values.get("config_path")
        self.data: dict[str, Any] = {}
        self.config: Backups | None = None
        if self.path:
            self._read(self.path)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths in the configuration file, for a command that names none."""
        found = self.data.get("paths")
        return (
            tuple(each for each in found if isinstance(each, str))
            if isinstance(found, list)
            else ()
        )

    @property
    def _option(self) -> str:
        """The option that names repositories: `--to` for a command that encrypts, `--from` for any other."""
        return "--to" if "recipients" in self.values else "--from"

    def places(self) -> list[Place]:
        """Return the repositories, each once; raise bad usage if there is none."""
        urls = self.values.get("urls") or ()
        urls = (urls,) if isinstance(urls, str) else urls
        if urls:
            if self.values.get("repository_name"):
                raise usage(
                    "--repository names a repository of the configuration file: leave out either it or the URL."
                )
            return [self._typed(url) for url in dict.fromkeys(urls)]
        found = self._configured()
        if not found:
            raise usage(
                f"No repository was given: name one with {self._option} URL, or the configuration file with --config."
            )
        return found

    def _typed(self, url: str) -> Place:
        credentials = self.values.get("credentials")
        return Place(
            printable(url),
            self._option,
            os.path.abspath(url) if _is_relative(url) else url,  # noqa: PTH100 - as it was typed
            self.values.get("endpoint"),
            self.values.get("region"),
            credentials,
            credentials,
        )

    def _configured(self) -> list[Place]:
        if self.config is None:
            return []
        wanted = self.values.get("repository_name")
        names = [each.name for each in self.config.repositories]
        if wanted and wanted not in names:
            raise usage(f"--repository {printable(wanted)}: the file has {', '.join(names)}.")
        own = self.values.get("credentials")
        return [
            Place(
                each.name,
                f"{printable(self.path or '')}: repository {each.name}",
                *(each.url, each.endpoint, each.region),
                own or each.credentials,
                own or each.read_credentials or each.credentials,
            )
            for each in self.config.repositories
            if wanted in (None, each.name)
        ]

    def _read(self, path: str) -> None:
        from pydantic import ValidationError

        from baileys_janitor.api.backup.backup_settings import BackupSettings, described, resolved
        from baileys_janitor.api.config.cross_field_rules import Conflict
        from baileys_janitor.api.values.error_messages import first_problem
        from baileys_janitor.cli.arguments.settings import read_config

        self.data = read_config(path)
        group = self.data.get("backup")
        try:
            BackupSettings.model_validate(group or {}, extra="forbid")
            self.config = resolved(group)
        except ValidationError as error:
            field, problem = first_problem(error, BackupSettings)
            end = "" if problem.endswith("?") else "."
            raise usage(
                f"{printable(path)}: {printable(f'backup.{field} {problem}'.strip())}{end}"
            ) from None
        except Conflict as conflict:
            raise usage(
                f"{printable(path)}: {printable(described(conflict, group or {}))}"
            ) from None


def opened(place: Place, *, reading: bool = False) -> Destination:
    """Return a repository ready for use; raise bad usage if it is invalid. Sends no request to the store."""
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.backup.stores.repository import open_repository

    try:
        repository = open_repository(
            place.url,
            endpoint=place.endpoint,
            region=place.region,
            credentials=place.read_credentials if reading else place.credentials,
            environ=os.environ,
        )
    except BackupProblem as problem:
        raise usage(f"{place.named}: {problem.sentence}") from None
    if repository.location.is_plain_http:
        say(
            f"Note: {place.name} uses plain http, so others on the network can read and change the requests."
        )
    return Destination(place.name, repository)


def problem_of(shown: str, problem: BackupProblem) -> Problem:
    """Return a failure with a repository or an archive as a problem that names it."""
    return Problem(f"{shown}: {problem.sentence}", code=problem.code)


def recipients_of(asked: Asked) -> tuple[str, ...]:
    """Return the public keys to encrypt to; empty only if the options or the file explicitly say None."""
    from baileys_janitor.backup.archive.encryption import Recipients
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.policy.archives.archived import ENCRYPTION_NONE

    typed = [*asked.values["recipients"]]
    for path in asked.values["recipients_files"]:
        typed += _lines_of(path, "--recipients-file")
    none = asked.values.get("encryption") == ENCRYPTION_NONE
    if none and typed:
        raise usage("--encryption None contradicts the recipients: leave one of them out.")
    if none:
        return ()
    if not typed and asked.config is not None and asked.config.repositories:
        return asked.config.recipients
    if not typed:
        raise usage(
            "No recipient was given, so nobody could decrypt the archives: give the public key with --recipient "
            "(`baileys-janitor backup keygen` makes one), or write --encryption None for archives that everybody can "
            "read."
        )
    try:
        Recipients(typed)
    except BackupProblem as problem:
        raise usage(problem.sentence) from None
    return tuple(typed)


def keep_of(asked: Asked) -> Keep:
    """Return the retention of archives."""
    from baileys_janitor.backup.results import Keep
    from baileys_janitor.policy.archives.archive_retention import Retention

    base = (
        Keep() if asked.config is None else Keep(asked.config.retention, asked.config.bucket_days)
    )
    typed = {
        field: asked.values[field]
        for field in ("hourly", "daily", "monthly")
        if asked.values[field] is not None
    }
    days = asked.values["bucket_days"]
    if days is not None and typed:
        raise usage(
            "--bucket-days leaves retention to the store: leave out --hourly, --daily and --monthly."
        )
    if days is not None:
        return Keep(base.retention, days)
    if not typed:
        return base
    retention = Retention(**{**_as_dict(base.retention), **typed})
    if not (retention.hourly or retention.daily or retention.monthly):
        raise usage(
            "--hourly, --daily and --monthly are all 0, so no archive would stay: raise one."
        )
    return Keep(retention, None)


def identities_of(path: str | None, asked: Asked) -> Identities | None:
    """Return the secret keys in a file; None if no file was named. The content is never shown."""
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.errors import BackupProblem

    path = path or (asked.config.drill_identity_file if asked.config is not None else None)
    if path is None:
        return None
    text = text_of(path, "--identity")
    try:
        return Identities(text)
    except BackupProblem as problem:
        raise usage(f"--identity {printable(path)}: {problem.sentence}") from None


def _lines_of(path: str, option: str) -> Iterator[str]:
    for line in text_of(path, option).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _is_relative(url: str) -> bool:
    return "://" not in url and not url.startswith("/")


def _as_dict(retention: Any) -> dict[str, int]:
    return {field: getattr(retention, field) for field in ("hourly", "daily", "monthly")}
