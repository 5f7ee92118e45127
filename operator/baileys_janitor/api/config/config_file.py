"""Reads the operator's configuration from its file and a few environment variables.

The environment is for differences between two runs of one installation: on a laptop, in a test, or to stop a fleet
quickly. Everything else belongs in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from baileys_janitor.api.backup.backup_spec import check_drills, resolved
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.cross_field_rules import Conflict, check
from baileys_janitor.api.config.merge import describe, merged_settings
from baileys_janitor.api.spec import SharedSettings
from baileys_janitor.api.values.error_messages import first_problem

ENVIRONMENT = {
    "JANITOR_JOB_IMAGE": ("job", "image"),
    "JANITOR_LOG_FORMAT": ("logging", "format"),
    "JANITOR_LOG_LEVEL": ("logging", "level"),
    "JANITOR_MODE_CEILING": ("modeCeiling",),
    "JANITOR_WATCH_NAMESPACES": ("watchNamespaces",),
}
"""Variables that override a field of the file; namespaces are separated by commas."""

WEBHOOK = "NOTIFICATION_WEBHOOK"
"""A URL that receives all messages if the configuration names no channel."""

DRY_RUN = "DRY_RUN"
"""Set to true or 1, it caps every tenant's mode at DryRun."""


_LARGEST = 1024 * 1024
"""Maximum characters of the file: a ConfigMap holds no more."""


class InvalidConfig(Exception):  # noqa: N818 - the word that users see
    """A configuration that cannot be used; one sentence that names the file, the field, the way out."""


def load_config(path: Path | None, environ: Mapping[str, str]) -> OperatorConfig:
    """Return the configuration in force; the built-in one without a path.

    Raises:
        InvalidConfig: the file cannot be read, is not YAML, or has an invalid value.
    """
    data = {} if path is None else _read(path)
    source = "The environment" if path is None else f"The configuration {path}"
    overridden: dict[str, str] = {}
    for variable, field in ENVIRONMENT.items():
        value = environ.get(variable)
        if value:
            _put(data, field, value.split(",") if variable.endswith("NAMESPACES") else value)
            overridden[".".join(field)] = variable
    if environ.get(WEBHOOK):
        _default_channel(data)
    careful = _is_true(environ.get(DRY_RUN, ""))
    return _validated(data, source, overridden, careful=careful)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise InvalidConfig(
                f"The configuration {path} is longer than {_LARGEST} characters: is it the right file?"
            )
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidConfig(f"The configuration {path} cannot be read: {reason}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise InvalidConfig(f"The configuration {path} is not YAML{line}: correct it.") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        # A value in the form of a date that is none, or endless nesting.
        raise InvalidConfig(
            f"The configuration {path} is not YAML that can be read: correct its dates, numbers and nesting."
        ) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidConfig(f"The configuration {path} must hold fields: give name: value pairs.")
    return data


def _default_channel(data: dict[str, Any]) -> None:
    """Send everything to the URL in WEBHOOK, unless channels are configured. The URL stays in the environment."""
    told = data.get("notifications") or {}
    if isinstance(told, dict) and not told.get("channels") and not told.get("routes"):
        channel = {"name": "default", "webhook": {"urlKey": WEBHOOK}}
        data["notifications"] = told | {"channels": [channel]}


def _put(data: dict[str, Any], field: tuple[str, ...], value: object) -> None:
    for part in field[:-1]:
        below = data.get(part)
        data[part] = dict(below) if isinstance(below, dict) else {}
        data = data[part]
    data[field[-1]] = value


def _validated(
    data: dict[str, Any], source: str, overridden: Mapping[str, str], *, careful: bool
) -> OperatorConfig:
    data = {name: value for name, value in data.items() if value is not None}
    try:
        config = OperatorConfig.model_validate(data, extra="forbid")
    except ValidationError as error:
        field, problem = first_problem(error, OperatorConfig)
        variable = overridden.get(field.partition("[")[0])
        if variable is not None:
            source = f"The environment variable {variable}"
        # A problem of several fields names them itself.
        raise InvalidConfig(f"{source}: {f'{field} {problem}'.strip()}.") from None
    own = config.defaults.model_dump(mode="json", by_alias=True, exclude_none=True)
    merged = merged_settings(SharedSettings(), own)
    try:
        check(merged)
        check_drills(resolved(own.get("backup"), own.get("backup"), config.backup), config.backup)
    except Conflict as conflict:
        raise InvalidConfig(f"{source}: {describe(conflict, {'': own}, 'defaults')}") from None
    if careful and config.mode_ceiling == "Enforce":
        return config.model_copy(update={"mode_ceiling": "DryRun"})
    return config


def _is_true(text: str) -> bool:
    """Return the meaning of `DRY_RUN`. In doubt it is true: a typing error must not remove files."""
    return text.strip().lower() not in ("", "0", "false", "no", "off")
