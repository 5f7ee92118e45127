"""The status of a set of tenants."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baileys_janitor.api.names import CONFIRM_ANNOTATION
from baileys_janitor.api.status import Condition
from baileys_janitor.api.status_parts import Count, Sentence, StatusPart, Time

MARK_DIGITS = 12
KNOWN_MOST = 2000
GONE_MOST = 1000

Mark = Annotated[str, Field(min_length=MARK_DIGITS, max_length=MARK_DIGITS, pattern="^[0-9a-f]+$")]
"""The beginning of a hash of claim and directory."""


class Preview(StatusPart):
    """Results of the last search, and the tenants that follow from it."""

    found: Count | None = Field(default=None, description="Found session directories or claims.")
    tenants: Count | None = Field(default=None, description="Tenants that the set has.")
    elsewhere: Count | None = Field(
        default=None,
        description="Found places that already have another tenant; the set ignores them.",
    )
    new: Count | None = Field(
        default=None, description="Found places without a tenant, which get one or would get one."
    )
    waiting: Count | None = Field(
        default=None, description="Number of these that wait because of newPerDay or limit."
    )
    deleted_by_hand: Count | None = Field(
        default=None,
        description="Found places whose tenant somebody has deleted. They get none until the annotation "
        f"{CONFIRM_ANNOTATION} is set anew.",
    )
    gone: Count | None = Field(
        default=None, description="Tenants whose directory or claim no longer exists."
    )
    unusable: Count | None = Field(
        default=None,
        description="Directories whose path is invalid for a tenant (too long, or with control characters), and "
        "tenants that the API server refused.",
    )


class Gone(StatusPart):
    """A tenant whose directory or claim no longer exists."""

    mark: Mark | None = Field(
        default=None, description="The beginning of a hash of its claim and directory."
    )
    since: Time | None = Field(default=None, description="When it was first missed.")


class TenantSetStatus(StatusPart):
    """Status of a set, written by the operator."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was computed from; -1 before the first search.",
    )
    preview: Preview | None = Field(
        default=None, description="Results of the last search, and the tenants that follow from it."
    )
    next: Sentence | None = Field(default=None, description="The next action of the operator.")
    last_look_time: Time | None = Field(
        default=None, description="When the last search ran, as of the last write of the status."
    )
    known: Annotated[list[Mark], Field(max_length=KNOWN_MOST)] | None = Field(
        default=None,
        description="Places that have or had a tenant of this set: hashes of claim and directory.",
    )
    gone: Annotated[list[Gone], Field(max_length=GONE_MOST)] | None = Field(
        default=None, description="Tenants whose directory or claim no longer exists."
    )
    last_handled_confirm: Annotated[str, Field(max_length=256)] | None = Field(
        default=None,
        description=f"The last handled value of the annotation {CONFIRM_ANNOTATION}.",
    )
    conditions: Annotated[list[Condition], Field(max_length=32)] | None = Field(
        default=None,
        description="Ready, Stalled, AwaitsConfirmation and LimitReached; docs/tenant-sets.md explains them.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
