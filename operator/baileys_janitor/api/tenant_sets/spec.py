"""What a `BaileysTenantSet` asks for: its spec."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from baileys_janitor.api.spec import FleetSettings, RelativePath
from baileys_janitor.api.values.base import Model, rule, rules
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import OBJECT_NAME

DEFAULT_LIMIT, LIMIT_MOST = 500, 1000
DEFAULT_PER_DAY = 50
DEFAULT_INTERVAL = "5m"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]
LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def _selectable(labels: dict[str, str]) -> dict[str, str]:
    if not all(_KEY.fullmatch(key) and _VALUE.fullmatch(labels[key]) for key in labels):
        raise PydanticCustomError(
            "labels", "has a label that no claim can have: correct its key or value"
        )
    return labels


def _beneath(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        raise PydanticCustomError("pattern", 'names nothing beneath the directory: remove ".."')
    return pattern


class Directories(Model):
    """Every session directory in one volume."""

    claim_name: ObjectName = Field(
        description="Name of the PersistentVolumeClaim, in the namespace of this resource."
    )
    path: RelativePath | None = Field(
        default=None,
        description="Directory inside the volume beneath which they lie, at most three levels deep. Unset: the top of "
        "the volume.",
    )
    pattern: (
        Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_beneath)] | None
    ) = Field(
        default=None,
        description="Only directories whose path beneath that one matches, such as company_* or */md_*. Unset: all.",
    )


class Selector(Model):
    """Which claims are meant, by their labels."""

    match_labels: Annotated[
        dict[LabelKey, LabelValue],
        Field(min_length=1, max_length=16),
        AfterValidator(_selectable),
    ] = Field(description="Labels that a claim must have, all of them.")


class Claims(Model):
    """One tenant for each claim."""

    selector: Selector = Field(description="Which claims of this namespace are meant.")
    path: RelativePath | None = Field(
        default=None,
        description="Directory of the session inside each of the volumes. Unset: the top of the volume.",
    )


class Source(Model):
    """Where the sessions are."""

    model_config = rules(
        rule(
            "has(self.directories) != has(self.claims)",
            "give one of directories and claims",
        )
    )

    directories: Directories | None = Field(
        default=None,
        description="The session directories of one volume, as `baileys-janitor scan` finds them.",
    )
    claims: Claims | None = Field(default=None, description="Claims with certain labels.")


class Template(FleetSettings):
    """The settings of every tenant of the set."""

    suspend: bool | None = Field(
        default=None, description="true: no scan and no cleanup runs for these tenants."
    )


class TenantSetSpec(Model):
    """Tenants for whatever session directories or claims there are."""

    source: Source = Field(description="Where the sessions are.")
    template: Template | None = Field(
        default=None,
        description="Settings that every tenant of the set gets, as in the spec of a BaileysTenant. When they change, "
        "the tenants get the new ones; otherwise no tenant is ever edited. Unset: the operator's configuration.",
    )
    confirm: bool | None = Field(
        default=None,
        description="true: tenants are created. Otherwise status.preview says how many would be.",
    )
    limit: Annotated[int, Field(ge=0, le=LIMIT_MOST)] | None = Field(
        default=None,
        description=f"The most tenants that the set may have. Unset: {DEFAULT_LIMIT}.",
    )
    new_per_day: Annotated[int, Field(ge=0, le=LIMIT_MOST)] | None = Field(
        default=None,
        description="The most tenants that are created within 24 hours: whoever writes to the volume makes directories "
        f"as he likes. Unset: {DEFAULT_PER_DAY}.",
    )
    when_gone: Literal["Keep", "Delete"] | None = Field(
        default=None,
        description="What becomes of a tenant whose directory or claim is gone for 7 days. Keep: nothing. Delete: the "
        "resource is deleted, never data. Unset: Keep.",
    )
    interval: Annotated[Duration, Between("1m", "1d")] | None = Field(
        default=None,
        description=f"How often it is looked for new ones. Unset: {DEFAULT_INTERVAL}.",
    )
    suspend: bool | None = Field(
        default=None,
        description="true: nothing is looked for, created or deleted. The tenants are looked after as before.",
    )
