"""The spec of a `BaileysTenantSet`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
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
_WITH_VALUES: Final = ("In", "NotIn")


def _selectable(labels: dict[str, str]) -> dict[str, str]:
    for key, value in labels.items():
        _check_label(key, [value])
    return labels


def _check_label(key: str, values: Iterable[str]) -> None:
    """Raise PydanticCustomError unless a claim can have the label: no other text may get into a query."""
    if not _KEY.fullmatch(key) or not all(map(_VALUE.fullmatch, values)):
        raise PydanticCustomError(
            "labels", "has a label that no claim can have: correct its key or value"
        )


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
        description="Directory inside the volume that contains the session directories, at most three levels "
        "deep. Unset: the top of the volume.",
    )
    pattern: (
        Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_beneath)] | None
    ) = Field(
        default=None,
        description="Only directories whose path below it matches, such as company_* or */md_*. Unset: all.",
    )


class Expression(Model):
    """A requirement on one label of a claim."""

    model_config = rules(
        rule(
            "has(self.values) == (self.operator == 'In' || self.operator == 'NotIn')",
            "values belongs to the operators In and NotIn, which need it",
        )
    )

    key: LabelKey = Field(description="The key of the label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="In: the label has one of the values. NotIn: it has none of them, or is absent. Exists and "
        "DoesNotExist: it is present, or absent."
    )
    values: Annotated[list[LabelValue], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Values for In and NotIn."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.values is None and self.operator in _WITH_VALUES:
            raise PydanticCustomError("values", "has no values: In and NotIn need some")
        if self.values is not None and self.operator not in _WITH_VALUES:
            raise PydanticCustomError(
                "values", "has values, which are for In and NotIn: remove them"
            )
        _check_label(self.key, self.values or ())
        return self

    def query(self) -> str:
        """Return it as a label selector for the API server."""
        listed = ",".join(self.values or ())
        return {
            "In": f"{self.key} in ({listed})",
            "NotIn": f"{self.key} notin ({listed})",
            "Exists": self.key,
            "DoesNotExist": f"!{self.key}",
        }[self.operator]


class Selector(Model):
    """Selects claims by their labels."""

    model_config = rules(
        rule(
            "has(self.matchLabels) || has(self.matchExpressions)",
            "give matchLabels, matchExpressions or both: all claims are never meant",
        )
    )

    match_labels: (
        Annotated[
            dict[LabelKey, LabelValue],
            Field(min_length=1, max_length=16),
            AfterValidator(_selectable),
        ]
        | None
    ) = Field(default=None, description="Labels that a claim must have, all of them.")
    match_expressions: Annotated[list[Expression], Field(min_length=1, max_length=16)] | None = (
        Field(
            default=None, description="Further requirements on the labels of a claim, all of them."
        )
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.match_labels is None and self.match_expressions is None:
            raise PydanticCustomError(
                "selector", "chooses nothing: give matchLabels, matchExpressions or both"
            )
        return self

    def query(self) -> str:
        """Return it as a label selector for the API server."""
        labels = sorted((self.match_labels or {}).items())
        expressions = [each.query() for each in self.match_expressions or ()]
        return ",".join([*(f"{key}={value}" for key, value in labels), *expressions])


class Claims(Model):
    """One tenant for each claim."""

    selector: Selector = Field(description="Selects claims of this namespace.")
    path: RelativePath | None = Field(
        default=None,
        description="Directory of the session inside each of the volumes. Unset: the top of the volume.",
    )


class Source(Model):
    """Location of the sessions."""

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
    """Creates tenants for session directories or claims."""

    source: Source = Field(description="Location of the sessions.")
    template: Template | None = Field(
        default=None,
        description="Settings of every tenant of the set, as in the spec of a BaileysTenant. When they change, "
        "the tenants are updated; otherwise no tenant is ever edited. Unset: the operator's "
        "configuration.",
    )
    confirm: bool | None = Field(
        default=None,
        description="true: tenants are created. Otherwise status.preview only counts the tenants that would be "
        "created.",
    )
    limit: Annotated[int, Field(ge=0, le=LIMIT_MOST)] | None = Field(
        default=None,
        description=f"Maximum tenants of the set. Unset: {DEFAULT_LIMIT}.",
    )
    new_per_day: Annotated[int, Field(ge=0, le=LIMIT_MOST)] | None = Field(
        default=None,
        description="Maximum tenants created within 24 hours, because anyone who can write to the volume can create "
        f"directories. Unset: {DEFAULT_PER_DAY}.",
    )
    when_gone: Literal["Keep", "Delete"] | None = Field(
        default=None,
        description="Action for a tenant whose directory or claim has been gone for 7 days. Keep: none. Delete: "
        "the resource is deleted, never data. Unset: Keep.",
    )
    interval: Annotated[Duration, Between("1m", "1d")] | None = Field(
        default=None,
        description=f"Interval between searches for new places. Unset: {DEFAULT_INTERVAL}.",
    )
    suspend: bool | None = Field(
        default=None,
        description="true: the set does not search, create or delete. Its tenants are reconciled as before.",
    )
