"""The spec of a `BaileysKeyStore`. One database keeps the keys of many sessions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from baileys_janitor.api.backup.backup_spec import ClusterBackup
from baileys_janitor.api.pod_identity import Resources
from baileys_janitor.api.spec_groups import Age, Mode, cron_rules, zone_rule
from baileys_janitor.api.values.base import Model, rule, rules
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import (
    KEY_NAME,
    MILLISECONDS,
    OBJECT_NAME,
    SCHEMA_NAME,
    SOME_MILLISECONDS,
    TIME_ZONE,
)

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=KEY_NAME)]
TableName = Annotated[str, Field(min_length=1, max_length=132)]
ColumnName = Annotated[str, Field(max_length=63)]
Milliseconds = Annotated[str, Field(min_length=2, max_length=8, pattern=MILLISECONDS)]
"""A short time in whole milliseconds or seconds: `50ms`, `5s`."""
Timeout = Annotated[str, Field(min_length=2, max_length=8, pattern=SOME_MILLISECONDS)]
"""The same, but never 0, which the database treats as no limit."""


class Connection(Model):
    """Connection to the database. Secret values stay in a Secret, which only the Jobs' pods read."""

    secret_name: ObjectName = Field(
        description="Name of the Secret with the connection URL, in the namespace of this resource."
    )
    key: SecretKey | None = Field(
        default=None,
        description="Key of the Secret that holds the URL, such as "
        "postgresql://janitor:...@db.example:5432/app?sslmode=verify-full. Unset: url.",
    )
    ca_secret_name: ObjectName | None = Field(
        default=None,
        description="Name of a Secret with the certificate authority of the server. Unset: the URL's sslmode decides "
        "what is verified.",
    )
    ca_key: SecretKey | None = Field(default=None, description="Key of that Secret. Unset: ca.crt.")


class KeyColumns(Model):
    """Names of the columns of the keys' table, as the catalogue spells them."""

    session: ColumnName | None = Field(
        default=None, description="The column with the session or company of a row."
    )
    type: ColumnName | None = Field(
        default=None, description="The column with the type of the key."
    )
    id: ColumnName | None = Field(default=None, description="The column with the id of the key.")
    value: ColumnName | None = Field(
        default=None, description="The column with the key itself; only backups read it."
    )
    updated: ColumnName | None = Field(
        default=None,
        description="The column with the time of the last write of a row. Empty: there is none, and nothing is "
        "ever removed. Never name a column such as expires_at here: keys in use would be destroyed, "
        "and they cannot be recovered.",
    )
    created: ColumnName | None = Field(
        default=None,
        description="The column with the time of the first write of a row; it proves that the column "
        "updated changes. Empty: there is none.",
    )
    zone: ColumnName | None = Field(
        default=None,
        description="IANA time zone of times that are stored without one. Empty: such times are refused.",
    )


class Keys(Model):
    """The table with the keys."""

    preset: Literal["KeyTypeColumn", "NamedRows", "PrefixedRows", "SessionBlob"] | None = Field(
        default=None,
        description="A known layout, whose values are used for unset fields. KeyTypeColumn: one row per key, "
        "with type and id in columns of their own. NamedRows: type and id in one column. "
        "PrefixedRows: session, type and id in one column. SessionBlob: one row per session, which "
        "can only be counted. Unset: KeyTypeColumn.",
    )
    table: TableName | None = Field(
        default=None, description="The table, as table or schema.table. Unset: the preset's."
    )
    columns: KeyColumns | None = Field(
        default=None, description="Names of the table's columns. Unset ones: the preset's."
    )
    updated_on_every_write: bool | None = Field(
        default=None,
        description="true: the column updated changes with every write of a row, although no column of the table "
        "proves it. If this is wrong, keys in use are treated as old.",
    )


class CredentialColumns(Model):
    """Names of the columns of the credentials' table."""

    session: ColumnName | None = Field(
        default=None, description="The column with the session of a row."
    )
    creds: ColumnName | None = Field(
        default=None,
        description="The column with the credentials. Only the identity is read, by JSON paths; private keys "
        "leave the database only in encrypted backups.",
    )


class Credentials(Model):
    """The table with the credentials. They identify the keys of each account, some of which are never removed."""

    table: TableName | None = Field(
        default=None, description="The table, as table or schema.table. Unset: the preset's."
    )
    columns: CredentialColumns | None = Field(
        default=None, description="Names of the table's columns. Unset ones: the preset's."
    )
    row: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None,
        description="The id of the row of the keys' table with the credentials, if they have no table of their "
        "own.",
    )
    encoding: Literal["Json", "JsonText", "JsonTextTwice"] | None = Field(
        default=None,
        description="Json: a column of type json or jsonb. JsonText: JSON in a text. JsonTextTwice: JSON in a JSON "
        "string in a text. Unset: the preset's.",
    )


class KeyRetention(Model):
    """How old a removable key must be before a cleanup takes it. Days of traffic, not of the calendar."""

    session_max_age: Age | None = Field(
        default=None,
        description="Sessions with contacts not used for longer than this are removed.",
    )
    sender_key_max_age: Age | None = Field(
        default=None, description="Group sender keys not used for longer than this are removed."
    )


class MaxRows(Model):
    """Limits on the keys of a session that one cleanup removes; the next run continues."""

    percent: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="The largest share of a session's keys, in percent."
    )
    rows: Annotated[int, Field(ge=1, le=5_000)] | None = Field(
        default=None, description="The largest number of a session's keys."
    )


class KeyStoreSchedule(Model):
    """When the timers fire."""

    scan_interval: Annotated[Duration, Between("1m", "1d")] | None = Field(
        default=None, description="How often the keys are counted."
    )
    daily_cleanup: Annotated[str, Field(min_length=5, max_length=128)] | None = Field(
        default=None,
        description="Cron expression of the daily cleanup, five fields, in timeZone; or Never.",
        json_schema_extra={"x-kubernetes-validations": [*cron_rules()]},
    )
    time_zone: Annotated[str, Field(min_length=1, max_length=64, pattern=TIME_ZONE)] | None = Field(
        default=None,
        description="IANA time zone of dailyCleanup, such as UTC or America/Sao_Paulo.",
        json_schema_extra={"x-kubernetes-validations": [zone_rule()]},
    )


class DatabaseLimits(Model):
    """Limits on the load of a Job on the database."""

    batch: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="Maximum rows that one statement moves."
    )
    pause: Milliseconds | None = Field(
        default=None, description="Pause between two batches, in ms or s."
    )
    statement_timeout: Timeout | None = Field(
        default=None, description="Maximum duration of one statement, in ms or s."
    )
    lock_timeout: Timeout | None = Field(
        default=None,
        description="How long one statement may wait for a lock, in ms or s, and so block others.",
    )
    duration: Annotated[Duration, Between("10s", "50m")] | None = Field(
        default=None, description="Maximum duration of one run; the next run continues."
    )


class KeyStoreSpec(Model):
    """The settings of this store. Unset fields have the built-in value."""

    model_config = rules(
        rule(
            "!has(self.keys) || !has(self.keys.preset) || self.keys.preset != 'SessionBlob'"
            " || (has(self.mode) && self.mode == 'Observe')",
            "mode must be Observe with preset SessionBlob: a row holds a whole session, so no key of it can be removed",
        ),
        rule(
            "!has(self.undo) || self.undo != 'None' || (has(self.memory) && self.memory == 'None')",
            "undo None needs memory None, too: both mean that the janitor has no tables of its own",
        ),
    )

    connection: Connection = Field(description="Connection to the database.")
    keys: Keys | None = Field(default=None, description="The table with the keys.")
    credentials: Credentials | None = Field(
        default=None, description="The table with the credentials."
    )
    suspend: bool | None = Field(
        default=None, description="true: no scan and no cleanup runs for this store."
    )
    mode: Mode | None = Field(
        default=None,
        description="Enforce: clean. DryRun: decide and report, remove nothing. Observe: count only. "
        "The operator's configuration can cap it. Unset: Enforce.",
    )
    retention: KeyRetention | None = Field(
        default=None, description="How old a removable key must be before a cleanup takes it."
    )
    max_removals: MaxRows | None = Field(
        default=None, description="Limits on the removals of one cleanup."
    )
    schedule: KeyStoreSchedule | None = Field(default=None, description="When the timers fire.")
    db_schema: Annotated[str, Field(min_length=1, max_length=63, pattern=SCHEMA_NAME)] | None = (
        Field(
            default=None,
            alias="schema",
            description="The database schema of the janitor's own tables: the archive of removed rows, the runs, and "
            "the traffic of sessions. Unset: baileys_janitor.",
        )
    )
    undo_window: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None,
        description="How long removed rows stay in the archive, from which an undo restores them.",
    )
    undo: Literal["Archive", "None"] | None = Field(
        default=None,
        description="None: rows are deleted at once and cannot be restored; for databases where the janitor may "
        "not create tables. Then memory must be None, too. Unset: Archive.",
    )
    memory: Literal["Table", "None"] | None = Field(
        default=None,
        description="Where the traffic of sessions is stored. None: nowhere, so ages are computed from the rows' "
        "times alone. Unset: Table.",
    )
    limits: DatabaseLimits | None = Field(
        default=None, description="Limits on the load of a Job on the database."
    )
    warn_above: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        default=None,
        description="A cleanup that removes more rows than this is reported as a warning, and the condition "
        "LargeCleanup is True for a day.",
    )
    resources: Resources | None = Field(
        default=None, description="Requests and limits of the Jobs' container."
    )
    backup: ClusterBackup | None = Field(
        default=None,
        description="Backups of each session. Unset fields: those of the operator's configuration "
        "(defaults.backup), as for tenants.",
    )
