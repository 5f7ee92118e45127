"""The group `backup` of the settings: when to archive sessions, for which recipients, in which stores, and for how
long.

Every field is optional, so that layers can be merged field by field, lists as a whole. `resolved` checks the merged
group and adds the defaults. Fields for a cluster alone (Secrets by name) are in `backup_spec`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice, pairwise
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from cronsim import CronSim
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from baileys_janitor.api.config.cross_field_rules import Conflict, cron_problem
from baileys_janitor.api.spec_groups import cron_rules
from baileys_janitor.api.values.base import Model, rule, rules
from baileys_janitor.api.values.durations import Between, Duration, duration_text
from baileys_janitor.api.values.error_messages import shown
from baileys_janitor.api.values.patterns import (
    ENDPOINT,
    IN_WORDS,
    LABEL,
    NEVER,
    RECIPIENT,
    STORE_URL,
)
from baileys_janitor.policy.archives.archive_retention import Retention
from baileys_janitor.policy.archives.archived import ENCRYPTION_NONE

MOST_REPOSITORIES: Final = 4
MOST_RECIPIENTS: Final = 20
DAY_SECONDS: Final = 86_400
BY_BUCKET: Final = "Bucket"

Cron = Annotated[
    str,
    Field(
        min_length=5,
        max_length=128,
        json_schema_extra={"x-kubernetes-validations": [*cron_rules()]},
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=32, pattern=LABEL)]
Path = Annotated[str, Field(min_length=1, max_length=4096)]


def has_form(pattern: str, text: str) -> str:
    """Check a text that may be a secret in the wrong field: the message never repeats it."""
    if not re.fullmatch(pattern, text):
        raise PydanticCustomError(
            "form", "cannot be used: {way_out}", {"way_out": IN_WORDS[pattern]}
        )
    return text


Recipient = Annotated[
    str,
    Field(min_length=1, max_length=1024, json_schema_extra={"pattern": RECIPIENT}),
    AfterValidator(partial(has_form, RECIPIENT)),
]
StoreUrl = Annotated[
    str,
    Field(min_length=1, max_length=1024, json_schema_extra={"pattern": STORE_URL}),
    AfterValidator(partial(has_form, STORE_URL)),
]
Kept = Annotated[int, Field(ge=0, le=1000)]
BeforeOperations = Literal["Required", "Preferred", "Never"]
REQUIRED, PREFERRED, NEVER_BEFORE = "Required", "Preferred", "Never"

_SCHEDULE: Final = "0 * * * *"
_DRILLS: Final = "0 4 1 * *"
_RTO: Final = Duration("2h")
_KEPT: Final = Retention()
WHEN_UNSET: Final[Mapping[str, Any]] = {
    "schedule": _SCHEDULE,
    "encryption": "Age",
    "retention": {
        "hourly": _KEPT.hourly,
        "daily": _KEPT.daily,
        "monthly": _KEPT.monthly,
        "by": "Janitor",
    },
    "objectives": {"rto": str(_RTO)},
    "drill": {"schedule": _DRILLS},
    "beforeOperations": PREFERRED,
}
"""Values for unset fields."""
# Number of slots that are checked to find the longest pause of a schedule: two months of hourly ones.
_SLOTS: Final = 1500
_FROM: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Repository(Model):
    """An object store for archives."""

    name: Name = Field(description="Name of the repository in the status, messages and metrics.")
    url: StoreUrl = Field(
        description="Where the archives go: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or the "
        "absolute path of a directory. A prefix of its own for each server."
    )
    endpoint: Annotated[str, Field(max_length=512, pattern=ENDPOINT)] | None = Field(
        default=None, description="URL of the S3-compatible store. Unset: Amazon's."
    )
    region: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Region of the bucket, such as eu-central-1."
    )


class BackupRepository(Repository):
    """An object store, or a directory, for archives."""

    credentials: Path | None = Field(
        default=None,
        description="File or directory with the credentials of the store. Unset: the environment. They may be "
        "put-only.",
    )
    read_credentials: Path | None = Field(
        default=None,
        description="File or directory with the credentials that a drill reads with. Unset: credentials.",
    )


class BackupRetention(Model):
    """Archives of a tenant to keep: the newest of each of the last hours, days and months that have one."""

    model_config = rules(
        rule(
            "!has(self.bucketDays) || !has(self.by) || self.by == 'Bucket'",
            "bucketDays counts only with by: Bucket: change that, or remove it",
        ),
        rule(
            "!has(self.hourly) || !has(self.daily) || !has(self.monthly)"
            " || self.hourly + self.daily + self.monthly > 0",
            "hourly, daily and monthly are all 0, so no archive would stay: raise one of them",
        ),
    )

    hourly: Kept | None = Field(
        default=None, description="Number of hours of which the newest archive is kept."
    )
    daily: Kept | None = Field(
        default=None, description="Number of days of which the newest archive is kept."
    )
    monthly: Kept | None = Field(
        default=None, description="Number of months of which the newest archive is kept."
    )
    by: Literal["Janitor", "Bucket"] | None = Field(
        default=None,
        description="Who removes the other archives. Bucket: the lifecycle rule of the store, so that the "
        "credentials need no right to delete.",
    )
    bucket_days: Annotated[int, Field(ge=3, le=3650)] | None = Field(
        default=None,
        description="With by Bucket: number of days after which the store removes an archive. An unchanged "
        "session is uploaded again after a third of that.",
    )


class DrillSettings(Model):
    """A rehearsal of a restore: the newest archive is fetched, decrypted and checked, and a restore planned."""

    schedule: Cron | None = Field(
        default=None,
        description="Cron expression of five fields, in schedule.timeZone, or Never. The first drill follows the "
        "first backup.",
    )


class BackupDrill(DrillSettings):
    """A rehearsal of a restore, and the identity that decrypts the archives."""

    identity_file: Path | None = Field(
        default=None,
        description="File with the age identity that decrypts the archives. Unset: no drill runs on this server, "
        "because making backups needs no key that decrypts them.",
    )


class BackupObjectives(Model):
    """Objectives for backups and restores; missed ones are reported."""

    rpo: Annotated[Duration, Between("5m", "90d")] | None = Field(
        default=None,
        description="Maximum age of the newest archive (recovery point objective). Unset: the longest pause of "
        "the schedule.",
    )
    rto: Annotated[Duration, Between("1m", "30d")] | None = Field(
        default=None, description="Maximum duration of a restore (recovery time objective)."
    )


class BackupGroup(Model):
    """The fields of backups in every configuration. Nothing is backed up without repositories."""

    schedule: Cron | None = Field(
        default=None,
        description="Cron expression of five fields, in schedule.timeZone, or Never. A fixed delay for each "
        "session spreads the backups.",
    )
    recipients: Annotated[list[Recipient], Field(max_length=MOST_RECIPIENTS)] | None = Field(
        default=None,
        description="Public keys that the archives are encrypted to: age1..., or an SSH key. The owner of any of "
        "them can read every archive.",
    )
    encryption: Literal["Age", "None"] | None = Field(
        default=None,
        description="None: archives are not encrypted, so anyone who can read the store can read them. They "
        "contain the keys of the accounts.",
    )
    retention: BackupRetention | None = Field(
        default=None, description="How long archives are kept."
    )
    objectives: BackupObjectives | None = Field(
        default=None, description="Objectives for backups and restores."
    )


class BackupSettings(BackupGroup):
    """Backups of sessions without a cluster."""

    repositories: Annotated[list[BackupRepository], Field(max_length=MOST_REPOSITORIES)] | None = (
        Field(
            default=None,
            description="Stores for the archives. They are independent: each gets the same archive.",
        )
    )
    before_operations: BeforeOperations | None = Field(
        default=None,
        description="Whether a session is backed up before it is rotated. Required: if the backup fails, nothing "
        "is rotated. Preferred, or unset: the rotation continues and reports the failure. Never: no "
        "backup is made.",
    )
    drill: BackupDrill | None = Field(default=None, description="Rehearsals of a restore.")


R = TypeVar("R", bound=Repository)
R_co = TypeVar("R_co", bound=Repository, covariant=True)


@dataclass(frozen=True, slots=True)
class BackupsOf(Generic[R_co]):
    """The group in force. `schedule` and `drill_schedule` are None for Never; `rpo` and `rto` are seconds.

    `recipients` is empty if archives are not encrypted. `bucket_days` is the number of days after which the store
    itself removes an archive, None if the janitor removes them by `retention`.
    """

    repositories: tuple[R_co, ...]
    recipients: tuple[str, ...]
    schedule: str | None
    retention: Retention
    bucket_days: int | None
    drill_schedule: str | None
    drill_identity_file: str | None
    rpo: int
    rto: int
    before_operations: str = PREFERRED
    """Whether the session is backed up before an operation that replaces its files."""


Backups = BackupsOf[BackupRepository]
"""The group in force without a cluster."""


def resolved(data: Mapping[str, Any] | None) -> Backups | None:
    """Return the group in force for merged settings, as plain data; None if nothing is backed up.

    Raises `Conflict` for settings that cannot work together; its fields begin with `backup.`.
    """
    settings = BackupSettings.model_validate(data or {})
    return in_force(settings, settings.repositories, settings.drill)


def in_force(
    settings: BackupGroup, repositories: Sequence[R] | None, drill: DrillSettings | None
) -> BackupsOf[R] | None:
    """Return the group in force; None if nothing is backed up. Raises `Conflict`."""
    if not repositories:
        _require_repositories(settings)
        return None
    _check_repositories(repositories)
    _check_encryption(settings)
    drill = drill or DrillSettings()
    retention = settings.retention or BackupRetention()
    objectives = settings.objectives or BackupObjectives()
    schedule = _cron(settings.schedule or _SCHEDULE, "backup.schedule")
    drills = _cron(drill.schedule or _DRILLS, "backup.drill.schedule")
    return BackupsOf(
        repositories=tuple(repositories),
        recipients=tuple(settings.recipients or ()),
        schedule=schedule,
        retention=_retention(retention),
        bucket_days=retention.bucket_days,
        drill_schedule=drills,
        drill_identity_file=drill.identity_file if isinstance(drill, BackupDrill) else None,
        rpo=_rpo(objectives.rpo, schedule),
        rto=(objectives.rto or _RTO).seconds,
        before_operations=getattr(settings, "before_operations", None) or PREFERRED,
    )


def described(conflict: Conflict, data: Mapping[str, Any]) -> str:
    """Return a conflict as a sentence with the values that were set; `data` is the argument of `resolved`."""
    named = []
    for field in conflict.fields:
        value = _value(data, field)
        named.append(field if value in (None, []) else f"{field} ({shown(value)})")
    return conflict.sentence.format(*named) + "."


def _value(data: Mapping[str, Any], field: str) -> Any:
    here: Any = data
    for part in field.replace("[", ".").replace("]", "").split(".")[1:]:
        at_item = isinstance(here, list)
        here = here[int(part)] if at_item else here.get(part) if isinstance(here, Mapping) else None
    return None if isinstance(here, (Mapping, list)) else here


def _require_repositories(settings: BackupGroup) -> None:
    wanted = {
        "schedule": settings.schedule != NEVER and settings.schedule,
        "recipients": settings.recipients,
        "beforeOperations": getattr(settings, "before_operations", None) == REQUIRED,
    }
    for field, value in wanted.items():
        if value:
            raise Conflict(
                "{0} needs somewhere to put archives: add backup.repositories", f"backup.{field}"
            )


def _check_repositories(repositories: Sequence[Repository]) -> None:
    names = [each.name for each in repositories]
    # Stores of two providers may have buckets with the same name.
    places = [f"{e.url.rstrip('/')} {(e.endpoint or '').rstrip('/')}" for e in repositories]
    for field, what, values in (("name", "name", names), ("url", "URL", places)):
        twice = next((value for value, number in Counter(values).items() if number > 1), None)
        if twice is not None:
            first, second = [place for place, value in enumerate(values) if value == twice][:2]
            raise Conflict(
                f"{{0}} is the {what} of {{1}} too: give each repository one of its own",
                f"backup.repositories[{second}].{field}",
                f"backup.repositories[{first}].{field}",
            )


def _check_encryption(settings: BackupGroup) -> None:
    if settings.encryption == ENCRYPTION_NONE and settings.recipients:
        raise Conflict(
            "{0} contradicts {1}: leave one of them out", "backup.encryption", "backup.recipients"
        )
    if settings.encryption != ENCRYPTION_NONE and not settings.recipients:
        raise Conflict(
            "{0} is empty, so nobody could decrypt an archive: add the line age1... that `baileys-janitor backup "
            "keygen` prints, or write encryption: None for archives that everybody can read",
            "backup.recipients",
        )


def _cron(expression: str, field: str) -> str | None:
    plain = " ".join(expression.split())
    problem = cron_problem(plain)
    if problem:
        raise Conflict(f"{{0}} {problem}", field)
    return None if plain == NEVER else plain


def _retention(given: BackupRetention) -> Retention:
    by_bucket = given.by == BY_BUCKET
    if by_bucket and given.bucket_days is None:
        raise Conflict(
            "{0} needs the days after which the store removes an archive: add backup.retention.bucketDays",
            "backup.retention.by",
        )
    if given.bucket_days is not None and not by_bucket:
        raise Conflict(
            "{0} counts only with by: Bucket: add that, or remove it", "backup.retention.bucketDays"
        )
    numbers = {
        field: value
        for field in ("hourly", "daily", "monthly")
        if (value := getattr(given, field)) is not None
    }
    found = Retention(**numbers)
    if not (found.hourly or found.daily or found.monthly):
        raise Conflict(
            "{0}, daily and monthly are all 0, so no archive would stay: raise one of them",
            "backup.retention.hourly",
        )
    return found


def _rpo(given: Duration | None, schedule: str | None) -> int:
    pause = longest_pause(schedule)
    if given is None:
        return pause
    if given.seconds < pause:
        raise Conflict(
            f"{{0}} is shorter than the longest pause of {{1}}, {duration_text(pause)}: back up more often, or allow "
            "more to be lost",
            "backup.objectives.rpo",
            "backup.schedule",
        )
    return given.seconds


@lru_cache(maxsize=64)
def longest_pause(schedule: str | None) -> int:
    """Return the seconds of the longest pause between two slots of a schedule; a day for Never."""
    if schedule is None:
        return DAY_SECONDS
    slots = islice(CronSim(schedule, _FROM), _SLOTS)
    pauses = ((later - earlier).total_seconds() for earlier, later in pairwise(slots))
    return int(max(pauses, default=DAY_SECONDS))
