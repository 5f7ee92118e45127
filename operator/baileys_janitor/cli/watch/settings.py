"""The settings of `watch`: options over variables over the configuration file, checked as a whole."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor import extras
from baileys_janitor.cli.arguments.options import SESSIONS_PATH_VARIABLE, given
from baileys_janitor.cli.arguments.settings import merged_layers, read_config
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage
from baileys_janitor.cli.watch.state import state_path

if TYPE_CHECKING:
    from baileys_janitor.watch.settings import WatchSettings

AUTO_CLEANUP: Final = "AUTO_CLEANUP"
DRY_RUN: Final = "DRY_RUN"
MULTITENANCY: Final = "ENABLE_MULTITENANCY"
WEBHOOK: Final = "NOTIFICATION_WEBHOOK"
SECRETS: Final = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd passes the directory of a service's secrets (LoadCredential=)."""
LOCAL_TIME: Final = "/etc/localtime"
_ZONES: Final = "zoneinfo/"
_FALSE: Final = ("0", "false", "no", "off")
_TRUE: Final = ("1", "true", "yes", "on")


def watch_settings(
    paths: tuple[str, ...], values: Mapping[str, Any], argv: tuple[str, ...]
) -> WatchSettings:
    """Return the settings in the command's parameters; raise a Problem with one sentence if they are invalid."""
    from baileys_janitor.api.spec import SharedSettings
    from baileys_janitor.watch.settings import WatchSettings

    config_path = values.get("config_path")
    data = read_config(config_path) if config_path else {}
    shared = {field.alias or name for name, field in SharedSettings.model_fields.items()}
    own = merged_layers(
        {k: v for k, v in data.items() if k in shared}, given(dict(values)), config_path
    )
    own = _at_home(own)
    rest = _with_variables({k: v for k, v in data.items() if k not in shared}, values)
    config = _validated(own, rest, config_path)
    settings = WatchSettings(
        config=config,
        roots=_roots(paths, config.paths),
        state=os.path.abspath(values.get("state") or config.state or state_path(os.environ)),  # noqa: PTH100
        argv=argv,
        companies=tuple(values.get("companies") or ()),
        nested=_truth(MULTITENANCY) is not False,
        once=bool(values.get("once")),
        host=_host(),
    )
    _check_overrides(settings, config_path)
    if config.notifications.channels and not extras.is_installed("notify"):
        raise usage(extras.sentence("notify"))
    return settings


def _roots(paths: tuple[str, ...], configured: list[str]) -> tuple[str, ...]:
    asked = paths or tuple(configured) or _from_environment()
    if not asked:
        raise usage(
            "No PATH was given: name a session directory or a root of session directories, set paths in the "
            f"configuration file, or set {SESSIONS_PATH_VARIABLE}."
        )
    roots = tuple(dict.fromkeys(os.path.abspath(path) for path in asked))  # noqa: PTH100
    if not any(os.path.isdir(root) for root in roots):  # noqa: PTH112
        raise usage(f"{printable(roots[0])} is not a reachable directory; check the path.")
    return roots


def _from_environment() -> tuple[str, ...]:
    path = os.environ.get(SESSIONS_PATH_VARIABLE)
    return (path,) if path else ()


def _at_home(own: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with the server's time zone, unless one is set: 03:00 means local time."""
    schedule = own.get("schedule") or {}
    zone = None if "timeZone" in schedule else local_zone(os.environ)
    return own if zone is None else own | {"schedule": {**schedule, "timeZone": zone}}


def local_zone(environ: Mapping[str, str], link: str = LOCAL_TIME) -> str | None:
    """Return the IANA name of this machine's time zone; None if it is unknown."""
    from baileys_janitor.api.config.cross_field_rules import is_zone

    named = environ.get("TZ", "").removeprefix(":")
    if not named:
        try:
            named = os.path.realpath(link).partition(_ZONES)[2]
        except OSError:
            return None
    return named if named and is_zone(named) else None


def _with_variables(rest: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(rest)
    if values.get("metrics"):
        rest["metrics"] = values["metrics"]
    if values.get("pattern"):
        rest["pattern"] = values["pattern"]
    logging = dict(rest.get("logging") or {})
    if values.get("log_format"):
        logging["format"] = values["log_format"]
    if logging:
        rest["logging"] = logging
    ceiling = rest.get("modeCeiling", "Enforce")
    if _truth(AUTO_CLEANUP) is False:
        ceiling = "Observe"
    elif _is_set(DRY_RUN) and ceiling == "Enforce":
        ceiling = "DryRun"
    rest["modeCeiling"] = ceiling
    notifications = rest.get("notifications")
    if notifications is None or isinstance(notifications, dict):
        rest["notifications"] = _channels(dict(notifications or {}))
    return {key: value for key, value in rest.items() if value is not None}


def _channels(notifications: dict[str, Any]) -> dict[str, Any]:
    if (
        os.environ.get(WEBHOOK)
        and not notifications.get("channels")
        and not notifications.get("routes")
    ):
        notifications["channels"] = [{"name": "default", "webhook": {"urlKey": WEBHOOK}}]
    if os.environ.get(SECRETS) and "secretsDirectory" not in notifications:
        notifications["secretsDirectory"] = os.environ[SECRETS]
    if "timeZone" not in notifications:
        zone = local_zone(os.environ)
        if zone is not None:
            notifications["timeZone"] = zone
    return notifications


def _validated(own: dict[str, Any], rest: dict[str, Any], path: str | None) -> Any:
    from pydantic import ValidationError

    from baileys_janitor.api.config.watch_config import WatchConfig
    from baileys_janitor.api.values.error_messages import first_problem

    try:
        return WatchConfig.model_validate(own | rest, extra="forbid")
    except ValidationError as error:
        field, problem = first_problem(error, WatchConfig)
        where = "The settings" if path is None else printable(path)
        end = "" if problem.endswith("?") else "."
        raise usage(f"{where}: {printable(f'{field} {problem}'.strip())}{end}") from None


def _check_overrides(settings: WatchSettings, path: str | None) -> None:
    """Check the merged settings of each directory; raise bad usage for the first invalid ones."""
    from baileys_janitor.api.backup.backup_settings import described
    from baileys_janitor.api.config.cross_field_rules import Conflict
    from baileys_janitor.api.config.merge import InvalidTenant

    archived = False
    for name in ("", *settings.config.directories):
        where = printable(path or "The settings")
        of = f" directories.{printable(name)}:" if name else ""
        try:
            settings.of(name or "server")
            archived = settings.backups_of(name or "server") is not None or archived
        except InvalidTenant as problem:
            raise usage(f"{where}:{of} {problem.message}") from None
        except Conflict as conflict:
            said = described(conflict, settings.backup_group(name or "server"))
            raise usage(f"{where}:{of} {printable(said)}") from None
    if archived and not extras.is_installed("backup"):
        raise usage(extras.sentence("backup"))


def _host() -> str:
    from baileys_janitor.watch.directories import label

    return label(socket.gethostname().partition(".")[0])


def _truth(variable: str) -> bool | None:
    text = os.environ.get(variable, "").strip().lower()
    if not text:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise usage(f"{variable} is neither true nor false; set it to one of them or unset it.")


def _is_set(variable: str) -> bool:
    """Return whether `DRY_RUN` is set for a service. Unknown words count as true: a typo must not remove files."""
    return os.environ.get(variable, "").strip().lower() not in ("", *_FALSE)
