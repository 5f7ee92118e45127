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
    """What was found at the last look, and what becomes of it."""

    found: Count | None = Field(default=None, description="Session directories or claims.")
    tenants: Count | None = Field(default=None, description="Tenants that the set has.")
    elsewhere: Count | None = Field(
        default=None,
        description="Found ones that another tenant looks after; they are left to it.",
    )
    new: Count | None = Field(
        default=None, description="Found ones without a tenant, which get one or would."
    )
    waiting: Count | None = Field(
        default=None, description="Of these, how many newPerDay or limit hold back for now."
    )
    deleted_by_hand: Count | None = Field(
        default=None,
        description="Found ones whose tenant somebody has deleted. They get none until the annotation "
        f"{CONFIRM_ANNOTATION} is set anew.",
    )
    gone: Count | None = Field(
        default=None, description="Tenants whose directory or claim is not there any more."
    )
    unusable: Count | None = Field(
        default=None,
        description="Directories with a path that no tenant can have (too long, or with control characters), and "
        "tenants that the API server refused.",
    )


class Gone(StatusPart):
    """A tenant whose directory or claim is not there any more."""

    mark: Mark | None = Field(
        default=None, description="The beginning of a hash of its claim and directory."
    )
    since: Time | None = Field(default=None, description="When it was first missed.")


class TenantSetStatus(StatusPart):
    """Status of a set, written by the operator."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was made from; -1 before the first look.",
    )
    preview: Preview | None = Field(
        default=None, description="What was found at the last look, and what becomes of it."
    )
    next: Sentence | None = Field(default=None, description="What happens next.")
    last_look_time: Time | None = Field(
        default=None, description="When it was last looked for new ones, as last written down."
    )
    known: Annotated[list[Mark], Field(max_length=KNOWN_MOST)] | None = Field(
        default=None,
        description="What already has, or had, a tenant of this set: hashes of claim and directory.",
    )
    gone: Annotated[list[Gone], Field(max_length=GONE_MOST)] | None = Field(
        default=None, description="Tenants whose directory or claim is not there any more."
    )
    last_handled_confirm: Annotated[str, Field(max_length=256)] | None = Field(
        default=None,
        description=f"The last value of the annotation {CONFIRM_ANNOTATION} that was handled.",
    )
    conditions: Annotated[list[Condition], Field(max_length=32)] | None = Field(
        default=None,
        description="Ready, Stalled, AwaitsConfirmation and LimitReached; docs/tenant-sets.md explains them.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
