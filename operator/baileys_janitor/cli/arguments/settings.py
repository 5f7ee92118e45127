"""The settings in force: option, then environment, then configuration file, then built-in default.

The keys are those of a tenant's spec and the checks are the API's, so that a file that works here
works in a cluster. The API is not loaded when nothing is set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
from click.core import ParameterSource

from baileys_janitor.cli.arguments.options import SETTINGS, UNDO_WINDOW, Setting, given
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.policy.archives.credential_copies import EVERY_SECONDS, KEEP
from baileys_janitor.policy.settings import DEFAULTS, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_TENANTS_OWN: Final = frozenset({"companyId", "volume", "suspend"})
WATCH_OWN: Final = frozenset(
    {
        *("name", "paths", "pattern", "directories", "modeCeiling", "state", "metrics"),
        *("metricsPerDirectory", "dailyJitter", "sessionInactiveAfter", "diskPressure"),
        *("circuitBreaker", "backup", "notifications", "logging"),
    }
)
"""Keys of the watch's file that are ignored here: one file may serve both."""
_EMERGENCY_FOLLOWS: Final = ("sessionMaxAge", "senderKeyMaxAge", "preKeys")
_DEFAULT_UNDO_WINDOW_SECONDS: Final = 86_400
_CONFIG_SIZE_LIMIT: Final = 1 << 20


class InForce(NamedTuple):
    """The settings of a command; `undo_window` in seconds.

    `keep` copies of creds.json are kept of one pairing (0: none is made), one every `keep_every` seconds.
    """

    policy: Settings
    undo_window: int
    mode: str
    keep: int = KEEP
    keep_every: float = EVERY_SECONDS


def settings_in_force(values: Mapping[str, Any]) -> InForce:
    """Return the settings for a command's parameters; raise bad usage with one sentence if they are invalid."""
    layer = given(dict(values))
    config_path = values.get("config_path")
    if not layer and not config_path:
        return InForce(DEFAULTS, _DEFAULT_UNDO_WINDOW_SECONDS, "Enforce")
    found = read_config(config_path) if config_path else {}
    from_file = {key: value for key, value in found.items() if key not in WATCH_OWN}
    return _Merge(from_file, layer, config_path).settings()


def merged_layers(
    from_file: dict[str, Any], layer: dict[str, Any], config_path: str | None
) -> dict[str, Any]:
    """Return the keys of a spec that the file or the options set (options win); raise bad usage if invalid."""
    return _Merge(from_file, layer, config_path).merged()


class _Merge:
    """Two layers above the built-in defaults, and the source of each field for error messages."""

    def __init__(
        self, from_file: dict[str, Any], layer: dict[str, Any], config_path: str | None
    ) -> None:
        self.config_path = config_path
        self.layer = layer
        self.file = self._checked(from_file, in_file=True)
        self.own = self._checked(layer, in_file=False)

    def settings(self) -> InForce:
        from baileys_janitor.api.config.config import OperatorConfig
        from baileys_janitor.api.config.merge import effective
        from baileys_janitor.api.spec import FleetSettings

        fleet = OperatorConfig(defaults=FleetSettings.model_validate(self.merged()))
        shared = effective(fleet, {"volume": {"claimName": "local"}}, "local").shared
        copies = shared.copies
        return InForce(
            shared.policy, shared.undo_window, shared.mode, copies.keep, float(copies.every)
        )

    def merged(self) -> dict[str, Any]:
        """Return the merged settings; raise bad usage if they conflict."""
        from baileys_janitor.api.config.cross_field_rules import Conflict, check
        from baileys_janitor.api.config.defaults import BUILT_IN
        from baileys_janitor.api.config.merge import merged_settings

        own = _over(self.file, self.own)
        own = _emergency_follows(own, merged_settings(BUILT_IN, own))
        merged = merged_settings(BUILT_IN, own)
        try:
            check(merged)
        except Conflict as conflict:
            named = [f"{self._origin(f)} ({_at(merged, f)})" for f in conflict.fields]
            raise usage(conflict.sentence.format(*named) + ".") from None
        return own

    def _checked(self, data: dict[str, Any], *, in_file: bool) -> dict[str, Any]:
        from pydantic import ValidationError

        from baileys_janitor.api.spec import SharedSettings
        from baileys_janitor.api.values.error_messages import first_problem

        try:
            SharedSettings.model_validate(data, extra="forbid")
        except ValidationError as error:
            field, problem = first_problem(error, SharedSettings)
            where = f"{self._file}: {printable(field)}" if in_file else self._origin(field)
            end = "" if problem.endswith("?") else "."
            raise usage(f"{where} {printable(problem)}{end}") from None
        return data

    @property
    def _file(self) -> str:
        return printable(self.config_path or "")

    def _origin(self, field: str) -> str:
        """Return the source of a field: the option, the variable, the file's key, or the default."""
        setting = _setting_of(field)
        if setting is not None and _at(self.layer, field) is not None:
            context = click.get_current_context(silent=True)
            source = context and context.get_parameter_source(setting.parameter)
            return setting.variable if source is ParameterSource.ENVIRONMENT else setting.option
        if _at(getattr(self, "file", {}), field) is not None:
            return f"{field} in {self._file}"
        return f"{setting.option}'s default" if setting is not None else field


def _setting_of(field: str) -> Setting | None:
    return next((each for each in (*SETTINGS, UNDO_WINDOW) if each.where == field), None)


def _emergency_follows(own: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    """Shorten the emergency retention with the retention: it must not keep more."""
    from baileys_janitor.api.values.durations import seconds_of

    follows: dict[str, Any] = {}
    for key in _EMERGENCY_FOLLOWS:
        if _at(own, f"emergencyRetention.{key}") is not None:
            continue
        normal, emergency = merged["retention"][key], merged["emergencyRetention"][key]
        amounts = (
            (normal, emergency) if key == "preKeys" else (seconds_of(normal), seconds_of(emergency))
        )
        if amounts[1] > amounts[0]:
            follows[key] = normal
    return _over(own, {"emergencyRetention": follows}) if follows else own


def _over(base: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in above.items():
        below = base.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        result[key] = {**below, **value} if both else value  # type: ignore[dict-item]  # both dicts
    return result


def _at(data: Mapping[str, Any], field: str) -> Any:
    here: Any = data
    for part in field.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def read_config(path: str) -> dict[str, Any]:
    """Return a file's settings: the keys of a spec at the top, or a whole BaileysTenant manifest."""
    import yaml

    shown = printable(path)
    try:
        if os.stat(path).st_size > _CONFIG_SIZE_LIMIT:  # noqa: PTH116 - a path as typed
            raise usage(f"--config {shown} is larger than 1 MiB; it should hold a few settings.")
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            data = yaml.safe_load(file)
    except Problem:
        raise
    except FileNotFoundError:
        raise usage(f"--config {shown} does not exist; check the path.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise usage(f"--config {shown} cannot be read: {why}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise usage(f"--config {shown}{line} is not valid YAML; correct it there.") from None
    if isinstance(data, dict) and data.get("kind") == "BaileysTenant":
        data = data.get("spec")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise usage(f"--config {shown} must hold settings such as 'thresholds: {{warning: 150}}'.")
    return {str(key): value for key, value in data.items() if key not in _TENANTS_OWN}
