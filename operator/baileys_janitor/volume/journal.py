"""The journal of a session directory: `.janitor/journal`, one line for each thing that happened.

    <checksum> <what> <time> <fields>

`begin` is written, and synced to the disk, before a run's first removal; `end` after its last. A begin
without an end is therefore a run that was killed. `undoing` and `undone` frame an undo in the same way, and
`purged` says that a run's trash is gone. A torn line (killed while writing it) fails its checksum and is
passed over. Only a holder of the lock writes; anybody may read.
"""

from __future__ import annotations

import os

from .household import adopt
from .problems import problem_of
from .report import CleanResult
from .wire import BadResult, base36, checksum, clean_groups, read_clean, word

JOURNAL_NAME = "journal"
KEEP_SECONDS = 30 * 86_400
KEEP_RUNS = 200
MOST_RUNS = 5_000  # a run every ten minutes for more than 30 days
_NEW_NAME = "journal.new"
_READ_MAX = 8 * 1024 * 1024
_PRUNE_FROM = 64 * 1024  # bytes; below that nothing is worth a rewrite

BEGIN, END, UNDOING, UNDONE, PURGED = "begin", "end", "undoing", "undone", "purged"


class Run:
    """What the journal knows of one run. `result` is None while it has not ended."""

    __slots__ = (
        "began",
        "fingerprint",
        "purged",
        "reason",
        "result",
        "run",
        "time",
        "undoing",
        "undone",
    )

    def __init__(self, run: str, time: int) -> None:
        self.run = run
        self.time = time
        self.began = False
        self.reason = ""
        self.fingerprint = ""
        self.result: CleanResult | None = None
        self.undoing = False
        self.undone = False
        self.purged = False

    @property
    def unfinished(self) -> bool:
        """Whether it removed, or was about to remove, and never said how it ended."""
        return self.began and self.result is None


class Journal:
    """The runs of a directory, oldest first, and the way to add to them."""

    def __init__(self, janitor: int) -> None:
        """Read the journal in an open `.janitor`; raises VolumeProblem. No journal is an empty one."""
        self._janitor = janitor
        self.runs: dict[str, Run] = {}
        self._torn = False
        try:
            text = _read(janitor)
        except OSError as error:
            raise problem_of(error) from error
        self._size = len(text)
        lines = text.split("\n")
        self._torn = lines.pop() != ""
        for line in lines:
            self._take(line)

    def begin(self, run: str, reason: str, fingerprint: str, now: int) -> None:
        """Record that removals are about to happen. On the disk when this returns; raises OSError."""
        self._append(BEGIN, now, f"{word(run)},{word(reason)},{word(fingerprint)}")

    def end(self, result: CleanResult, now: int) -> None:
        """Record how a run ended; raises OSError."""
        self._append(END, now, ";".join(clean_groups(result, now)[:2]))

    def mark(self, what: str, run: str, now: int) -> None:
        """Record `undoing`, `undone` or `purged` of a run; raises OSError."""
        self._append(what, now, word(run))

    def prune(self, now: int, keep: set[str]) -> None:
        """Forget runs that are older than 30 days and not among the last 200, except those in `keep`.

        Never more than MOST_RUNS are remembered. Raises OSError; the old journal is then still there.
        """
        if self._size < _PRUNE_FROM:
            return
        runs = list(self.runs.values())
        last = {run.run for run in runs[-KEEP_RUNS:]}
        most = {run.run for run in runs[-MOST_RUNS:]}
        kept = [
            run
            for run in runs
            if run.run in keep
            or run.unfinished
            or run.run in last
            or (run.run in most and run.time > now - KEEP_SECONDS)
        ]
        if len(kept) * 4 > len(runs) * 3:
            return  # rewriting would free less than a quarter
        text = "".join(line for run in kept for line in _lines(run))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(_NEW_NAME, flags, 0o600, dir_fd=self._janitor)
        try:
            _write(file, text.encode("ascii"))
            os.fsync(file)
        finally:
            os.close(file)
        adopt(self._janitor, _NEW_NAME)
        os.rename(_NEW_NAME, JOURNAL_NAME, src_dir_fd=self._janitor, dst_dir_fd=self._janitor)
        os.fsync(self._janitor)
        self.runs = {run.run: run for run in kept}
        self._size = len(text)

    def _append(self, what: str, now: int, fields: str) -> None:
        line = _line(what, now, fields)
        data = ("\n" if self._torn else "") + line
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(JOURNAL_NAME, flags, 0o600, dir_fd=self._janitor)
        try:
            before = os.fstat(file).st_size
            if before == 0:
                adopt(self._janitor, JOURNAL_NAME)
            try:
                _write(file, data.encode("ascii"))
                os.fsync(file)
                if before == 0:
                    os.fsync(self._janitor)
            except OSError:
                os.ftruncate(file, before)  # half a line would only be passed over, but takes room
                raise
        finally:
            os.close(file)
        self._torn = False
        self._size = before + len(data)
        self._take(line.rstrip("\n"))

    def _take(self, line: str) -> None:
        check, _, rest = line.partition(" ")
        parts = rest.split(" ", 2)
        if len(parts) != 3 or check != checksum(rest):
            return
        what, time, fields = parts
        try:
            self._note(what, int(time, 36), fields)
        except (BadResult, ValueError, IndexError):
            return  # a line of a later version

    def _note(self, what: str, time: int, fields: str) -> None:
        if what == END:
            result = read_clean(fields.split(";"), time)
            self._run(result.run, time).result = result
            return
        run = self._run(fields.split(",")[0], time)
        if what == BEGIN:
            _, run.reason, run.fingerprint = fields.split(",")
            run.began = True
        elif what in (UNDOING, UNDONE):
            run.undoing, run.undone = what == UNDOING, what == UNDONE
        elif what == PURGED:
            run.purged = True

    def _run(self, name: str, time: int) -> Run:
        if name not in self.runs:
            self.runs[name] = Run(name, time)
        return self.runs[name]


def _line(what: str, time: int, fields: str) -> str:
    rest = f"{what} {base36(time)} {fields}"
    return f"{checksum(rest)} {rest}\n"


def _lines(run: Run) -> list[str]:
    lines = []
    if run.began:
        lines.append(_line(BEGIN, run.time, f"{run.run},{run.reason},{run.fingerprint}"))
    if run.result is not None:
        lines.append(_line(END, run.time, ";".join(clean_groups(run.result, run.time)[:2])))
    marks = ((UNDOING, run.undoing), (UNDONE, run.undone), (PURGED, run.purged))
    return lines + [_line(what, run.time, run.run) for what, holds in marks if holds]


def _read(janitor: int) -> str:
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(JOURNAL_NAME, flags, dir_fd=janitor)
    except FileNotFoundError:
        return ""
    try:
        parts = []
        room = _READ_MAX
        while room > 0 and (part := os.read(file, min(room, 1 << 20))):
            parts.append(part)
            room -= len(part)
        return b"".join(parts).decode("ascii", "replace")
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
