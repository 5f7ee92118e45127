"""The journal of a session directory: `.janitor~journal`, one line for each event.

    <checksum> <what> <time> <fields>

`begin` is written, and synced to the disk, before a run's first removal; `end` after its last. A begin
without an end is therefore a run that was killed. `undoing` and `undone` frame an undo in the same way, and
`purged` means that a run's trash is gone. A torn line (killed while writing it) fails its checksum and is
skipped. Only a holder of the lock writes; any process may read.

Any process that can write to the volume can forge a line. So the content is bounded and checked, and
a line only affects files that a plan names as well.
"""

from __future__ import annotations

import errno
import os

from baileys_janitor.volume.errors import (
    JANITOR_REFUSED,
    STATE_VANISHED,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.state_files import (
    create_state,
    open_state,
    read_bounded,
    replace_state,
    write_all,
)
from baileys_janitor.volume.files.state_names import JOURNAL, valid_run
from baileys_janitor.volume.report.codec import clean_groups, read_clean
from baileys_janitor.volume.report.codec_fields import NUMBER_MAX, BadResult, base36, checksum, word
from baileys_janitor.volume.report.results import OUTCOMES
from baileys_janitor.volume.report.run_results import CleanResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from baileys_janitor.volume.files.state_files import Owners

KEEP_SECONDS = 30 * 86_400
KEEP_RUNS = 200
MOST_RUNS = 2_500  # two in an hour, for more than 30 days
#: Of a longer journal only the end is read: the latest runs.
MAX_BYTES = 1024 * 1024
_PRUNE_FROM_BYTES = 64 * 1024  # a smaller journal is not worth a rewrite
_LONGEST_LINE = 1024  # characters; real lines have fewer than 300
_LONGEST_TIME = 8  # base-36 digits
_FINGERPRINT_MAX = 16
_COUNT_MAX = 200_000  # files of one run
_END_GROUPS = 2  # a run and its detail

#: The reason of a rotation, which has its own rules for keeping and restoring files.
ROTATE = "Rotate"

BEGIN, END, UNDOING, UNDONE, PURGED = "begin", "end", "undoing", "undone", "purged"


class Run:
    """The journal's record of one run. `result` is None until it has ended."""

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
        """Whether the run has begun to remove files, and has no recorded end."""
        return self.began and self.result is None


class Journal:
    """The runs of a directory, oldest first, and the methods to add to them."""

    def __init__(self, session: int, owners: Owners) -> None:
        """Read the journal of an open session directory; raise VolumeProblem.

        Without a journal there are no runs. JanitorRefused: the name belongs to something else.
        """
        self._session = session
        self._owners = owners
        self.runs: dict[str, Run] = {}
        self._inode = 0
        self._size = 0
        self._torn = False
        self._read()

    def begin(self, run: str, reason: str, fingerprint: str, now: int) -> None:
        """Record that removals are about to begin; make the journal if there is none.

        The line is on the disk on return; the directory is not synced. Raises OSError and
        VolumeProblem.
        VolumeProblem.
        """
        line = _line(BEGIN, now, f"{word(run)},{word(reason)},{word(fingerprint)}")
        self._append([line], make=True)

    def end(self, result: CleanResult, now: int) -> None:
        """Record how a run ended; raise OSError, and VolumeProblem(StateVanished) without a journal."""
        self._append([_line(END, now, ";".join(clean_groups(result, now)[:2]))])

    def end_all(self, results: Sequence[CleanResult], now: int) -> None:
        """Record how several runs ended, in one write."""
        lines = [_line(END, now, ";".join(clean_groups(each, now)[:2])) for each in results]
        if lines:
            self._append(lines)

    def mark(self, what: str, run: str, now: int) -> None:
        """Record `undoing`, `undone` or `purged` of a run; raise OSError and VolumeProblem."""
        self._append([_line(what, now, word(run))])

    def mark_all(self, what: str, runs: Iterable[str], now: int) -> None:
        """Record one event of several runs, in one write."""
        lines = [_line(what, now, word(run)) for run in runs]
        if lines:
            self._append(lines)

    def still_there(self) -> bool:
        """Return whether the journal that was read or made still has its name. Raises OSError."""
        try:
            found = os.lstat(JOURNAL, dir_fd=self._session)
        except FileNotFoundError:
            return False
        return found.st_ino == self._inode

    def vanished(self) -> bool:
        """Return whether a journal existed and is now gone or replaced. Raises OSError."""
        return self._inode != 0 and not self.still_there()

    def prune(self, now: int, keep: set[str]) -> None:
        """Forget runs that are older than 30 days and not among the last 200, except those in `keep`.

        Never keeps more than MOST_RUNS. Raises OSError; the old journal is then still there.
        """
        if self._size < _PRUNE_FROM_BYTES:
            return
        runs = list(self.runs.values())
        last = {run.run for run in runs[-KEEP_RUNS:]}
        most = {run.run for run in runs[-MOST_RUNS:]}
        kept = [
            run
            for run in runs
            if run.run in keep
            or run.run in last
            or (run.run in most and (run.unfinished or _is_recent(run.time, now)))
        ]
        text = "".join(line for run in kept for line in _lines(run))
        if len(text) * 4 > self._size * 3:
            return  # a rewrite would free less than a quarter
        if not self.still_there():
            raise VolumeProblem(STATE_VANISHED)
        replace_state(self._session, JOURNAL, text.encode("ascii"), self._owners)
        os.fsync(self._session)
        self.runs = {run.run: run for run in kept}
        self._inode = os.lstat(JOURNAL, dir_fd=self._session).st_ino
        self._size = len(text)

    def _read(self) -> None:
        try:
            file = open_state(self._session, JOURNAL, self._owners)
            if file is None:
                return
            try:
                found = os.fstat(file)
                self._inode, self._size = found.st_ino, found.st_size
                cut = max(0, found.st_size - MAX_BYTES)
                os.lseek(file, cut, os.SEEK_SET)
                text = read_bounded(file, MAX_BYTES).decode("ascii", "replace")
            finally:
                os.close(file)
        except OSError as error:
            raise problem_of(error) from error
        lines = text.split("\n")
        self._torn = lines.pop() != ""
        for line in lines[1 if cut else 0 :]:
            self._take(line)

    def _append(self, lines: list[str], *, make: bool = False) -> None:
        data = ("\n" if self._torn else "") + "".join(lines)
        file = self._open(make)
        try:
            before = os.fstat(file).st_size
            try:
                write_all(file, data.encode("ascii"))
                os.fsync(file)
            except OSError as error:
                if error.errno == errno.EFBIG:  # no journal of ours has that size
                    raise VolumeProblem(JANITOR_REFUSED) from error
                os.ftruncate(file, before)  # half a line would be skipped, but takes room
                raise
        finally:
            os.close(file)
        self._torn = False
        self._size = before + len(data)
        for line in lines:
            self._take(line.rstrip("\n"))

    def _open(self, make: bool) -> int:
        file = open_state(self._session, JOURNAL, self._owners, append=True)
        if file is not None:
            if not self._inode:
                self._inode = os.fstat(file).st_ino
            elif os.fstat(file).st_ino != self._inode:
                os.close(file)
                raise VolumeProblem(STATE_VANISHED)
            return file
        if not make or self._inode:
            raise VolumeProblem(STATE_VANISHED)
        file = create_state(self._session, JOURNAL, self._owners)
        self._inode = os.fstat(file).st_ino
        return file

    def _take(self, line: str) -> None:
        if len(line) > _LONGEST_LINE:
            return
        check, _, rest = line.partition(" ")
        parts = rest.split(" ", 2)
        if len(parts) != 3 or len(parts[1]) > _LONGEST_TIME or check != checksum(rest):
            return
        what, time, fields = parts
        try:
            self._note(what, int(time, 36), fields)
        except (BadResult, ValueError, IndexError):
            return  # forged, or a line of a later version

    def _note(self, what: str, time: int, fields: str) -> None:
        if what == END:
            run_and_detail = fields.split(";")
            if len(run_and_detail) != _END_GROUPS:
                return
            result = read_clean(run_and_detail, time)
            if _is_plausible(result):
                self._run(result.run, time).result = result
            return
        name, *more = fields.split(",")
        if what == BEGIN:
            reason, fingerprint = more
            run = self._run(name, time)
            run.reason, run.fingerprint = word(reason), word(fingerprint, _FINGERPRINT_MAX)
            run.began = True
            run.result = None  # a run that had moved nothing may begin again
        elif what in (UNDOING, UNDONE) and name in self.runs:
            run = self.runs[name]
            run.undoing, run.undone = what == UNDOING, what == UNDONE
        elif what == PURGED and name in self.runs:
            self.runs[name].purged = True

    def _run(self, name: str, time: int) -> Run:
        if not valid_run(name):
            raise ValueError("not a run id")
        if name not in self.runs:
            self.runs[name] = Run(name, time)
        return self.runs[name]


def _is_recent(time: int, now: int) -> bool:
    return now - KEEP_SECONDS < time < now + KEEP_SECONDS


def _is_plausible(result: CleanResult) -> bool:
    """Return whether a recorded result is possible for a run of ours, since it may be forged."""
    counts = (
        result.removed,
        result.left,
        result.before or 0,
        result.after or 0,
        result.recovered,
        result.in_trash,
        result.purged_early,
        result.returned,
    )
    words = [result.code or "", *(result.kept or {})]
    return (
        result.outcome in OUTCOMES
        and all(0 <= count <= _COUNT_MAX for count in counts)
        and all(0 <= number <= _COUNT_MAX for number in (result.kept or {}).values())
        and all(0 <= number <= _COUNT_MAX for number in result.removed_by_kind or ())
        and all(text == word(text) for text in words)
        and 0 <= result.freed_bytes <= NUMBER_MAX
        and 0 <= result.duration_ms <= NUMBER_MAX
        and abs(result.time or 0) <= NUMBER_MAX
    )


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
