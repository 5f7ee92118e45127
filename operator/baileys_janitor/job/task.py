"""The task that a Job gets: one JSON argument.

    {"v":1,"action":"scan","settings":[...],"members":[["/volumes/0","company_1",0,null,null]],
     "deadline":50}

`settings` is a list because many members share one; a member names its own by position.
"""

from __future__ import annotations

from ..policy.json_text import JsonError, compact, parse
from ..policy.settings import Settings
from ..volume.state_names import valid_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

VERSION = 1
SCAN, CLEAN, UNDO, PURGE = "scan", "clean", "undo", "purge"
ACTIONS = (SCAN, CLEAN, UNDO, PURGE)
MEMBERS_MAX = 50  # what a result of 4,096 bytes has room for
_SINGLE = (CLEAN, UNDO)


class BadTask(ValueError):  # noqa: N818  # pairs with BadResult
    """The task cannot be carried out as it is written; the message names the field."""


class Member:
    """One tenant's session directory.

    `volume` is where its claim is mounted (an absolute path), `path` the directory beneath it ("." for
    the volume itself), `settings_index` its place in the task's settings. `active_since` is Unix seconds,
    or None while the tenant is stopped or unknown; `known` says that the operator has looked before, so
    that None means stopped. `run` asks a scan for the journal's record of one run id.
    """

    __slots__ = ("active_since", "known", "path", "run", "settings_index", "volume")

    def __init__(
        self,
        volume: str,
        path: str = ".",
        settings_index: int = 0,
        active_since: float | None = None,
        run: str | None = None,
        known: bool = False,
    ) -> None:
        self.volume = volume
        self.path = path
        self.settings_index = settings_index
        self.active_since = active_since
        self.run = run
        self.known = known

    def to_data(self) -> list[Any]:
        """The positional form inside a task."""
        data = [self.volume, self.path, self.settings_index, self.active_since, self.run]
        return [*data, self.known] if self.known else data


class Task:
    """What a Job is to do.

    `run` is the id that the operator claimed (clean) or the run to put back (undo; None is the latest).
    `reason` is kept in the journal. `undo_window` and `deadline` are seconds; after `deadline` the Job ends
    by itself between two removals, with a result.
    """

    __slots__ = (
        "action",
        "deadline",
        "dry_run",
        "emergency",
        "members",
        "reason",
        "run",
        "settings",
        "undo_window",
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

    def to_json(self) -> str:
        """The argument of `baileys-janitor job`; raises BadTask when the task makes no sense."""
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
        }
        data.update({name: value for name, value in optional.items() if value})
        text = compact(data)
        Task.from_json(text)
        return text

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Read a task; raises BadTask with one sentence naming the field."""
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
        members = _read_members(data.get("members"), len(settings), action)
        run = data.get("run")
        if (action == CLEAN or run is not None) and not valid_run(run):
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
        )


def _read_settings(data: object) -> list[Settings]:
    if not isinstance(data, list) or len(data) > MEMBERS_MAX:
        raise BadTask(f"settings: a list of at most {MEMBERS_MAX}")
    try:
        return [Settings.from_data(each) for each in data]
    except (ValueError, TypeError, IndexError, KeyError) as problem:
        raise BadTask(f"settings: {problem}") from problem


def _read_members(data: object, settings: int, action: str) -> list[Member]:
    if not isinstance(data, list) or not 1 <= len(data) <= MEMBERS_MAX:
        raise BadTask(f"members: a list of 1 to {MEMBERS_MAX}")
    if action in _SINGLE and len(data) != 1:
        raise BadTask(f"members: a {action} is for one directory")
    return [_read_member(each, f"members[{i}]", settings, action) for i, each in enumerate(data)]


def _read_member(data: object, field: str, settings: int, action: str) -> Member:
    if not isinstance(data, list) or not 5 <= len(data) <= 6:
        raise BadTask(f"{field}: a list of volume, path, settings, activeSince, run")
    volume, path, index, active_since, run = data[:5]
    if not isinstance(volume, str) or not volume.startswith("/") or "\0" in volume:
        raise BadTask(f"{field}: the volume is an absolute path")
    if not isinstance(path, str) or "\0" in path:
        raise BadTask(f"{field}: the path is text")
    needed = action in (SCAN, CLEAN)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise BadTask(f"{field}: the settings are named by their position")
    if needed and index >= settings:
        raise BadTask(f"{field}: there are no settings at position {index}")
    # Compared, not converted: a number of any length can stand here, and 1e999 is infinite.
    if active_since is not None and not (_is_number(active_since) and abs(active_since) < 1e12):
        raise BadTask(f"{field}: activeSince is Unix seconds or null")
    if run is not None and not valid_run(run):
        raise BadTask(f"{field}: the run asked for is no run id")
    return Member(volume, path, index, active_since, run, data[5:] == [True])


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
