"""Merges a key store's spec over the built-in values, below the operator's ceiling of modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from baileys_janitor.api.backup import backup_spec
from baileys_janitor.api.backup.backup_spec import ClusterBackups
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.cross_field_rules import Conflict, cron_problem, is_zone
from baileys_janitor.api.config.effective import (
    NO_COPIES,
    EffectiveSettings,
    PodIdentity,
    Shared,
    Times,
)
from baileys_janitor.api.config.merge import FROM_CONFIGURATION, InvalidTenant, describe, over
from baileys_janitor.api.keystores.spec import KeyStoreSpec
from baileys_janitor.api.spec_groups import MODES
from baileys_janitor.api.values.durations import seconds_of
from baileys_janitor.api.values.error_messages import first_problem, shown
from baileys_janitor.api.values.patterns import NEVER
from baileys_janitor.policy.settings import MaxRemovals, Retention, Settings, Thresholds

NO_LIMIT = 1_000_000_000
"""Thresholds that no store reaches: its cleanups are daily or requested."""
GO_ON_SECONDS = 600
"""Seconds from one part of a capped cleanup to the next."""

BUILT_IN: Final[Mapping[str, Any]] = {
    "mode": "Enforce",
    "retention": {"sessionMaxAge": "30d", "senderKeyMaxAge": "30d"},
    "maxRemovals": {"percent": 60, "rows": 5000},
    "schedule": {"scanInterval": "15m", "dailyCleanup": "0 3 * * *", "timeZone": "UTC"},
    "schema": "baileys_janitor",
    "undoWindow": "72h",
    "undo": "Archive",
    "memory": "Table",
    "limits": {
        "batch": 500,
        "pause": "50ms",
        "statementTimeout": "5s",
        "lockTimeout": "200ms",
        "duration": "5m",
    },
    "warnAbove": 1000,
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
}
"""The default settings of a key store."""


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """The Secrets that a Job's pod mounts; None if no certificate authority is configured."""

    secret: str
    key: str
    ca_secret: str | None
    ca_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveKeyStore(EffectiveSettings):
    """The settings in force for one key store."""

    access: DatabaseAccess
    keys: Mapping[str, Any]
    credentials: Mapping[str, Any]
    """The layout as written in the spec: the preset adds missing parts."""
    schema: str
    archive: bool
    """Whether removed rows go into an archive."""
    memory: bool
    """Whether the times of traffic of sessions are stored."""
    max_rows: int
    batch: int
    pause: float
    statement_timeout: float
    lock_timeout: float
    duration: int
    """Times in seconds."""
    warn_above: int


def effective_store(
    config: OperatorConfig, spec: Mapping[str, Any] | None, name: str, namespace: str = ""
) -> EffectiveKeyStore:
    """Return the settings in force for a store; raise `InvalidTenant` if the spec is invalid."""
    try:
        parsed = KeyStoreSpec.model_validate({} if spec is None else spec)
    except ValidationError as error:
        field, problem = first_problem(error, KeyStoreSpec)
        field = f"spec.{field}" if field else "spec"
        raise InvalidTenant(field, f"{field} {problem}.") from None
    own = parsed.model_dump(mode="json", by_alias=True, exclude_none=True)
    merged = {key: _over(value, own.get(key)) for key, value in BUILT_IN.items()}
    _check(merged, own)
    connection = parsed.connection
    limits = merged["limits"]
    return EffectiveKeyStore(
        suspend=bool(parsed.suspend),
        shared=replace(
            _shared(config, merged, name), backup=_backup(config, own, f"{namespace}/{name}")
        ),
        access=DatabaseAccess(
            connection.secret_name,
            connection.key or "url",
            connection.ca_secret_name,
            connection.ca_key or "ca.crt",
        ),
        keys=own.get("keys", {}),
        credentials=own.get("credentials", {}),
        schema=merged["schema"],
        archive=merged["undo"] == "Archive",
        memory=merged["memory"] == "Table",
        max_rows=merged["maxRemovals"]["rows"],
        batch=limits["batch"],
        pause=_short(limits["pause"]),
        statement_timeout=_short(limits["statementTimeout"]),
        lock_timeout=_short(limits["lockTimeout"]),
        duration=seconds_of(limits["duration"]),
        warn_above=merged["warnAbove"],
    )


def _backup(config: OperatorConfig, own: dict[str, Any], key: str) -> ClusterBackups | None:
    """Return the fleet's settings of backups, overridden by those of the store; lists count as a whole."""
    said = own.get("backup") or {}
    if own.get("keys", {}).get("preset") == "SessionBlob":
        if said.get("repositories"):
            _refuse(
                "keys.preset",
                "SessionBlob",
                "does not go with spec.backup, for a row holds a whole session there: leave that out, and back the "
                "table up with the database",
            )
        return None
    fleet = config.defaults.model_dump(mode="json", by_alias=True, exclude_none=True)
    fleet = fleet.get("backup") or {}
    try:
        found = backup_spec.resolved(over(fleet, said), fleet, config.backup)
    except Conflict as conflict:
        layers = {"": own, FROM_CONFIGURATION: {"backup": fleet}}
        raise InvalidTenant(
            f"spec.{conflict.fields[0]}", describe(conflict, layers, "spec")
        ) from None
    return None if found is None else backup_spec.of_key_store(found, key, config.backup)


def _over(base: Any, above: Any) -> Any:
    if above is None:
        return base
    return base | above if isinstance(base, dict) and isinstance(above, dict) else above


def _check(merged: dict[str, Any], own: dict[str, Any]) -> None:
    schedule = merged["schedule"]
    if not is_zone(schedule["timeZone"]):
        _refuse(
            "schedule.timeZone",
            schedule["timeZone"],
            "is no known time zone: give an IANA name such as UTC or America/Sao_Paulo",
        )
    problem = cron_problem(schedule["dailyCleanup"])
    if problem:
        _refuse("schedule.dailyCleanup", schedule["dailyCleanup"], problem)
    if merged["undo"] == "None" and merged["memory"] != "None":
        _refuse(
            "undo",
            merged["undo"],
            "needs spec.memory None, too: both mean that the janitor has no tables of its own",
        )
    blob = own.get("keys", {}).get("preset") == "SessionBlob"
    if blob and merged["mode"] != "Observe":
        _refuse(
            "mode",
            merged["mode"],
            "does not go with keys.preset SessionBlob, which can only be counted: set mode: Observe",
        )


def _refuse(field: str, value: object, problem: str) -> None:
    raise InvalidTenant(f"spec.{field}", f"spec.{field} ({shown(value)}) {problem}.")


def _shared(config: OperatorConfig, merged: dict[str, Any], name: str) -> Shared:
    schedule, retention = merged["schedule"], merged["retention"]
    daily = " ".join(schedule["dailyCleanup"].split())
    ages = Retention(
        seconds_of(retention["sessionMaxAge"]), seconds_of(retention["senderKeyMaxAge"])
    )
    removals = MaxRemovals(merged["maxRemovals"]["percent"], merged["maxRemovals"]["rows"])
    return Shared(
        mode=min(merged["mode"], config.mode_ceiling, key=MODES.index),
        policy=Settings(
            thresholds=Thresholds(NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT),
            retention=ages,
            emergency_retention=ages,
            max_removals=removals,
        ),
        times=Times(
            scan_interval=seconds_of(schedule["scanInterval"]),
            adaptive=False,
            trigger_interval=GO_ON_SECONDS,
            daily_cleanup=None if daily == NEVER else daily,
            time_zone=schedule["timeZone"],
        ),
        cooldown=0,
        emergency_cooldown=GO_ON_SECONDS,
        undo_window=seconds_of(merged["undoWindow"]),
        copies=NO_COPIES,
        job=PodIdentity(None, None, (), None, merged["resources"]),
        settings_hash=sha256(f"{name}{sorted(merged.items())}".encode()).hexdigest()[:12],
    )


def _short(text: str) -> float:
    """Return the seconds of `50ms` or `5s`."""
    if text.endswith("ms"):
        return int(text.removesuffix("ms")) / 1000
    return float(text.removesuffix("s"))
