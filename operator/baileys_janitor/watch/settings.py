"""The settings of the resident process, which the command line hands over and reads again at a reload.

The command line reads options, variables and YAML, and ends: the modules for that are never loaded here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from baileys_janitor.api.backup.backup_settings import Backups, resolved
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.effective import Effective
from baileys_janitor.api.config.merge import effective, over
from baileys_janitor.api.config.watch_config import DirectorySettings, WatchConfig
from baileys_janitor.schedule import slots
from baileys_janitor.schedule.backup_times import BackupSchedule

Object = dict[str, Any]
VOLUME = {"claimName": "local"}
"""A spec has the name of a claim; there is none on a server."""
GENERATION_BITS = 0x3FFFFFFF


@dataclass(frozen=True)
class WatchSettings:
    """The settings in force. `config` includes every option and variable, and no duplicate defaults."""

    config: WatchConfig
    roots: tuple[str, ...]
    """Absolute paths."""
    state: str
    argv: tuple[str, ...] = ()
    """The command's arguments, to run it again at a reload."""
    companies: tuple[str, ...] = ()
    nested: bool = True
    """Whether to search for directories beneath the paths."""
    once: bool = False
    host: str = "server"
    _cache: dict[str, Effective] = field(default_factory=dict, compare=False, repr=False)
    _backups: dict[str, Backups | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name of this server."""
        return self.config.name or self.host

    @cached_property
    def operator(self) -> OperatorConfig:
        """The same settings in the operator's form."""
        return self.config.as_operator()

    def of(self, name: str) -> Effective:
        """Return the settings in force for the directory of that name; raise `merge.InvalidTenant`."""
        if name not in self._cache:
            own = self.override(name)
            spec: Object = {}
            if own is not None:
                spec = own.model_dump(
                    mode="json", by_alias=True, exclude_none=True, exclude={"notify", "backup"}
                )
            self._cache[name] = effective(self.operator, spec | {"volume": VOLUME}, name)
        return self._cache[name]

    def backups_of(self, name: str) -> Backups | None:
        """Return the backup settings of the directory of that name, None for no backups; raise `Conflict`."""
        if name not in self._backups:
            self._backups[name] = resolved(self.backup_group(name))
        return self._backups[name]

    def backup_group(self, name: str) -> Object:
        """Return the group `backup` of the directory of that name, as plain data; empty for no backups.

        A directory's override that removes the repositories need not remove the settings that go with them.
        """
        own = self.override(name)
        if own is not None and own.backup is not None and own.backup.repositories == []:
            return {}
        layers = [self.config.backup, None if own is None else own.backup]
        found: Object = {}
        for layer in layers:
            if layer is not None:
                data = layer.model_dump(mode="json", by_alias=True, exclude_none=True)
                found = over(found, data)
        return found

    def backup_schedule(self, name: str) -> BackupSchedule:
        """Return the backup schedule of the directory of that name.

        All directories of a server have the same delay, so that they share processes; those of different servers are
        spread.
        """
        found, jitter = self.backups_of(name), self.operator.daily_jitter.seconds
        delay = float(int(slots.spread(self.name, "backup", jitter)))
        zone = self.of(name).times.time_zone
        if found is None:
            return BackupSchedule(None, None, zone, delay)
        drills = found.drill_schedule if found.drill_identity_file else None
        return BackupSchedule(found.schedule, drills, zone, delay)

    def is_muted(self, name: str) -> bool:
        """Return whether notifications for the directory are muted."""
        own = self.override(name)
        return own is not None and own.notify is False

    def override(self, name: str) -> DirectorySettings | None:
        """Return the overrides for the directory of that name."""
        for pattern, own in self.config.directories.items():
            if name == pattern or fnmatchcase(name, pattern):
                return own
        return None

    def generation(self, name: str) -> int:
        """Return a number that changes with the settings of that directory."""
        found = self.of(name)
        text = f"{found.settings_hash}{found.suspend}"
        return (zlib.crc32(text.encode()) & GENERATION_BITS) + 1

    def to_json(self) -> str:
        """Return the JSON for `from_json`."""
        data = {
            "config": self.config.model_dump(mode="json", by_alias=True, exclude_none=True),
            "roots": self.roots,
            "state": self.state,
            "argv": self.argv,
            "companies": self.companies,
            "nested": self.nested,
            "once": self.once,
            "host": self.host,
        }
        return json.dumps(data)

    @classmethod
    def from_json(cls, text: str) -> WatchSettings:
        """Read the settings from the command line."""
        data: Mapping[str, Any] = json.loads(text)
        return cls(
            config=WatchConfig.model_validate(data["config"]),
            roots=tuple(data["roots"]),
            state=data["state"],
            argv=tuple(data["argv"]),
            companies=tuple(data["companies"]),
            nested=data["nested"],
            once=data["once"],
            host=data["host"],
        )
