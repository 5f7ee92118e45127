"""Merges a tenant's spec over the operator's configuration over the built-in defaults.

Field by field: a tenant that sets one threshold inherits the other four. The result is checked as a whole, because only
the merged settings can be judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from baileys_janitor.api.backup import backup_spec
from baileys_janitor.api.backup.backup_spec import BackupConfig
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.cross_field_rules import Conflict, check
from baileys_janitor.api.config.defaults import BUILT_IN
from baileys_janitor.api.config.effective import Copies, Effective, PodIdentity, Shared, Times
from baileys_janitor.api.spec import SharedSettings, TenantSpec
from baileys_janitor.api.spec_groups import MODES, Mode
from baileys_janitor.api.values.durations import seconds_of
from baileys_janitor.api.values.error_messages import first_problem, shown
from baileys_janitor.api.values.patterns import NEVER
from baileys_janitor.policy.settings import (
    Allowances,
    MaxRemovals,
    Retention,
    Settings,
    Thresholds,
)

FROM_CONFIGURATION = "from the operator's configuration"
BUILT_IN_DEFAULT = "the built-in default"
"""The origin of a value that the tenant did not set."""

_PARTS = re.compile(r"([^.\[\]]+)(?:\[([0-9]+)\])?")
_RETENTIONS = ("retention", "emergencyRetention")
_OWN = {"company_id", "volume", "suspend"}
"""The fields of a spec that only a tenant has."""


class InvalidTenant(Exception):  # noqa: N818 - the word that users see as the reason
    """A spec that cannot be in force.

    `field` is its dotted name; `message` one sentence that names it and the way out.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def effective(
    config: OperatorConfig, spec: TenantSpec | Mapping[str, Any] | None, name: str
) -> Effective:
    """Return the settings in force for the tenant with that name; raise `InvalidTenant` if the spec is invalid.

    Tenants with equal settings share one `Shared` object.
    """
    if not isinstance(spec, TenantSpec):
        spec = parse_spec(spec)
    own = _data(spec, exclude=_OWN)
    try:
        shared = _settled(
            _key(_data(config.defaults)),
            _key(own),
            config.mode_ceiling,
            _key(config.backup.model_dump(mode="json", by_alias=True)),
        )
    except Conflict as conflict:
        raise _blame(conflict, config.defaults, own) from None
    return Effective(
        company_id=spec.company_id or name,
        claim_name=spec.volume.claim_name,
        path="/".join(part for part in (spec.volume.path or "").split("/") if part not in ("", "."))
        or ".",
        suspend=bool(spec.suspend),
        shared=shared,
    )


def parse_spec(spec: Mapping[str, Any] | None) -> TenantSpec:
    """Return the parsed spec; raise `InvalidTenant` if it is invalid."""
    try:
        return TenantSpec.model_validate({} if spec is None else spec)
    except ValidationError as error:
        field, problem = first_problem(error, TenantSpec)
        field = f"spec.{field}" if field else "spec"
        raise InvalidTenant(field, f"{field} {problem}.") from None


def merged_settings(defaults: SharedSettings, own: dict[str, Any]) -> dict[str, Any]:
    """Return built-in defaults, then the fleet's, then a tenant's own, as plain data."""
    return over(over(_BUILT_IN_DATA, _data(defaults)), own)


def _data(settings: SharedSettings, exclude: set[str] | None = None) -> dict[str, Any]:
    return settings.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=exclude)


_BUILT_IN_DATA = _data(BUILT_IN)


def over(base: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return settings overridden by a higher layer, group by group; lists count as a whole."""
    result = dict(base)
    for field, value in above.items():
        below = base.get(field)
        both = isinstance(value, dict) and isinstance(below, dict)
        result[field] = over(below, value) if both else value  # type: ignore[arg-type]  # both are dicts
    return result


def _key(merged: dict[str, Any]) -> str:
    return json.dumps(merged, sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=4096)
def _settled(defaults_json: str, own_json: str, ceiling: Mode, backup_json: str) -> Shared:
    """Return the merged settings, cached by the tenant's own ones: nearly all tenants of a fleet set the same."""
    defaults, own = json.loads(defaults_json), json.loads(own_json)
    said = over(defaults, own)
    backup = said.pop("backup", None) or {}
    return _with_backups(
        *(_key(over(_BUILT_IN_DATA, said)), _pre_keys_said(said), ceiling),
        *(_key(backup), _key(defaults.get("backup") or {}), backup_json),
    )


@lru_cache(maxsize=4096)
def _with_backups(
    merged_json: str,
    pre_keys_said: tuple[str, ...],
    ceiling: Mode,
    backup_json: str,
    fleet_json: str,
    config_json: str,
) -> Shared:
    """Return the settings with backups; they are not in the hash, since scans and cleanups do not use them."""
    shared = _shared(merged_json, pre_keys_said, ceiling)
    config = BackupConfig.model_validate_json(config_json)
    found = backup_spec.resolved(json.loads(backup_json), json.loads(fleet_json), config)
    return shared if found is None else replace(shared, backup=found)


def _pre_keys_said(said: dict[str, Any]) -> tuple[str, ...]:
    """Return the retentions whose `preKeys` somebody set: the tenant or the fleet's configuration."""
    return tuple(group for group in _RETENTIONS if "preKeys" in said.get(group, {}))


@lru_cache(maxsize=4096)
def _shared(merged_json: str, pre_keys_said: tuple[str, ...], ceiling: Mode) -> Shared:
    merged: dict[str, Any] = json.loads(merged_json)
    check(merged)
    mode = min(merged["mode"], ceiling, key=MODES.index)
    schedule = merged["schedule"]
    daily = " ".join(schedule["dailyCleanup"].split())
    return Shared(
        mode=mode,
        policy=_policy(merged, pre_keys_said),
        times=Times(
            scan_interval=seconds_of(schedule["scanInterval"]),
            adaptive=schedule["adaptive"],
            trigger_interval=seconds_of(schedule["triggerInterval"]),
            daily_cleanup=None if daily == NEVER else daily,
            time_zone=schedule["timeZone"],
        ),
        cooldown=seconds_of(merged["cooldown"]),
        emergency_cooldown=seconds_of(merged["emergencyCooldown"]),
        undo_window=seconds_of(merged["undoWindow"]),
        copies=_copies(merged["credentialsCopies"]),
        job=_job(merged["job"]),
        settings_hash=sha256(f"{mode}{pre_keys_said}{merged_json}".encode()).hexdigest()[:12],
    )


def _policy(merged: dict[str, Any], pre_keys_said: tuple[str, ...]) -> Settings:
    thresholds, allowances = merged["thresholds"], merged["allowances"]
    normal, emergency = (
        _retention(merged[group], pre_keys_set=group in pre_keys_said) for group in _RETENTIONS
    )
    return Settings(
        thresholds=Thresholds(**thresholds),
        allowances=Allowances(allowances["preKeys"], allowances["protected"]),
        retention=normal,
        emergency_retention=emergency,
        max_removals=MaxRemovals(merged["maxRemovals"]["percent"], merged["maxRemovals"]["files"]),
    )


def _retention(data: dict[str, Any], *, pre_keys_set: bool) -> Retention:
    return Retention(
        seconds_of(data["sessionMaxAge"]),
        seconds_of(data["senderKeyMaxAge"]),
        data["preKeys"] if pre_keys_set else None,
    )


def _copies(data: dict[str, Any]) -> Copies:
    return Copies(data["keep"], seconds_of(data["every"]))


def _job(data: dict[str, Any]) -> PodIdentity:
    return PodIdentity(
        run_as_user=data.get("runAsUser"),
        run_as_group=data.get("runAsGroup"),
        supplemental_groups=tuple(data.get("supplementalGroups", ())),
        se_linux_options=data.get("seLinuxOptions"),
        resources=data.get("resources", {}),
    )


def _blame(conflict: Conflict, defaults: SharedSettings, own: dict[str, Any]) -> InvalidTenant:
    blamed = next((f for f in conflict.fields if _value(own, f) is not None), conflict.fields[0])
    layers = {"": own, FROM_CONFIGURATION: _data(defaults)}
    return InvalidTenant(f"spec.{blamed}", describe(conflict, layers, "spec"))


def describe(conflict: Conflict, layers: Mapping[str, dict[str, Any]], place: str) -> str:
    """Return the conflict as a sentence that shows the values, and the origin of each.

    `layers` are settings by their origin, in order of precedence; a value that none of them sets is a built-in default.
    """
    described = []
    for field in conflict.fields:
        found = ((origin, _value(data, field)) for origin, data in layers.items())
        built_in = BUILT_IN_DEFAULT, _value(_BUILT_IN_DATA, field)
        origin, value = next((each for each in found if each[1] is not None), built_in)
        about = (None if _is_group(value) else shown(value), origin)
        told = "" if value is None else f" ({', '.join(filter(None, about))})"
        described.append(f"{place}.{field}{told}" if told != " ()" else f"{place}.{field}")
    return conflict.sentence.format(*described) + "."


def _is_group(value: Any) -> bool:
    return isinstance(value, dict | list)


def _value(data: dict[str, Any], field: str) -> Any:
    """Return the value of a dotted field such as `schedule.timeZone` or `backup.repositories[1].url`."""
    here: Any = data
    for name, place in _PARTS.findall(field):
        here = here.get(name) if isinstance(here, dict) else None
        if place:
            number = int(place)
            here = here[number] if isinstance(here, list) and number < len(here) else None
    return here
