"""`spec.quiesce` and `status.quiesce` of an operation: the stopped workload, and its earlier state."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from baileys_janitor.api.status_parts import StatusPart, Time, Word
from baileys_janitor.api.values.base import Model, rule, rules
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import OBJECT_NAME

Kind = Literal["Deployment", "StatefulSet"]
Name = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]


class WorkloadReference(Model):
    """A workload in the namespace of the operation."""

    kind: Kind = Field(description="Kind of the workload.")
    name: Name = Field(description="Name of the workload.")


class QuiesceRequest(Model):
    """How to stop the use of the tenant's claim."""

    model_config = rules(
        rule(
            "has(self.workload) == (has(self.method) && self.method == 'Scale')",
            "workload belongs to the method Scale, which needs it",
        )
    )

    method: Literal["Manual", "Scale"] | None = Field(
        default=None,
        description="Manual: wait until no pod uses the claim; a person stops the workload. Scale: scale the "
        "workload to 0, and at the end back to its earlier replicas. Unset: Manual.",
    )
    workload: WorkloadReference | None = Field(
        default=None, description="Scale: the workload whose pods use the tenant's claim."
    )
    timeout: Annotated[Duration, Between("10s", "1h")] | None = Field(
        default=None,
        description="How long to wait until the pods are gone; then the workload is started again. Unset: 2m.",
    )
    max_duration: Annotated[Duration, Between("1m", "1d")] | None = Field(
        default=None,
        description="How long the workload may be stopped; then it is started again. Unset: 15m.",
    )
    acknowledge: Annotated[list[Literal["StopsTenants"]], Field(max_length=1)] | None = Field(
        default=None,
        description="StopsTenants: the workload may be stopped although its pods use the claims of other tenants.",
    )


class StoppedWorkload(StatusPart):
    """A workload that is stopped, or was stopped."""

    kind: Word | None = Field(default=None, description="Kind of the workload.")
    name: Annotated[str, Field(max_length=253)] | None = Field(
        default=None, description="Name of the workload."
    )


class QuiesceStatus(StatusPart):
    """The record of a workload, written before it is stopped."""

    workload: StoppedWorkload | None = Field(default=None, description="The workload.")
    uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Uid of the workload: another workload of the same name is never started.",
    )
    replicas: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None,
        description="Replicas of the workload before it was stopped, which it gets again.",
    )
    since: Time | None = Field(
        default=None, description="When the workload was recorded, before it was stopped."
    )
    stop_time: Time | None = Field(
        default=None, description="When the workload was first observed with 0 replicas."
    )
    quiet_time: Time | None = Field(
        default=None, description="When it was first observed that no pod uses the claim."
    )
    end_time: Time | None = Field(
        default=None, description="When the operation released the workload."
    )
    outcome: Word | None = Field(
        default=None,
        description="Resumed, Gone (it was deleted), Fought (another client has started it), StoppedByOthers "
        "(another client keeps it at 0) or NeverStopped; absent while it is held.",
    )
