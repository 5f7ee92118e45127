"""Reports on session directories of this server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.arguments.options import paths_or_environment
from baileys_janitor.cli.report.destination import require_replaceable
from baileys_janitor.cli.report.making import NAMED_MOST, Making
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.report.model import DIRECTORIES, ThresholdsDocument, WatchDocument
from baileys_janitor.report.words import rfc3339

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.report.watched import Watched
    from baileys_janitor.policy.settings import Settings, Thresholds
    from baileys_janitor.report.model import ReportDocument

_OF_DIRECTORIES: Final = (
    "It shows what directories and their journals hold. A journal keeps the cleanups of 30 days, also those of a cron "
    "line; a cleanup that found nothing to remove leaves no line."
)


class MakingOfDirectories(Making):
    """Builds a report on directories."""

    def of_directories(
        self,
        paths: tuple[str, ...],
        companies: tuple[str, ...],
        pattern: str | None,
        settings: Settings,
        state: str | None,
    ) -> ReportDocument:
        """Return a report on session directories."""
        from baileys_janitor.cli.arguments.targets import find_targets, skipped_line
        from baileys_janitor.cli.report.directories import add_directories
        from baileys_janitor.cli.terminal.progress import with_progress

        lost = self.incident
        if lost is not None and not paths and os.path.isdir(lost):  # noqa: PTH112 - a path as typed
            paths = (lost,)
        found = find_targets(paths_or_environment(paths), companies, pattern)
        if not found.targets and found.problems:
            raise found.problems[0][1]
        targets = found.targets if lost is None else [_directory(found.targets, lost)]
        if self.to is not None:
            require_replaceable(self.to, [target.full_path for target in targets])
        for target in found.targets:  # before the first message that may name another target
            self.names.name(target.shown)
        for shown, problem in found.problems:
            self.fail(self.names.name(shown), problem)
        watched = self._watched(state)
        add_directories(
            with_progress(targets, "Looking at"),
            settings,
            self.names,
            self.collector,
            self.sees,
            watched,
            found.twice,
        )
        skipped = skipped_line(found.skipped)
        about = [_OF_DIRECTORIES, *([self.names.name(skipped)] if skipped else [])]
        watch: WatchDocument | None = None
        if watched is not None:
            watch = {"works": watched.works, "saved": rfc3339(watched.saved)}
        return self.finished(DIRECTORIES, about, _limits(settings.thresholds), watch)

    def _watched(self, state: str | None) -> Watched | None:
        """Return the watch's state; a state file that was named must exist, the default one may be missing."""
        from baileys_janitor.cli.report.watched import read_watched

        try:
            return read_watched(state, self.now)
        except Problem as problem:
            if state is not None:
                raise
            self.fail("watch", problem)
            return None


def _limits(limits: Thresholds) -> ThresholdsDocument:
    return {
        "warning": limits.warning,
        "critical": limits.critical,
        "trigger": limits.trigger,
        "emergency": limits.emergency,
        "danger": limits.danger,
    }


def _directory(targets: list[Target], wanted: str) -> Target:
    """Return the directory with a name or a path."""
    place = os.path.realpath(wanted)
    for target in targets:
        if os.path.realpath(target.full_path) == place:
            return target
    names = {
        target: {target.company, target.path, os.path.basename(target.full_path)}  # noqa: PTH119
        for target in targets
    }
    found = [target for target in targets if wanted in names[target]]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(target.shown for target in found[:NAMED_MOST])
        raise usage(f"--incident {printable(wanted)} could be each of {shown}; give its path.")
    present = ", ".join((target.company or target.shown) for target in targets[:NAMED_MOST])
    more = ", ..." if len(targets) > NAMED_MOST else ""
    raise usage(f"--incident {printable(wanted)}: no such session here; present: {present}{more}.")
