"""The record of one session directory: a tenant without a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from baileys_janitor.notify.incidents import DIRECTORY
from baileys_janitor.tenants.fault import CODE, Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.volume.errors import DIRECTORY_MISSING, SENTENCES
from baileys_janitor.volume.scanning.unchanged import Seen
from baileys_janitor.watch.settings import WatchSettings

JournalMark = tuple[int, int, int]
"""The version of a journal: inode, size, time of the last change."""
GONE = (
    "The session directory is gone: nothing is to be done if it was removed on purpose, and it is forgotten a day "
    "later. Else bring it back."
)
UNREADABLE = (
    "The session directory could not be scanned ({code}); the watch tries again automatically."
)


@dataclass(slots=True)
class DirectoryRecord(TenantRecord):
    """One session directory, opened as `path` beneath `root`. Times are Unix seconds."""

    kind: ClassVar[str] = DIRECTORY

    root: str = ""
    path: str = "."
    journal: JournalMark | None = None
    """The version of the journal that was read last; None before the first time."""
    shared: bool = False
    """Whether another process looks after the directory too; this is logged once."""
    gone_since: float | None = None
    """Since when it is missing beneath its root."""
    seen: Seen | None = None
    """The result of the last scan, until a file changes."""
    copied_at: float | None = None
    """When creds.json was last checked for a due copy."""

    @property
    def full_path(self) -> str:
        """The absolute path."""
        return self.root if self.path == "." else os.path.join(self.root, self.path)  # noqa: PTH118

    def fault_of(self, code: str) -> Fault:
        """Return the fault of a code of `volume.errors`, with its remedy on one server."""
        if not CODE.fullmatch(code):
            code = "SystemError"
        if code == DIRECTORY_MISSING:
            return Fault(code, GONE)
        return Fault(code, SENTENCES.get(code) or UNREADABLE.format(code=code))

    def settle_in(self, settings: WatchSettings, now: float) -> None:
        """Apply the settings; if they have changed, request a scan at once."""
        generation = settings.generation(self.name)
        if self.resource.generation not in (0, generation):
            self.jobs.want_scan()
            self.backoff.hurry(now)
        if self.effective is not None and self.effective.suspend:
            self.scan.resume(now)
        self.resource.set_spec(generation, generation)
        self.resource.set_effective(settings.of(self.name))
        self.resource.annotate(None, settings.is_muted(self.name), None)
        backups = settings.backups_of(self.name)
        names = () if backups is None else [each.name for each in backups.repositories]
        self.backup.configure(names, now)

    def _take_up_backups(self) -> None:
        """Count claimed backups as failed, so that one that kills its process is not retried at once."""
        self.backup.interrupt()

    def see_journal(self, mark: JournalMark) -> None:
        """Record the version of the journal that has been read."""
        self.journal = mark

    def remember(self, seen: Seen | None) -> None:
        """Record the result of a scan."""
        self.seen = seen

    def share(self) -> None:
        """Record that another process looks after the directory, too."""
        self.shared = True

    def lose(self, now: float) -> None:
        """Record that the directory is missing."""
        self.gone_since = now if self.gone_since is None else self.gone_since

    def find_again(self) -> None:
        """Record that the directory is there."""
        self.gone_since = None

    def copied(self, now: float) -> None:
        """Record that creds.json was checked for a due copy."""
        self.copied_at = now

    def shift(self, step: float) -> None:
        """Shift every time after a clock change."""
        TenantRecord.shift(self, step)
        self.gone_since = None if self.gone_since is None else self.gone_since + step
        self.copied_at = None if self.copied_at is None else self.copied_at + step
