"""The settings a person can give as options or environment variables, named after the spec's keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.terminal.problems import usage

Command = TypeVar("Command", bound=Callable[..., Any])

ENV_PREFIX: Final = "BAILEYS_JANITOR_"
SETTINGS_EPILOG: Final = (
    "Ages are written 14d, 6h or 1m30s. A setting can also come from the environment, such as "
    "BAILEYS_JANITOR_SESSION_MAX_AGE, or from the configuration file; the option wins."
)
SESSIONS_PATH_VARIABLE: Final = "BAILEYS_SESSIONS_PATH"
DRY_RUN_VARIABLE: Final = "DRY_RUN"


class Setting(NamedTuple):
    """One setting: its place in the spec, its option, and its help.

    `default` is only for the help; the value in force comes from the policy and the API.
    """

    group: str
    key: str
    option: str
    kind: str
    help: str
    default: str

    @property
    def parameter(self) -> str:
        return self.option.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.parameter.upper()

    @property
    def where(self) -> str:
        return f"{self.group}.{self.key}" if self.group else self.key


SETTINGS: Final = (
    Setting("thresholds", "warning", "--warning", "N", "Level Warning from this count on.", "150"),
    Setting(
        "thresholds", "critical", "--critical", "N",
        "Level Critical from this count on; where an emergency stops.", "170",
    ),
    Setting(
        "thresholds", "trigger", "--trigger", "N",
        "Count from which the operator cleans by itself.", "175",
    ),
    Setting(
        "thresholds", "emergency", "--emergency-at", "N",
        "Level Emergency from this count on.", "180",
    ),
    Setting(
        "thresholds", "danger", "--danger", "N",
        "Count from which the session is in danger.", "185",
    ),
    Setting(
        "thresholds", "count", "--count", "COUNT",
        "What is compared with the thresholds.", "Pressure",
    ),
    Setting(
        "allowances", "preKeys", "--pre-key-allowance", "N",
        "Pre-keys that count in full.", "50",
    ),
    Setting(
        "allowances", "protected", "--protected-allowance", "N",
        "Protected files that count in full.", "65",
    ),
    Setting(
        "retention", "sessionMaxAge", "--session-max-age", "AGE",
        "Contacts' sessions unused for longer are removed.", "14d",
    ),
    Setting(
        "retention", "senderKeyMaxAge", "--sender-key-max-age", "AGE",
        "Group sender keys unused for longer are removed.", "3d",
    ),
    Setting(
        "retention", "preKeys", "--pre-keys", "N",
        "Newest uploaded pre-keys to keep; unless set, older ones are removed only with --count Total.",
        "50",
    ),
    Setting(
        "emergencyRetention", "sessionMaxAge", "--emergency-session-max-age", "AGE",
        "In an emergency: sessions.", "7d",
    ),
    Setting(
        "emergencyRetention", "senderKeyMaxAge", "--emergency-sender-key-max-age", "AGE",
        "In an emergency: sender keys.", "1d",
    ),
    Setting(
        "emergencyRetention", "preKeys", "--emergency-pre-keys", "N",
        "In an emergency: pre-keys.", "30",
    ),
    Setting(
        "maxRemovals", "percent", "--max-removals-percent", "N",
        "Largest share of all files that one run removes.", "60",
    ),
    Setting(
        "maxRemovals", "files", "--max-removals-files", "N",
        "Most files that one run removes.", "500",
    ),
)  # fmt: skip

UNDO_WINDOW: Final = Setting(
    "", "undoWindow", "--undo-window", "AGE", "How long removed files stay in the trash.", "24h"
)

_TYPES: Final[dict[str, click.ParamType[Any]]] = {
    "N": click.INT,
    "AGE": click.STRING,
    "COUNT": click.Choice(["Pressure", "Total"], case_sensitive=False),
}


def target_options(command: Command) -> Command:
    """Add the parameters that select session directories: PATH..., `--company`, `--pattern` (`targets.find_targets`).

    They reach the command as `paths`, `companies` and `pattern`.
    """
    for decorate in (
        click.option(
            "--pattern",
            metavar="GLOB",
            help="Only directories with a matching path beneath PATH, such as 'md_*' or 'instances/*'.",
        ),
        click.option(
            "--company",
            "companies",
            metavar="NAME",
            multiple=True,
            help="This tenant alone; repeatable.",
            shell_complete=completing.companies,
        ),
        click.argument("paths", metavar="PATH...", nargs=-1, shell_complete=completing.directories),
    ):
        command = decorate(command)
    return command


def output_option(*formats: str) -> Callable[[Command], Command]:
    """Add `-o` with these formats, the first of which is the default; it reaches the command as `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print it.",
    )


def narrowing(companies: Sequence[str], pattern: str | None) -> list[str]:
    """Return the options with which a printed command selects the same directories."""
    words = [word for company in companies for word in ("--company", company)]
    return words if pattern is None else [*words, "--pattern", pattern]


def settings_options(
    *extra: Setting, aliases: dict[str, str] | None = None
) -> Callable[[Command], Command]:
    """Add every setting as an option, and `--config`; values reach the command by keyword."""
    chosen = SETTINGS + extra

    def decorate(command: Command) -> Command:
        for setting in reversed(chosen):
            names = [setting.option, *filter(None, [(aliases or {}).get(setting.option)])]
            command = click.option(
                *names,
                setting.parameter,
                type=_TYPES[setting.kind],
                metavar="Pressure|Total" if setting.kind == "COUNT" else setting.kind,
                envvar=setting.variable,
                help=f"{setting.help}  [{setting.default}]",
            )(command)
        return click.option(
            "--config",
            "config_path",
            metavar="FILE",
            envvar=ENV_PREFIX + "CONFIG",
            shell_complete=completing.files,
            help="YAML file with the keys of a tenant's spec (thresholds, retention, ...).",
        )(command)

    return decorate


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings among a command's parameters, nested as in the spec; unset ones are absent."""
    layer: dict[str, Any] = {}
    for setting in (*SETTINGS, UNDO_WINDOW):
        value = values.get(setting.parameter)
        if value is not None:
            group = layer.setdefault(setting.group, {}) if setting.group else layer
            group[setting.key] = value
    return layer


def paths_or_environment(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths typed, else the one in BAILEYS_SESSIONS_PATH; raise bad usage without either."""
    if paths:
        return paths
    path = os.environ.get(SESSIONS_PATH_VARIABLE)
    if path:
        return (path,)
    raise usage(
        "No PATH was given: name a session directory or a directory above some, "
        f"or set {SESSIONS_PATH_VARIABLE}."
    )


def dry_run_asked() -> bool | None:
    """Return DRY_RUN as true or false, None when unset; any other word is bad usage."""
    text = os.environ.get(DRY_RUN_VARIABLE, "").strip().lower()
    if not text:
        return None
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise usage(f"{DRY_RUN_VARIABLE} is neither true nor false; set it to one of them or unset it.")
