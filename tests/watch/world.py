"""A server with virtual time: model directories, a real state file, and a watch that can be killed at any moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baileys_janitor.api.config.watch_config import WatchConfig
from baileys_janitor.job.result import CleanResult, PurgeResult, ScanResult
from baileys_janitor.volume.runs.journal import Run
from baileys_janitor.watch.directories import Found, Place
from baileys_janitor.watch.reconciler import Reconciler
from baileys_janitor.watch.record import DirectoryRecord, JournalMark
from baileys_janitor.watch.settings import WatchSettings
from baileys_janitor.watch.state import StateFile
from tests.schedule.simulation import Directory
from tests.watch.vault import Vault

ROOT = "/srv/sessions"
NOON = 1_795_003_200.0
"""2026-11-18 12:00:00 UTC."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


class Killed(BaseException):
    """The process is gone in the middle of something."""


@dataclass
class Hands:
    """A clock that the test sets. `asleep` and `set_by` part Unix and monotonic time."""

    wall: float = NOON
    even: float = 1000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.even

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.even += seconds


@dataclass
class Deed:
    """Something that the watch has done."""

    time: float
    name: str
    what: str
    run: str = ""
    outcome: str = ""


class Post:
    """Channels: what arrived, and whether they work."""

    def __init__(self) -> None:
        self.arrived: list[dict[str, Any]] = []
        self.begun: list[dict[str, Any]] = []
        self.works = True
        self.lost_answers = 0
        """So many of the next messages arrive, and nobody learns of it."""

    def start(self, request: dict[str, Any]) -> Under:
        self.begun.append(request)
        return Under(self, request)

    @property
    def titles(self) -> list[str]:
        return [each["document"]["title"] for each in self.arrived]


class Under:
    """A message under way."""

    def __init__(self, post: Post, request: dict[str, Any]) -> None:
        self._post, self._request = post, request

    def answer(self) -> dict[str, Any]:
        if not self._post.works:
            return {"outcome": "failed", "why": "no answer", "retryAfter": None, "lasting": False}
        self._post.arrived.append(self._request)
        if self._post.lost_answers:
            self._post.lost_answers -= 1
            raise Killed
        return {"outcome": "sent"}

    def give_up(self, _seconds: float) -> dict[str, Any]:
        return self.answer()


@dataclass
class Server:
    """Directories by name, and what was done to them."""

    state: Path
    directories: dict[str, Directory] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    hands: Hands = field(default_factory=Hands)
    deeds: list[Deed] = field(default_factory=list)
    sent: Post = field(default_factory=Post)
    vault: Vault = field(default_factory=Vault)
    foreign: dict[str, list[Run]] = field(default_factory=dict)
    kill_at: Callable[[str, str], bool] = lambda _what, _name: False
    """Asked before and after each deed: "clean", "cleaned", "scan"."""
    once: bool = False
    watch: Reconciler | None = None
    _file: StateFile | None = None

    def settings(self) -> WatchSettings:
        data = {"schedule": {"timeZone": "UTC"}, **self.config}
        config = WatchConfig.model_validate(data, extra="forbid")
        return WatchSettings(config, (ROOT,), str(self.state), once=self.once, host="server1")

    def start(self) -> Reconciler:
        """A new process begins."""
        self._file = StateFile(str(self.state))
        self._file.take()
        self.watch = Reconciler(
            self.settings(),
            self.hands,
            self._file,
            lambda: None,
            volume=self,
            send=self.sent.start,
            back_up=lambda tasks, seconds: self.vault.start(self.hands, tasks, seconds),
            find=self._find,
        )
        return self.watch

    def stop(self, *, killed: bool = False) -> None:
        """The process ends, or is killed: then nothing is saved any more."""
        assert self._file is not None
        if self.watch is not None and not killed:
            self.watch.save(self.hands.now(), force=True)
        self._file.release()
        self.watch = None

    def restart(self, *, killed: bool = False) -> Reconciler:
        self.stop(killed=killed)
        return self.start()

    def live(self, seconds: float) -> None:
        """Let the watch work for so long; a kill ends the process and begins another one."""
        end = self.hands.even + seconds
        while self.hands.even < end:
            assert self.watch is not None
            try:
                until = self.watch.turn()
            except Killed:
                self.restart(killed=True)
                continue
            pause = min(max(until - self.hands.wall, 0.5), end - self.hands.even)
            if self.watch.notifier.is_sending:
                # The end of the sending process wakes the loop.
                pause = min(pause, 0.5)
            if self.watch.backups.is_working:
                pause = min(pause, max(0.001, self.vault.ends_in(self.hands)))
            self.hands.pass_(max(pause, 0.001))

    def record(self, name: str) -> DirectoryRecord:
        assert self.watch is not None
        return self.watch.records["server1", name]

    def cleaned(self, name: str, *, by: str = "clean") -> list[Deed]:
        """What was really removed, in order."""
        return [
            d for d in self.deeds if d.name == name and d.what == by and d.outcome != "Repeated"
        ]

    # What `watch.work` does

    def _find(self, settings: WatchSettings, _key: bytes) -> Found:
        places = [Place(ROOT, f"company_{name}", name) for name in self.directories]
        return Found(places)

    def _model(self, record: DirectoryRecord) -> Directory | None:
        return self.directories.get(record.path.removeprefix("company_"))

    def _maybe_kill(self, what: str, name: str) -> None:
        if self.kill_at(what, name):
            raise Killed

    def look(
        self, record: DirectoryRecord, _settings: object, now: float, _stop: object
    ) -> ScanResult:
        self._maybe_kill("scan", record.name)
        model = self._model(record)
        if model is None:
            return ScanResult(error="DirectoryMissing")
        self.deeds.append(Deed(now, record.name, "scan"))
        return model.look(now)

    def clean(
        self,
        record: DirectoryRecord,
        _settings: object,
        run: str,
        reason: str,
        now: float,
        _stop: object,
        *,
        dry_run: bool,
        **_more: object,
    ) -> CleanResult:
        self._maybe_kill("clean", record.name)
        model = self._model(record)
        if model is None:
            return CleanResult(run, "Failed", code="DirectoryMissing")
        result = model.clean(run, now, dry_run=dry_run)
        self.deeds.append(Deed(now, record.name, "clean", run, result.outcome))
        self.deeds.append(Deed(now, record.name, reason, run, result.outcome))
        self._maybe_kill("cleaned", record.name)
        return result

    def purge(
        self, record: DirectoryRecord, _window: float, now: float, _stop: object
    ) -> PurgeResult:
        self.deeds.append(Deed(now, record.name, "purge"))
        model = self._model(record)
        if model is not None:
            model.trash = 0
        return PurgeResult("Completed", runs=1, trash_runs=0)

    def read_journal(self, record: DirectoryRecord) -> tuple[JournalMark, list[Run]] | None:
        runs = self.foreign.get(record.name, [])
        mark = (1, len(runs), 0)
        return None if mark == record.journal else (mark, runs)

    def keep_copy(self, record: DirectoryRecord, *_: object) -> None:
        return None

    def clean_by_cron(self, name: str, *, reason: str = "CommandLine") -> str:
        """`clean --apply` beside the watch."""
        now = self.hands.wall
        id_ = f"cli-{len(self.foreign.get(name, []))}-{int(now)}"
        run = Run(id_, int(now))
        run.began, run.reason = True, reason
        run.result = self.directories[name].clean(id_, now)
        run.result.time = int(now)
        self.foreign.setdefault(name, []).append(run)
        return id_
