"""Whom a tenant's Jobs run as, and what they may use.

Nothing else of a pod can be set by a tenant: what could hurt others belongs to the chart.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .model import Model
from .quantities import Quantity

OwnerId = Annotated[int, Field(ge=1, le=2_147_483_647)]
"""A user or group id. 0 is refused: the Jobs run under Pod Security "restricted"."""

_Label = Annotated[str, Field(max_length=256)]


class SELinuxOptions(Model):
    """The SELinux level of the Job's container.

    Only the level: a type, role or user of one's own choice could be one that is not confined at all.
    """

    level: _Label | None = Field(None, description="SELinux level, such as s0:c123,c456.")


class ResourceAmounts(Model):
    """Amounts of CPU, memory and scratch space."""

    cpu: Quantity | None = Field(default=None, description="CPU in cores, such as 100m.")
    memory: Quantity | None = Field(default=None, description="Memory in bytes, such as 64Mi.")
    ephemeral_storage: Quantity | None = Field(
        default=None, alias="ephemeral-storage", description="Scratch space in bytes, such as 32Mi."
    )


class Resources(Model):
    """Requests and limits of the Job's container."""

    requests: ResourceAmounts | None = Field(
        default=None, description="What the Job is sure to get."
    )
    limits: ResourceAmounts | None = Field(
        default=None, description="What the Job may use at most."
    )


class JobSettings(Model):
    """Whom this tenant's Jobs run as, and what they may use."""

    run_as_user: OwnerId | None = Field(
        default=None,
        description="User id of the Job: the owner of the session files. Unset: the user of the "
        "running pod that uses the claim, else the image's own.",
    )
    run_as_group: OwnerId | None = Field(
        default=None, description="Group id of the Job. Unset: as for runAsUser."
    )
    supplemental_groups: Annotated[list[OwnerId], Field(max_length=32)] | None = Field(
        default=None,
        description="Further group ids of the Job, for files that are shared by a group. The Job "
        "never sets fsGroup, which would rewrite the owners of the session files.",
    )
    se_linux_options: SELinuxOptions | None = Field(
        default=None,
        description="SELinux level of the Job. Unset: that of the running pod that uses the claim.",
    )
    resources: Resources | None = Field(
        default=None, description="Requests and limits of the Job's container."
    )
