"""The task of a Job: one JSON argument.

    {"v":2,"action":"scan","settings":[...],"members":[["/volumes/0","company_1",0,"1;..."]],
     "deadline":50,"time":1795000000,"wait":300}

`settings` is a list because many members share one; a member refers to its own by index. In a Job that keeps copies
of creds.json, a member refers to an index in `copies`: [[copies of one pairing, seconds from one to the next]].
"""

from __future__ import annotations

import json

from baileys_janitor.policy.archives.credential_copies import KEEP_MOST
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.policy.settings import Settings
from baileys_janitor.volume.files.state_names import valid_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

VERSION = 2
SCAN, CLEAN, UNDO, PURGE, KEEP = "scan", "clean", "undo", "purge", "keep"
ROTATE, ROLLBACK = "rotate", "rollback"
ACTIONS = (SCAN, CLEAN, UNDO, PURGE, KEEP, ROTATE, ROLLBACK)
MEMBERS_MAX = 25  # this many fit into a result of 4,096 bytes
WATCH_SECONDS = 60.0
WATCH_AFTER_SECONDS = 10.0
_WATCHED = (ROTATE, ROLLBACK)
_SINGLE = (CLEAN, UNDO, ROTATE, ROLLBACK)


class BadTask(ValueError):  # noqa: N818  # pairs with BadResult
    """The task is invalid; the message names the field."""


class Member:
    """One tenant's session directory.

    `volume` is the mount path of its claim (an absolute path), `path` the directory beneath it ("." for the volume
    itself), `settings_index` its index in the task's settings, or in its copies. `running` is the operator's
    memory of the tenant's running time, as `policy.ages.running_text` writes it; None without one.
    """

    __slots__ = ("path", "running", "settings_index", "volume")

    def __init__(
        self,
        volume: str,
        path: str = ".",
        settings_index: int = 0,
        running: str | None = None,
    ) -> None:
        self.volume = volume
        self.path = path
        self.settings_index = settings_index
        self.running = running

    def to_data(self) -> list[Any]:
        """Return the list for the JSON of a task."""
        return [self.volume, self.path, self.settings_index, self.running]


class Task:
    """The work of a Job.

    `run` is the id that the operator claimed (clean, rotate) or the run to put back (undo, rollback; None is the
    latest). `reason` is kept in the journal. `undo_window` (of a rotation: how long it is kept for a rollback) and
    `deadline` are seconds; after `deadline` the Job ends by itself between two removals, with a result. `time` is the
    operator's, in Unix seconds, and `wait` how many seconds its Job may wait for a node: a node with another time
    removes nothing. `copies` holds how many copies of creds.json are kept of one pairing, and the age in seconds of the
    newest at which another one is due; a cleanup with it keeps one first. `watch` and `watch_after` are the seconds
    without a write to a session required before and after it is rotated or rolled back.
    """

    __slots__ = (
        "action",
        "copies",
        "deadline",
        "dry_run",
        "emergency",
        "members",
        "reason",
        "run",
        "settings",
        "time",
        "undo_window",
        "wait",
        "watch",
        "watch_after",
    )

    def __init__(
        self,
        action: str,
        members: Sequence[Member],
        settings: Sequence[Settings],
        *,
        run: str | None = None,
        reason: str = "",
        emergency: bool = False,
        dry_run: bool = False,
        undo_window: float = 86400.0,
        deadline: float | None = None,
        time: float | None = None,
        wait: float = 0.0,
        copies: Sequence[tuple[int, float]] = (),
        watch: float = WATCH_SECONDS,
        watch_after: float = WATCH_AFTER_SECONDS,
    ) -> None:
        self.action = action
        self.members = list(members)
        self.settings = list(settings)
        self.run = run
        self.reason = reason
        self.emergency = emergency
        self.dry_run = dry_run
        self.undo_window = undo_window
        self.deadline = deadline
        self.time = time
        self.wait = wait
        self.copies = list(copies)
        self.watch = watch
        self.watch_after = watch_after

    def to_json(self) -> str:
        """Return the argument of `baileys-janitor job`; raise BadTask when the task is invalid."""
        data: dict[str, Any] = {
            "v": VERSION,
            "action": self.action,
            "settings": [settings.to_data() for settings in self.settings],
            "members": [member.to_data() for member in self.members],
        }
        if self.action != SCAN:
            data["undoWindow"] = self.undo_window
        optional = {
            "run": self.run,
            "reason": self.reason,
            "emergency": self.emergency,
            "dryRun": self.dry_run,
            "deadline": self.deadline,
            "time": self.time,
            "wait": self.wait,
            "copies": [list(each) for each in self.copies],
        }
        data.update({name: value for name, value in optional.items() if value})
        if self.action in _WATCHED:
            data.update({"watch": self.watch, "watchAfter": self.watch_after})
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        Task.from_json(text)
        return text

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Read a task; raise BadTask with one sentence naming the field."""
        try:
            data = parse(text)
        except JsonError as problem:
            raise BadTask("the task is not JSON") from problem
        if not isinstance(data, dict):
            raise BadTask("the task is not a JSON object")
        if data.get("v") != VERSION:
            raise BadTask(f"v: this program understands tasks of version {VERSION} only")
        action = data.get("action")
        if action not in ACTIONS:
            raise BadTask("action: one of " + ", ".join(ACTIONS))
        settings = _read_settings(data.get("settings", []))
        copies = _read_copies(data.get("copies", []))
        named = len(copies if action == KEEP else settings)
        members = _read_members(data.get("members"), named, action)
        run = data.get("run")
        if (action in (CLEAN, ROTATE) or run is not None) and not valid_run(run):
            raise BadTask(
                "run: 1 to 32 lower-case letters, digits or '-', beginning with a letter or digit"
            )
        return cls(
            action,
            members,
            settings,
            run=run,
            reason=_typed(data, "reason", str, ""),
            emergency=_typed(data, "emergency", bool, False),
            dry_run=_typed(data, "dryRun", bool, False),
            undo_window=_seconds(data, "undoWindow", 86400.0) or 0.0,
            deadline=_seconds(data, "deadline", None),
            time=_seconds(data, "time", None),
            wait=_seconds(data, "wait", 0.0) or 0.0,
            copies=copies,
            watch=_seconds(data, "watch", WATCH_SECONDS) or 0.0,
            watch_after=_seconds(data, "watchAfter", WATCH_AFTER_SECONDS) or 0.0,
        )


def _read_settings(data: object) -> list[Settings]:
    if not isinstance(data, list) or len(data) > MEMBERS_MAX:
        raise BadTask(f"settings: a list of at most {MEMBERS_MAX}")
    try:
        return [Settings.from_data(each) for each in data]
    except (ValueError, TypeError, IndexError, KeyError) as problem:
        raise BadTask(f"settings: {problem}") from problem


def _read_copies(data: object) -> list[tuple[int, float]]:
    if not isinstance(data, list) or len(data) > MEMBERS_MAX:
        raise BadTask(f"copies: a list of at most {MEMBERS_MAX}")
    return [_read_copy(each, f"copies[{i}]") for i, each in enumerate(data)]


def _read_copy(data: object, field: str) -> tuple[int, float]:
    if not isinstance(data, list) or len(data) != 2:
        raise BadTask(f"{field}: a list of copies, seconds")
    keep, every = data
    if not isinstance(keep, int) or isinstance(keep, bool) or not 1 <= keep <= KEEP_MOST:
        raise BadTask(f"{field}: 1 to {KEEP_MOST} copies")
    if not _is_number(every) or not 0 <= every < 1e10:
        raise BadTask(f"{field}: a number of seconds")
    return keep, every


def _read_members(data: object, settings: int, action: str) -> list[Member]:
    if not isinstance(data, list) or not 1 <= len(data) <= MEMBERS_MAX:
        raise BadTask(f"members: a list of 1 to {MEMBERS_MAX}")
    if action in _SINGLE and len(data) != 1:
        raise BadTask(f"members: a {action} is for one directory")
    return [_read_member(each, f"members[{i}]", settings, action) for i, each in enumerate(data)]


def _read_member(data: object, field: str, settings: int, action: str) -> Member:
    if not isinstance(data, list) or len(data) != 4:
        raise BadTask(f"{field}: a list of volume, path, settings, running")
    volume, path, index, running = data
    if not isinstance(volume, str) or not volume.startswith("/") or "\0" in volume:
        raise BadTask(f"{field}: the volume must be an absolute path")
    if not isinstance(path, str) or "\0" in path:
        raise BadTask(f"{field}: the path must be text")
    needed = action in (SCAN, CLEAN, KEEP)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise BadTask(f"{field}: the settings are named by their position")
    if needed and index >= settings:
        raise BadTask(f"{field}: there are no settings at position {index}")
    if running is not None and not isinstance(running, str):
        raise BadTask(f"{field}: the memory of the running time must be text or null")
    return Member(volume, path, index, running)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _seconds(data: dict[str, Any], name: str, default: float | None) -> float | None:
    value = data.get(name, default)
    if value is not None and (not _is_number(value) or not 0 <= value < 1e10):
        raise BadTask(f"{name}: a number of seconds")
    return value


def _typed(data: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = data.get(name, default)
    if not isinstance(value, kind):
        raise BadTask(f"{name}: wrong type")
    return value
