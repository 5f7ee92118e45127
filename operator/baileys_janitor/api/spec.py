"""The spec of a `BaileysTenant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from baileys_janitor.api.backup.backup_spec import TenantBackup
from baileys_janitor.api.generated.openapi import Node, structural
from baileys_janitor.api.pod_identity import JobSettings
from baileys_janitor.api.spec_groups import (
    Allowances,
    CredentialsCopies,
    MaxRemovals,
    Mode,
    Retention,
    Schedule,
    Thresholds,
)
from baileys_janitor.api.values.base import Model, Rule, rule, rules
from baileys_janitor.api.values.durations import Between, Duration, cel_is_duration, cel_seconds
from baileys_janitor.api.values.patterns import COMPANY_ID, OBJECT_NAME, RELATIVE_PATH

_STAY_INSIDE = 'must stay inside the volume: remove ".."'
_NOT_OURS = (
    "must not lead through a name that begins with .janitor, which is reserved: leave that part out"
)
_TOO_LONG = "has a part longer than 255 bytes: shorten it"


def _inside(path: str) -> str:
    # The same as the CEL rules below, for specs that did not come through an API server.
    parts = path.split("/")
    if ".." in parts:
        raise PydanticCustomError("path", _STAY_INSIDE)
    if any(part.startswith(".janitor") for part in parts):
        raise PydanticCustomError("path", _NOT_OURS)
    if any(len(part.encode()) > 255 for part in parts):
        raise PydanticCustomError("path", _TOO_LONG)
    return path


RelativePath = Annotated[
    str, Field(min_length=1, max_length=512, pattern=RELATIVE_PATH), AfterValidator(_inside)
]
"""A directory beneath the root of a volume."""


class Volume(Model):
    """Location of the session files."""

    claim_name: Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)] = Field(
        description="Name of the PersistentVolumeClaim, in the namespace of this resource."
    )
    path: RelativePath | None = Field(
        default=None,
        description='Directory inside the volume, relative and without "..", such as '
        "company_962302. Unset: the top of the volume. Several tenants may share a claim, each with "
        "a path of its own.",
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("!self.matches('(^|/)[.][.](/|$)')", f"path {_STAY_INSIDE}"),
                rule("!self.matches('(^|/)[.]janitor')", f"path {_NOT_OURS}"),
                rule("!self.matches('[^/]{256}')", f"path {_TOO_LONG}"),
            ]
        },
    )


def _not_longer(field: str) -> Rule:
    emergency, normal = f"self.emergencyRetention.{field}", f"self.retention.{field}"
    return rule(
        f"!has(self.retention) || !has(self.emergencyRetention) || !has({normal}) || !has({emergency})"
        f" || !({cel_is_duration(normal)}) || !({cel_is_duration(emergency)})"
        f" || {cel_seconds(emergency)} <= {cel_seconds(normal)}",
        f"emergencyRetention.{field} is longer than retention.{field}: an emergency must not keep "
        "more, so shorten the first or lengthen the second",
    )


_NO_MORE_PRE_KEYS = rule(
    "!has(self.retention) || !has(self.emergencyRetention) || !has(self.retention.preKeys)"
    " || !has(self.emergencyRetention.preKeys)"
    " || self.emergencyRetention.preKeys <= self.retention.preKeys",
    "emergencyRetention.preKeys is more than retention.preKeys: an emergency must not keep more, "
    "so lower the first or raise the second",
)


class SharedSettings(Model):
    """The settings that a tenant may set for itself and the configuration for the whole fleet."""

    model_config = rules(
        _not_longer("sessionMaxAge"), _not_longer("senderKeyMaxAge"), _NO_MORE_PRE_KEYS
    )

    mode: Mode | None = Field(
        default=None,
        description="Enforce: clean. DryRun: decide and report, remove nothing. Observe: scan only. "
        "The operator's configuration can cap it for the fleet.",
    )
    thresholds: Thresholds | None = Field(
        default=None, description="File counts at which the level changes and cleanups start."
    )
    allowances: Allowances | None = Field(
        default=None,
        description="How many pre-keys and protected files count in full when count is Pressure.",
    )
    retention: Retention | None = Field(
        default=None, description="How old a removable file must be before a cleanup takes it."
    )
    emergency_retention: Retention | None = Field(
        default=None,
        description="The shorter retention of an Emergency cleanup, used only while the count is at "
        "critical or above.",
    )
    max_removals: MaxRemovals | None = Field(
        default=None, description="Limits on the removals of one cleanup."
    )
    schedule: Schedule | None = Field(default=None, description="When the timers fire.")
    cooldown: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None,
        description="Pause before the next Trigger cleanup, after any cleanup that removed files, or would have "
        "in mode DryRun. Daily, Emergency and requested cleanups do not wait for it, nor does the "
        "continuation of a cleanup that maxRemovals stopped.",
    )
    emergency_cooldown: Annotated[Duration, Between("1m", "7d")] | None = Field(
        default=None,
        description="Pause between automatic Emergency cleanups. One that maxRemovals stopped continues earlier: "
        "after 1m, then 2m, 4m and so on. Requested cleanups do not wait.",
    )
    undo_window: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None,
        description="How long removed files stay in the trash, from which `baileys-janitor undo` restores them. "
        "0s: they are purged at once.",
    )
    credentials_copies: CredentialsCopies | None = Field(
        default=None,
        description="Validated copies of creds.json, from which a broken one can be restored; docs/credentials.md.",
    )
    job: JobSettings | None = Field(
        default=None, description="User, groups and resources of this tenant's Jobs."
    )


class FleetSettings(SharedSettings):
    """The shared settings, and those that exist only in a cluster."""

    backup: TenantBackup | None = Field(
        default=None, description="Backups of the session. Without repositories none are made."
    )


class TenantSpec(FleetSettings):
    """The settings of this tenant. Unset fields come from the operator's configuration."""

    company_id: Annotated[str, Field(min_length=1, max_length=63, pattern=COMPANY_ID)] | None = (
        Field(
            default=None,
            description="Name of the company in metrics and alerts. Unset: the name of this resource.",
        )
    )
    volume: Volume = Field(description="Location of the session files.")
    suspend: bool | None = Field(
        default=None,
        description="true: no scan and no cleanup runs for this tenant. The trash is still purged.",
    )


def tenant_schema() -> Node:
    """Return the structural schema of the spec, the tenant's own fields first."""
    schema = structural(TenantSpec)
    own = {name: schema["properties"][name] for name in ("companyId", "volume", "suspend")}
    return schema | {"properties": own | schema["properties"]}
