"""The settings that a fleet shares, one small model for each group.

Every field is optional and has no default here, nor in the CRD: a default would be stored in each resource, and unset
fields would no longer be recognizable. An unset field has the value of the operator's configuration
(`config.Defaults`), field by field, and then the built-in default in `defaults.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from baileys_janitor.api.generated.openapi import literal
from baileys_janitor.api.values.base import Model, Rule, rule, rules
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import (
    CRON,
    CRON_NEVER_COMES,
    CRON_NEVER_SENTENCE,
    CRON_WAY_OUT,
    IN_WORDS,
    NEVER,
    TIME_ZONE,
)
from baileys_janitor.policy.archives.credential_copies import KEEP_MOST

Mode = Literal["Enforce", "DryRun", "Observe"]
MODES: tuple[Mode, ...] = ("Observe", "DryRun", "Enforce")
"""From the most careful to the least: a ceiling caps a tenant's mode in this order."""

Limit = Annotated[int, Field(ge=1, le=1_000_000)]
Allowance = Annotated[int, Field(ge=0, le=1_000_000)]
Age = Annotated[Duration, Between("1h", "3650d")]

LIMITS = ("warning", "critical", "trigger", "emergency", "danger")
"""The thresholds in the order in which they must ascend."""


def _ascending() -> list[Rule]:
    # Every pair, not only neighbours: a resource may set any subset of the five.
    return [
        rule(
            f"!has(self.{low}) || !has(self.{high}) || self.{low} <= self.{high}",
            f"{low} is above {high}: thresholds must ascend, so lower the first or raise the second",
        )
        for place, low in enumerate(LIMITS)
        for high in LIMITS[place + 1 :]
    ]


class Thresholds(Model):
    """File counts at which the level changes and cleanups start.

    They ascend: warning, critical, trigger, emergency, danger. Two may be equal.
    """

    model_config = rules(*_ascending())

    warning: Limit | None = Field(
        default=None, description="Count at which the level becomes Warning."
    )  # fmt: skip
    critical: Limit | None = Field(
        default=None,
        description="Count at which the level becomes Critical. An Emergency cleanup stops as soon as the count "
        "is below it.",
    )
    trigger: Limit | None = Field(
        default=None,
        description="Count at which the trigger timer starts a Trigger cleanup, if files can be removed and no "
        "cooldown is active.",
    )
    emergency: Limit | None = Field(
        default=None,
        description="Count at which the level becomes Emergency and a scan requests an Emergency cleanup. This "
        "is the LIMIT column.",
    )
    danger: Limit | None = Field(
        default=None,
        description="Count at which messages and alerts report that the session is in danger.",
    )
    count: Literal["Pressure", "Total"] | None = Field(
        default=None,
        description="The count that is compared with the thresholds. Total: every regular file. Pressure: the "
        "total without the pre-keys and protected files above their allowances, so that files that "
        "can never be removed do not raise a permanent alarm.",
    )


class Allowances(Model):
    """Number of pre-keys and protected files that a normal session has.

    With count Pressure, only the files above an allowance are left out of the count.
    """

    pre_keys: Allowance | None = Field(default=None, description="Pre-keys that count in full.")
    protected: Allowance | None = Field(
        default=None,
        description="Protected files that count in full: credentials, app-state keys, LID mappings, "
        "device lists, tokens and identity keys. Unknown files always count.",
    )


class Retention(Model):
    """How old a removable file must be before a cleanup takes it."""

    session_max_age: Age | None = Field(
        default=None,
        description="Sessions with contacts not used for longer than this are removed. Days of traffic, not of the "
        "calendar: see docs/rules.md.",
    )
    sender_key_max_age: Age | None = Field(
        default=None,
        description="Group sender keys not used for longer than this are removed. Days of traffic, not of the "
        "calendar.",
    )
    pre_keys: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="Number of the newest uploaded pre-keys to keep; older ones are removed. Unset: pre-keys are "
        "removed only with count Total, because with Pressure their removal does not lower the "
        "count. With libraries that upload 812 pre-keys at once, none are ever removed.",
    )


class MaxRemovals(Model):
    """Limits on the removals of one cleanup; the next run continues."""

    percent: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="The largest share of all files, in percent."
    )
    files: Annotated[int, Field(ge=1, le=5_000)] | None = Field(
        default=None, description="The largest number of files. The trash holds 5,000."
    )


def cron_rules() -> list[Rule]:
    form, never = literal(CRON), literal(CRON_NEVER_COMES)
    return [
        rule(f"self == '{NEVER}' || self.matches({form})", f"cannot be read: {CRON_WAY_OUT}"),
        rule(f"!self.matches({never})", CRON_NEVER_SENTENCE),
    ]


def zone_rule() -> Rule:
    # A zone that the API server does not know makes the rule fail, which refuses the value with this message.
    return rule(
        f"self == 'UTC' || !self.matches({literal(TIME_ZONE)})"
        " || (!self.matches('(?i)^(local|localtime|factory|posixrules)$')"
        " && timestamp('2024-01-01T00:00:00Z').getHours(self) >= 0)",
        f"is no known time zone: {IN_WORDS[TIME_ZONE]}",
    )


class Schedule(Model):
    """When the timers fire."""

    scan_interval: Annotated[Duration, Between("10s", "1d")] | None = Field(
        default=None, description="How often the files are counted."
    )
    adaptive: bool | None = Field(
        default=None,
        description="true: a quiet tenant at level Healthy is scanned less often, at least every ten "
        "minutes. From level Warning on the interval holds.",
    )
    trigger_interval: Annotated[Duration, Between("1m", "7d")] | None = Field(
        default=None, description="How often the last count is compared with the trigger threshold."
    )
    daily_cleanup: Annotated[str, Field(min_length=5, max_length=128)] | None = Field(
        default=None,
        description='Cron expression of the daily cleanup, five fields, in timeZone; or Never. Such as "0 3 * * '
        '*". A fixed delay for each tenant spreads the fleet.',
        json_schema_extra={"x-kubernetes-validations": [*cron_rules()]},
    )
    time_zone: Annotated[str, Field(min_length=1, max_length=64, pattern=TIME_ZONE)] | None = Field(
        default=None,
        description="IANA time zone of dailyCleanup, such as UTC or America/Sao_Paulo.",
        json_schema_extra={"x-kubernetes-validations": [zone_rule()]},
    )


class CredentialsCopies(Model):
    """Validated copies of creds.json, in the session directory."""

    keep: Annotated[int, Field(ge=0, le=KEEP_MOST)] | None = Field(
        default=None,
        description="Number of copies of one pairing to keep. 0: none are made; existing ones stay.",
    )
    every: Annotated[Duration, Between("1h", "30d")] | None = Field(
        default=None,
        description="How often a copy is made, if creds.json has changed. Only in mode Enforce.",
    )
