"""The configuration of `baileys-janitor watch`: the YAML file in `--config`.

The keys of a tenant's spec are at the top level, as in a file for `clean`, since one server has one kind of tenant;
`directories` overrides them for some. The rest is as in the operator's configuration, with the same names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from baileys_janitor.api.backup.backup_settings import BackupSettings
from baileys_janitor.api.config.config import CircuitBreaker, DiskPressure, Logging, OperatorConfig
from baileys_janitor.api.config.notification_config import Notifications
from baileys_janitor.api.spec import FleetSettings, SharedSettings
from baileys_janitor.api.spec_groups import Mode
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import COMPANY_ID, HOST_PORT

ServerName = Annotated[str, Field(min_length=1, max_length=63, pattern=COMPANY_ID)]
HostPort = Annotated[str, Field(max_length=260, pattern=HOST_PORT)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]


class DirectorySettings(SharedSettings):
    """Settings that differ for some directories."""

    suspend: bool | None = Field(
        default=None,
        description="true: no scan and no cleanup runs for these directories. Their trash is still purged.",
    )
    notify: bool | None = Field(
        default=None, description="false: no notifications about these directories are sent."
    )
    backup: BackupSettings | None = Field(
        default=None, description="Backup settings that differ for these directories."
    )


class WatchConfig(SharedSettings):
    """The configuration of the watch."""

    name: ServerName | None = Field(
        default=None,
        description="Name of this server in messages, logs and metrics. Unset: its host name.",
    )
    paths: Annotated[list[Text], Field(max_length=100)] = Field(
        default_factory=list,
        description="Session directories, or roots above them, if the command names none.",
    )
    pattern: Text | None = Field(
        default=None,
        description="Only directories whose path beneath a root matches, such as 'acme*'.",
    )
    directories: Annotated[dict[str, DirectorySettings], Field(max_length=1000)] = Field(
        default_factory=dict,
        description="Settings of some directories, by their name or a pattern such as 'test-*'; the first that "
        "matches is used.",
    )
    mode_ceiling: Mode = Field(
        default="Enforce", description="Upper limit of the mode of every directory."
    )
    state: Text | None = Field(default=None, description="The state file.")
    metrics: HostPort | None = Field(
        default=None,
        description="Address and port of the metrics, such as 127.0.0.1:9090. Unset: none.",
    )
    metrics_per_directory: Literal["Full", "Brief", "None"] = Field(
        default="Full",
        description="Series of each directory, as metrics.perTenant of the operator.",
    )
    daily_jitter: Annotated[Duration, Between("0s", "12h")] = Field(
        default=Duration("30m"), description="Daily cleanups are spread over this period."
    )
    session_inactive_after: Annotated[Duration, Between("1h", "365d")] = Field(
        default=Duration("7d"),
        description="A session without traffic for longer than this is reported as inactive.",
    )
    disk_pressure: DiskPressure = Field(
        default=DiskPressure(), description="When a volume counts as full."
    )
    circuit_breaker: CircuitBreaker = Field(
        default=CircuitBreaker(),
        description="Holds automatic cleanups when many runs remove abnormally many files.",
    )
    backup: BackupSettings | None = Field(
        default=None, description="Backups of the sessions. Unset: none are made."
    )
    notifications: Notifications = Field(
        default=Notifications(),
        description="Channels and routes of notifications, and how often they are sent.",
    )
    logging: Logging = Field(default=Logging(), description="The log.")

    def as_operator(self) -> OperatorConfig:
        """Return an operator's configuration with the same settings."""
        own = self.model_dump(
            mode="json", by_alias=True, exclude_none=True, include=set(SharedSettings.model_fields)
        )
        return OperatorConfig(
            defaults=FleetSettings.model_validate(own),
            mode_ceiling=self.mode_ceiling,
            daily_jitter=self.daily_jitter,
            session_inactive_after=self.session_inactive_after,
            disk_pressure=self.disk_pressure,
            circuit_breaker=self.circuit_breaker,
            notifications=self.notifications,
            logging=self.logging,
        )
