"""The settings in force while a spec is invalid: after a bad edit the tenant is still managed.

`suspend`, `mode`, `volume` and `companyId` are read one by one from the present spec, and the stricter of each value
and that of the last valid spec counts. All other settings are those of the last valid spec, which the status keeps as
text. That text is validated and merged again whenever it is used: anybody who can write statuses can write it, and the
operator or its configuration may have changed since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.effective import Effective, with_scans_only
from baileys_janitor.api.config.merge import InvalidTenant, effective, merged_settings, parse_spec
from baileys_janitor.api.spec import TenantSpec
from baileys_janitor.api.spec_groups import MODES, Mode

LAST_VALID_BYTES_MAX = 4096
"""Maximum UTF-8 bytes in the status; a longer spec is not kept."""

Object = dict[str, Any]
_UNREADABLE = object()
_READ_ALONE = ("suspend", "mode", "volume", "companyId")
"""The fields that are read one by one."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings in force for a tenant.

    `effective` is None while the directory is unknown. `problem` is why the spec is invalid, None if it is valid;
    `meanwhile` is one sentence about the settings that are used until it is corrected. `last_valid` is to be kept in
    the status, None for nothing.
    """

    effective: Effective | None
    problem: InvalidTenant | None = None
    meanwhile: str = ""
    last_valid: str | None = None


def in_force(
    config: OperatorConfig, spec: Mapping[str, Any] | None, name: str, last_valid: str | None
) -> InForce:
    """Return the settings in force for the tenant with that name; `last_valid` is the text in its status."""
    try:
        parsed = parse_spec(spec)
        found = effective(config, parsed, name)
    except InvalidTenant as problem:
        return _Fallback(config, spec, name, last_valid).in_force(problem)
    return InForce(found, last_valid=_text(_data(parsed)))


class _Fallback:
    """The replacement for one invalid spec."""

    def __init__(
        self, config: OperatorConfig, spec: Mapping[str, Any] | None, name: str, last: str | None
    ) -> None:
        self._config, self._name = config, name
        self._kept = last
        written: Mapping[str, Any] = spec if isinstance(spec, dict) else {}
        self._written = {field: _read(field, written.get(field)) for field in _READ_ALONE}
        stored = _parsed(last)
        self._before = {field: _known(_read(field, stored.get(field))) for field in _READ_ALONE}
        self._last = _valid(config, stored, name)
        self._suspend = _known(self._written["suspend"]) or self._before["suspend"]

    def in_force(self, problem: InvalidTenant) -> InForce:
        kept, last = self._kept, self._last
        volume, before = self._written["volume"], self._before["volume"]
        if volume is _UNREADABLE:
            volume = before
        elif before is not None and _place(before) != _place(volume):
            # The settings were meant for another directory. A suspended tenant stays so until a valid spec resumes it.
            last, kept = None, _text({"suspend": True}) if self._before["suspend"] else None
        if volume is None:
            return InForce(None, problem, "Nothing is done until it is valid.", kept)
        found = self._settings(last, volume)
        meanwhile = self._no_job() if self._suspend else _meanwhile(found, last)
        return InForce(found, problem, meanwhile, kept)

    def _settings(self, last: Object | None, volume: Object) -> Effective:
        """Return the last valid settings in the stricter mode; without them the fleet's, for scans alone."""
        company = _known(self._written["companyId"])
        own: Object = dict(last or {})
        if last is not None:
            own["mode"] = min(self._mode(last), self._mode(self._written), key=MODES.index)
        own |= {"volume": volume, "suspend": bool(self._suspend)}
        found = effective(
            self._config, own | ({"companyId": company} if company else {}), self._name
        )
        unread = any(value is _UNREADABLE for value in self._written.values())
        return with_scans_only(found) if last is None or unread else found

    def _mode(self, own: Object) -> Mode:
        mode: Mode = _known(own.get("mode")) or merged_settings(self._config.defaults, {})["mode"]
        return mode

    def _no_job(self) -> str:
        if self._written["suspend"] is True:
            return "No Job runs, since spec.suspend is true."
        return "No Job runs until then, since spec.suspend was true in the last valid spec."


def _meanwhile(found: Effective, last: Object | None) -> str:
    whose = "the fleet's settings" if last is None else "the last valid settings of this tenant"
    if found.scans_only:
        return f"Until it is valid, the files are counted by {whose}, and no cleanup runs."
    mode = "" if found.mode == "Enforce" else f", in mode {found.mode}"
    return f"Until it is valid, {whose} are used{mode}."


def _read(field: str, value: Any) -> Any:
    """Return the value of one field as JSON data, None for an unset one, `_UNREADABLE` for an invalid one."""
    try:
        return _data(parse_spec({"volume": {"claimName": "any"}} | {field: value})).get(field)
    except (InvalidTenant, RecursionError):
        return _UNREADABLE


def _known(value: Any) -> Any:
    return None if value is _UNREADABLE else value


def _parsed(text: str | None) -> Object:
    """Return the JSON object of a stored text, an empty one for anything else."""
    if text is None or len(text.encode("utf-8", "surrogatepass")) > LAST_VALID_BYTES_MAX:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _valid(config: OperatorConfig, stored: Object, name: str) -> Object | None:
    """Return the stored spec if it is still valid with this configuration."""
    try:
        parsed = parse_spec(stored)
        effective(config, parsed, name)
    except (InvalidTenant, RecursionError):
        return None
    return _data(parsed)


def _place(volume: Object) -> tuple[str, str]:
    found = effective(OperatorConfig(), {"volume": volume}, "")
    return found.claim_name, found.path


def _data(spec: TenantSpec) -> Object:
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def _text(spec: Object) -> str | None:
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
    return text if len(text.encode("utf-8", "surrogatepass")) <= LAST_VALID_BYTES_MAX else None
