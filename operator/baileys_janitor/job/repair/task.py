"""The task of a repair: one JSON argument. The contact or group is in a Secret's files, never in the task.

{"v":1,"run":"20261128-093500-ab12","volume":"/volumes/000","path":"company-1","named":"/contact","dryRun":false,
 "deadline":50}
"""

from __future__ import annotations

import json

from baileys_janitor.job.document import read_task
from baileys_janitor.job.task import BadTask
from baileys_janitor.volume.files.state_names import valid_run

VERSION = 1
REPAIR = "repair"
"""The action in the Job's label."""
CONTACT, GROUP = "contact", "group"
"""The keys of the Secret, and the files in the directory `named`: a contact, a group, or both."""
_TEXT_MAX = 4096
_DEADLINE_MAX = 3600


class RepairTask:
    """The work of one Job.

    `run` is the id under which the volume's journal records it, and by which it is undone. `volume` is the mount path
    of the claim, `path` the session directory beneath it, `named` the directory with the Secret's files. After
    `deadline` seconds the run ends between two files.
    """

    __slots__ = ("deadline", "dry_run", "named", "path", "run", "volume")

    def __init__(
        self, run: str, volume: str, path: str, named: str, *, deadline: int, dry_run: bool = False
    ) -> None:
        self.run = run
        self.volume = volume
        self.path = path
        self.named = named
        self.deadline = deadline
        self.dry_run = dry_run

    def to_json(self) -> str:
        """Return the argument of `baileys-janitor repair-job`."""
        data = {
            "v": VERSION,
            "run": self.run,
            "volume": self.volume,
            "path": self.path,
            "named": self.named,
            "dryRun": self.dry_run,
            "deadline": self.deadline,
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> RepairTask:
        """Read the argument; raise BadTask with one sentence that names the field."""
        data = read_task(text, VERSION)
        run = data.get("run")
        if not isinstance(run, str) or not valid_run(run):
            raise BadTask("run must be 1 to 32 lower-case letters, digits or hyphens")
        dry_run, deadline = data.get("dryRun"), data.get("deadline")
        if not isinstance(dry_run, bool):
            raise BadTask("dryRun must be true or false")
        if type(deadline) is not int or not 0 < deadline <= _DEADLINE_MAX:
            raise BadTask(f"deadline must be a number of seconds, at most {_DEADLINE_MAX}")
        volume, named = _text("volume", data.get("volume")), _text("named", data.get("named"))
        if not volume.startswith("/") or not named.startswith("/"):
            raise BadTask("volume and named must be absolute paths")
        path = _text("path", data.get("path"))
        return cls(run, volume, path, named, deadline=deadline, dry_run=dry_run)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value or len(value) > _TEXT_MAX:
        raise BadTask(f"{name} must be a text of at most {_TEXT_MAX} characters")
    return value
