"""The resident process of `baileys-janitor watch`: signals, the loop, and how it ends.

It gets its settings from the command line, which has ended by then: see `settings`. Everything happens in one
thread, and only signals interrupt its waits; only the metrics are served from a thread of their own.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from baileys_janitor import __version__, log_lines
from baileys_janitor.api.conditions.backup_conditions import BACKUP_CONDITIONS
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.own_process import own_command
from baileys_janitor.status import level_and_ready
from baileys_janitor.volume.errors import INTERRUPTED
from baileys_janitor.watch.clock import MachineClock
from baileys_janitor.watch.reconciler import Reconciler
from baileys_janitor.watch.record import DirectoryRecord
from baileys_janitor.watch.service_manager import ServiceManager
from baileys_janitor.watch.settings import WatchSettings
from baileys_janitor.watch.state import StateFile, StateProblem

if TYPE_CHECKING:
    from baileys_janitor.watch.metrics import MetricsServer

logger = logging.getLogger("janitor.watch")

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
RELOAD_SECONDS = 60
"""Time limit in seconds for reading the settings again."""
STATUS_SECONDS = 60.0
"""Minimum seconds from one status line for the service manager to the next."""
SETTINGS_FD = "--settings-fd"
"""The command's hidden option: write the settings there instead of watching."""
GRAVE = frozenset({"Stalled", "CredentialsCorrupt", "CredentialsMissing"})
"""Conditions that make a run for cron fail."""
_HURRY = 128


class Signals:
    """Requests to the process. A second request to end ends it at once, which the journals tolerate."""

    def __init__(self) -> None:
        self.ending = False
        self.reload = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._end)
        signal.signal(signal.SIGHUP, self._reload)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self.ending:
            os._exit(_HURRY + number)
        self.ending = True

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload = True

    def code(self) -> str | None:
        """Return the volume's code for work that must end now."""
        return INTERRUPTED if self.ending else None

    def wake(self) -> None:
        """End a wait of the loop, from another thread."""
        with suppress(BlockingIOError):
            os.write(self._write, b"w")

    def wait(self, seconds: float) -> None:
        """Return after this many seconds, or when a signal has arrived."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        if poll.poll(max(0.0, seconds) * 1000):
            while len(os.read(self._read, 512)) == 512:
                pass


class Watch:
    """One resident process."""

    def __init__(self, settings: WatchSettings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._signals = Signals()
        self._service = ServiceManager(environ)
        self._file = StateFile(settings.state)
        self._told = 0.0
        self._metrics: MetricsServer | None = None

    def run(self) -> int:
        """Watch until asked to end; return the exit code."""
        try:
            self._file.take()
        except StateProblem as problem:
            print(f"Error: {problem}", file=sys.stderr)  # noqa: T201 - a sentence for people, as any command's
            return EXIT_FAILED
        try:
            return self._run()
        except StateProblem as problem:
            print(f"Error: {problem}", file=sys.stderr)  # noqa: T201 - see above
            return EXIT_FAILED
        finally:
            self._file.release()

    def _run(self) -> int:
        clock = MachineClock()
        self._reconciler = Reconciler(self._settings, clock, self._file, self._stop)
        if self._settings.once:
            return self._once()
        logger.info("Watching: baileys-janitor %s", __version__)
        self._serve_metrics()
        self._reconciler.find(self._reconciler.now())
        self._service.ready(self._line())
        gc.collect()
        gc.freeze()
        while not self._signals.ending:
            until = self._reconciler.turn()
            self._tell()
            self._answer()
            if self._signals.reload:
                self._reload()
                continue
            self._wait(until)
        self._service.stopping()
        self._reconciler.end()
        logger.info("Ended")
        return EXIT_DONE

    def _wait(self, until: float) -> None:
        """Wait until then or for a signal; scrapers are answered meanwhile, without a turn of the loop."""
        while not (self._signals.ending or self._signals.reload):
            seconds = self._pause(until - self._reconciler.now())
            before = time.monotonic()
            self._signals.wait(seconds)
            if self._metrics is None or not self._metrics.wanted:
                return
            self._answer()
            if time.monotonic() - before >= seconds:
                return

    def _serve_metrics(self) -> None:
        address = self._settings.config.metrics
        if not address:
            return
        from baileys_janitor.watch.metrics import Counts, MetricsServer

        self._counts = Counts()
        try:
            self._metrics = MetricsServer(address, self._signals.wake)
        except (OSError, OverflowError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no such port"
            told = (
                f"Metrics cannot be served at {address} ({why}): name another --metrics HOST:PORT."
            )
            raise StateProblem(told) from None
        self._reconciler.bus.subscribe(self._counts.hear)

    def _answer(self) -> None:
        if self._metrics is None or not self._metrics.wanted:
            return
        from baileys_janitor.watch.metrics import page

        watch, now = self._reconciler, self._reconciler.now()
        self._metrics.answer(
            page(
                list(watch.records.values()),
                self._counts,
                now,
                watch.breaker.any(now) is not None,
                watch.notifier.counts,
                watch.notifier.failing,
                self._settings.config.metrics_per_directory,
            )
        )

    def _once(self) -> int:
        self._reconciler.look_at_all()
        troubled = [
            each for each in self._reconciler.records.values() if GRAVE & {*each.stored.signs}
        ]
        for record in troubled:
            logger.error(
                "It cannot be looked after",
                extra={"tenant": record.name, "reason": record.stored.status.get("attention")},
            )
        unsafe = [each for each in self._reconciler.records.values() if _is_unsafe(each)]
        failed = troubled or unsafe or self._reconciler.roster.problems
        return EXIT_FAILED if failed else EXIT_DONE

    def _stop(self) -> str | None:
        self._service.alive()
        return self._signals.code()

    def _pause(self, seconds: float) -> float:
        watchdog = self._service.watchdog_seconds
        return seconds if watchdog is None else min(seconds, watchdog / 3)

    def _tell(self) -> None:
        self._service.alive()
        now = time.monotonic()
        if now - self._told >= STATUS_SECONDS:
            self._told = now
            self._service.status(self._line())

    def _line(self) -> str:
        now = self._reconciler.now()
        records = list(self._reconciler.records.values())
        levels = Counter(level_and_ready.level_of(record, now) or "Unknown" for record in records)
        order = ("Emergency", "Critical", "Warning", "Healthy", "Unknown")
        told = ", ".join(f"{levels[level]} {level}" for level in order if levels[level])
        return f"{len(records)} session directories: {told or 'none yet'}"

    def _reload(self) -> None:
        """Read the settings again; bad ones are logged, and the old ones stay."""
        self._signals.reload = False
        self._service.reloading(time.clock_gettime(time.CLOCK_MONOTONIC))
        try:
            self._take(read_anew(self._settings))
        except Unreadable as problem:
            logger.error("The settings stay as they are: %s", problem)  # noqa: TRY400
        self._service.ready(self._line())

    def _take(self, fresh: WatchSettings) -> None:
        old = self._settings
        for name, changed in (
            ("the state file", fresh.state != old.state),
            ("the address of the metrics", fresh.config.metrics != old.config.metrics),
            ("the name of the server", fresh.name != old.name),
        ):
            if changed:
                raise Unreadable(f"{name} has changed, and that takes a restart.")
        self._settings = fresh
        set_up_log(fresh)
        self._reconciler.reload(fresh)
        logger.info("The settings were read anew")


def _is_unsafe(record: DirectoryRecord) -> bool:
    """Return whether a directory's backup is missing or could not be restored; the log has the reason."""
    conditions = record.stored.status.get("conditions") or ()
    return any(c["type"] in BACKUP_CONDITIONS and c["status"] == "False" for c in conditions)


class Unreadable(Exception):  # noqa: N818 - what users read
    """The reason why settings cannot be read again: one sentence."""


def read_anew(settings: WatchSettings) -> WatchSettings:
    """Ask the command line for the settings; raise Unreadable."""
    ours, theirs = os.pipe()
    command = own_command(
        "baileys_janitor", *settings.argv[:1], SETTINGS_FD, str(theirs), *settings.argv[1:]
    )
    text = b""
    try:
        with subprocess.Popen(
            command,
            pass_fds=(theirs,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            os.close(theirs)
            theirs = -1
            timer = RELOAD_SECONDS
            with os.fdopen(ours, "rb") as file:
                ours = -1
                text = file.read()
            try:
                _, said = child.communicate(timeout=timer)
            except subprocess.TimeoutExpired:
                child.kill()
                raise Unreadable("reading them took too long.") from None
            if child.returncode != 0 or not text:
                raise Unreadable(_sentence(said))
    finally:
        for each in (ours, theirs):
            if each >= 0:
                os.close(each)
    return WatchSettings.from_json(text.decode())


def _sentence(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("Error: ")[:500] if lines else "they could not be read."


def set_up_log(settings: WatchSettings) -> None:
    """Log as configured."""
    log_lines.set_up(settings.config.logging)


def begin(argv: Sequence[str]) -> int:
    """Watch with the settings in an open file of the command line; its number is the only argument."""
    try:
        with os.fdopen(int("".join(argv)), encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        print("Error: this is started by `baileys-janitor watch`, not by people.", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    return main(text)


def main(text: str, environ: Mapping[str, str] = os.environ) -> int:
    """Watch with the settings in `text`; return the exit code."""
    settings = WatchSettings.from_json(text)
    set_up_log(settings)
    try:
        return Watch(settings, environ).run()
    except InvalidTenant as problem:
        print(f"Error: {problem.message}", file=sys.stderr)  # noqa: T201 - see above
        return EXIT_FAILED


def start(settings: WatchSettings) -> Any:
    """Replace this process by the resident one; does not return. That frees the modules for reading settings."""
    data = settings.to_json().encode()
    file = os.memfd_create("settings", 0) if hasattr(os, "memfd_create") else _temporary()
    os.write(file, data)
    os.lseek(file, 0, os.SEEK_SET)
    os.set_inheritable(file, True)
    sys.stdout.flush()
    sys.stderr.flush()
    # One malloc arena, and free memory is returned: the metrics have a thread of their own.
    lean = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}
    command = own_command("baileys_janitor", "watch-process", str(file))
    os.execve(sys.executable, command, lean | dict(os.environ))  # noqa: S606


def _temporary() -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
