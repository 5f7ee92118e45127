"""The owner of a session's files: the security context that a Job copies."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.api.config.effective import PodIdentity


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user and groups that own the files, for the Job's security context. All are optional."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] = ()
    se_linux: tuple[tuple[str, str], ...] = ()

    def overridden(self, asked: PodIdentity) -> RunAs:
        """Return this identity, overridden by the tenant's `spec.job`."""
        label = asked.se_linux_options
        return RunAs(
            user=self.user if asked.run_as_user is None else asked.run_as_user,
            group=self.group if asked.run_as_group is None else asked.run_as_group,
            groups=asked.supplemental_groups or self.groups,
            se_linux=tuple(sorted(label.items())) if label else self.se_linux,
        )
