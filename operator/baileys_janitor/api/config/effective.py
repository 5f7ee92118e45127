"""The settings in force for one tenant, after the merge: plain values, times in whole seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from baileys_janitor.api.spec_groups import Mode

if TYPE_CHECKING:
    from baileys_janitor.api.backup.backup_spec import ClusterBackups
    from baileys_janitor.policy.settings import Settings


UNDO_WINDOW_MAX_SECONDS = 30 * 86_400
AGE_MAX_SECONDS = 3650.0 * 86_400
"""The largest value of `undoWindow`, and of an age of a tenant's retention."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a tenant's timers fire."""

    scan_interval: int
    adaptive: bool
    trigger_interval: int
    daily_cleanup: str | None
    """Five-field cron expression, or None for never."""
    time_zone: str


@dataclass(frozen=True, slots=True)
class Copies:
    """How many copies of creds.json are kept of one pairing (0: none), and the interval between them, in seconds."""

    keep: int
    every: int


NO_COPIES = Copies(0, 86_400)


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """The user and groups of a tenant's Jobs; None lets the controller find out."""

    run_as_user: int | None
    run_as_group: int | None
    supplemental_groups: tuple[int, ...]
    se_linux_options: Mapping[str, str] | None
    resources: Mapping[str, Any]
    """A container's `resources` in Kubernetes form."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The part of the settings that many tenants share: one object for all of them."""

    mode: Mode
    """The mode in force: the tenant's, capped by the configuration's ceiling."""
    policy: Settings
    times: Times
    cooldown: int
    emergency_cooldown: int
    undo_window: int
    copies: Copies
    job: PodIdentity
    settings_hash: str
    """Short hash of everything above: equal for tenants whose settings are equal."""
    backup: ClusterBackups | None = None
    """How the session is backed up; None if it is not."""


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """The settings in force for any resource of the schedule."""

    suspend: bool
    shared: Shared
    scans_only: bool = False
    """Whether the tenant's own settings are unknown, so that nothing is cleaned and the trash is kept for the longest
    possible time."""

    @property
    def mode(self) -> Mode:
        """The mode in force."""
        return "Observe" if self.scans_only else self.shared.mode

    @property
    def cleans(self) -> bool:
        """Whether cleanups begin or continue at all, including a claimed one."""
        return not (self.suspend or self.scans_only)

    @property
    def policy(self) -> Settings:
        """The input of the rules."""
        return self.shared.policy

    @property
    def times(self) -> Times:
        """When the timers fire."""
        return self.shared.times

    @property
    def job(self) -> PodIdentity:
        """The user and groups of the Jobs."""
        return self.shared.job

    @property
    def backup(self) -> ClusterBackups | None:
        """How the session is backed up; None if it is not, and while the repositories are unknown."""
        return None if self.scans_only else self.shared.backup

    @property
    def settings_hash(self) -> str:
        """Short hash of the shared settings."""
        return self.shared.settings_hash

    @property
    def cooldown(self) -> int:
        """Seconds between Trigger cleanups."""
        return self.shared.cooldown

    @property
    def emergency_cooldown(self) -> int:
        """Seconds between automatic Emergency cleanups."""
        return self.shared.emergency_cooldown

    @property
    def undo_window(self) -> int:
        """Seconds that removed files stay in the trash."""
        return UNDO_WINDOW_MAX_SECONDS if self.scans_only else self.shared.undo_window

    @property
    def copies(self) -> Copies | None:
        """How copies of creds.json are kept; None if none are: they are written, so only if files may change."""
        kept = self.shared.copies
        return kept if kept.keep and self.cleans and self.mode == "Enforce" else None

    @property
    def longest_age(self) -> float:
        """The longest age in seconds that any rule of the tenant may use."""
        return AGE_MAX_SECONDS if self.scans_only else self.policy.longest_age


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective(EffectiveSettings):
    """The settings in force for one tenant."""

    company_id: str
    claim_name: str
    path: str
    """Directory inside the volume in its shortest form: no empty or "." component; "." is the root."""


def with_scans_only(settings: Effective) -> Effective:
    """Return the settings for scans alone."""
    return replace(settings, scans_only=True)
