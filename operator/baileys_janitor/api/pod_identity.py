"""The user and groups of a tenant's Jobs, and their resources.

A tenant can set nothing else of a pod: everything that could harm others belongs to the chart.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baileys_janitor.api.values.base import Model, Rule, rule, rules
from baileys_janitor.api.values.quantities import AtMost, Quantity

OwnerId = Annotated[int, Field(ge=1, le=2_147_483_647)]
"""A user or group id. 0 is refused: the Jobs run under Pod Security "restricted"."""

_Label = Annotated[str, Field(max_length=256)]


class SELinuxOptions(Model):
    """The SELinux level of the Job's container.

    Only the level: a free choice of type, role or user could select an unconfined one.
    """

    level: _Label | None = Field(None, description="SELinux level, such as s0:c123,c456.")


_Cpu = Annotated[Quantity, AtMost("2")]
_Bytes = Annotated[Quantity, AtMost("2Gi")]
"""A Job takes milliseconds and some 30 MiB: a pod that requests more than this finds no node, and holds a slot."""


class ResourceAmounts(Model):
    """Amounts of CPU, memory and scratch space."""

    cpu: _Cpu | None = Field(
        default=None, description="CPU in cores, such as 100m; at most 2 cores."
    )
    memory: _Bytes | None = Field(
        default=None, description="Memory in bytes, such as 64Mi; at most 2Gi."
    )
    ephemeral_storage: _Bytes | None = Field(
        default=None,
        alias="ephemeral-storage",
        description="Scratch space in bytes, such as 32Mi; at most 2Gi.",
    )


def _within_limits() -> list[Rule]:
    # In CEL's form, in which a name may contain no "-".
    names = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "ephemeral__dash__storage"}
    return [
        rule(
            f"!has(self.requests) || !has(self.limits) || !has(self.requests.{cel})"
            f" || !has(self.limits.{cel}) || !isQuantity(string(self.requests.{cel}))"
            f" || !isQuantity(string(self.limits.{cel})) || quantity(string(self.requests.{cel}))"
            f".compareTo(quantity(string(self.limits.{cel}))) <= 0",
            f"requests.{name} is more than limits.{name}: no pod could start, so lower the first or "
            "raise the second",
        )
        for name, cel in names.items()
    ]


class Resources(Model):
    """Requests and limits of the Job's container."""

    model_config = rules(*_within_limits())

    requests: ResourceAmounts | None = Field(
        default=None, description="Requests: the resources that the Job is guaranteed."
    )
    limits: ResourceAmounts | None = Field(
        default=None, description="Limits: the maximum that the Job may use."
    )


class JobSettings(Model):
    """User, groups and resources of this tenant's Jobs."""

    run_as_user: OwnerId | None = Field(
        default=None,
        description="User id of the Job: the owner of the session files. Unset: the user of the "
        "running pod that writes to the claim, else the image's own.",
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
        description="SELinux level of the Job. Unset: that of the running pod that writes to the claim.",
    )
    resources: Resources | None = Field(
        default=None, description="Requests and limits of the Job's container."
    )
