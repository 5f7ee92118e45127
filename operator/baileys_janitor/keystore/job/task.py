"""The task of a Job for a key store: one JSON argument. The connection's URL is in a file, never in the task.

    {"v":1,"action":"keys-clean","run":"20261128-030000-1a2b3c","reason":"Daily","dryRun":false,
     "urlFile":"/connection/url","caFile":"/authority/ca.crt","keys":{...},"credentials":{...},
     "settings":[...],"schema":"baileys_janitor","archive":true,"memory":true,"undoWindow":259200,
     "limits":[500,0.05,5.0,0.2,300]}

A backup or a drill also has the whole task of a backup's Job (`backup.job.task`), as a text: `"backup":"..."`. The one
member of a backup stands for all sessions, and its name is the prefix of theirs; the members of a drill are sessions.
`after` is the place at which an earlier Job of the same round ended (`keystore.job.back_up`).

`keys` and `credentials` are those of the resource's spec, `settings` is `policy.settings.Settings.to_data`, `limits`
are rows a batch and then seconds: the pause, the statement timeout, the lock timeout and the whole run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from baileys_janitor.backup.job.task import BACKUP, DRILL, BackupTask
from baileys_janitor.job.document import read_task
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.settings import Settings
from baileys_janitor.volume.files.state_names import valid_run

VERSION: Final = 1
SCAN: Final = "keys-scan"
CLEAN: Final = "keys-clean"
BACK_UP: Final = "keys-backup"
REHEARSE: Final = "keys-drill"
ACTIONS: Final = (SCAN, CLEAN, BACK_UP, REHEARSE)
_OF_BACKUP: Final = {BACK_UP: BACKUP, REHEARSE: DRILL}
_TEXT_MAX: Final = 4096
_PLACE: Final = re.compile(r"[0-9a-f]{6}|", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTask:
    """The work of one Job. Times are seconds."""

    action: str
    url_file: str
    ca_file: str | None = None
    run: str = ""
    reason: str = ""
    dry_run: bool = True
    keys: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    schema: str = "baileys_janitor"
    archive: bool = True
    memory: bool = True
    undo_window: float = 72 * 3600.0
    batch: int = 500
    pause: float = 0.05
    statement_timeout: float = 5.0
    lock_timeout: float = 0.2
    duration: float = 300.0
    backup: BackupTask | None = None
    after: str = ""

    def to_json(self) -> str:
        """Return the argument."""
        data = {
            "v": VERSION,
            "action": self.action,
            "run": self.run,
            "reason": self.reason,
            "dryRun": self.dry_run,
            "urlFile": self.url_file,
            "caFile": self.ca_file,
            "keys": self.keys,
            "credentials": self.credentials,
            "settings": self.settings.to_data(),
            "schema": self.schema,
            "archive": self.archive,
            "memory": self.memory,
            "undoWindow": self.undo_window,
            "limits": [
                self.batch,
                self.pause,
                self.statement_timeout,
                self.lock_timeout,
                self.duration,
            ],
        }
        if self.backup is not None:
            data |= {"backup": self.backup.to_json(), "after": self.after}
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> StoreTask:
        """Read the argument; raises BadTask with one sentence."""
        data = read_task(text, VERSION)
        action = _text(data, "action")
        if action not in ACTIONS:
            raise BadTask(f"action must be one of {', '.join(ACTIONS)}")
        run = _text(data, "run")
        if action == CLEAN and not valid_run(run):
            raise BadTask("run must be lower-case letters, digits and dashes")
        batch, pause, statement, lock, duration = _limits(data.get("limits"))
        return cls(
            action=action,
            url_file=_text(data, "urlFile"),
            ca_file=None if data.get("caFile") is None else _text(data, "caFile"),
            run=run,
            reason=_text(data, "reason"),
            dry_run=_flag(data, "dryRun"),
            keys=_mapping(data, "keys"),
            credentials=_mapping(data, "credentials"),
            settings=_settings(data.get("settings")),
            schema=_text(data, "schema"),
            archive=_flag(data, "archive"),
            memory=_flag(data, "memory"),
            undo_window=_number("undoWindow", data.get("undoWindow")),
            batch=int(batch),
            pause=pause,
            statement_timeout=statement,
            lock_timeout=lock,
            duration=duration,
            backup=_backup(action, data.get("backup")),
            after=_place(data.get("after", "")),
        )


def _backup(action: str, text: object) -> BackupTask | None:
    wanted = _OF_BACKUP.get(action)
    if wanted is None:
        return None
    if not isinstance(text, str):
        raise BadTask("backup must be the task of a backup's Job")
    found = BackupTask.from_json(text)
    if found.action != wanted:
        raise BadTask("backup must be of the same action")
    return found


def _place(value: object) -> str:
    if not isinstance(value, str) or not _PLACE.fullmatch(value):
        raise BadTask("after must be six hexadecimal digits, or empty")
    return value


def _settings(data: object) -> Settings:
    try:
        return Settings.from_data(data)
    except ValueError as problem:
        raise BadTask(f"settings: {problem}") from None


def _limits(data: object) -> list[float]:
    if not isinstance(data, list) or len(data) != 5:
        raise BadTask("limits must be a list of 5")
    return [_number("limits", value) for value in data]


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e10:
        raise BadTask(f"{name} must be a number of at least 0")
    return float(value)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or len(value) > _TEXT_MAX:
        raise BadTask(f"{name} must be a text")
    return value


def _flag(data: dict[str, Any], name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool):
        raise BadTask(f"{name} must be true or false")
    return value


def _mapping(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    if not isinstance(value, dict):
        raise BadTask(f"{name} must be an object")
    return value
