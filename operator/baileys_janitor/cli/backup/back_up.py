"""Backs up one directory after the other from the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import SENTENCES
from baileys_janitor.backup.latest import fingerprint_of
from baileys_janitor.backup.results import FAILED, BackupResult, Destination, Keep
from baileys_janitor.backup.run import back_up
from baileys_janitor.cli.backup.naming import directory_of, tenant_of_target
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import counted, rfc3339, watching
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy import reasons
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.scanning.quiet import WATCH_SECONDS, is_quiet

if TYPE_CHECKING:
    from baileys_janitor.backup.results import RepositoryResult
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.backup.documents import BackupDocument, RepositoryDocument
    from baileys_janitor.cli.terminal.signals import Interrupt

_WATCHED_AT_ONCE: Final = 32
_BROKEN: Final = {
    reasons.CREDENTIALS_CORRUPT: "creds.json cannot be read, so nothing was put: the archives of before stay.",
    reasons.CREDENTIALS_ABSENT: "creds.json is missing, so nothing was put: the archives of before stay.",
}


class Work:
    """The settings of a backup for every directory; `pause` waits for some seconds."""

    def __init__(
        self,
        destinations: Sequence[Destination],
        recipients: Sequence[str],
        keep: Keep,
        *,
        stopped: bool,
        force: bool,
        pause: Callable[[float], None],
    ) -> None:
        self._destinations = destinations
        self._recipients = recipients
        self._keep = keep
        self._stopped = stopped
        self._force = force
        self._pause = pause
        self._tenants: dict[str, Target] = {}
        self._running: set[str] = set()

    def watch(self, targets: Sequence[Target], interrupt: Interrupt) -> None:
        """With `stopped`, watch the directories for a minute, in case a process still writes to them."""
        if not self._stopped or not targets:
            return
        say(watching(counted(len(targets), "directory"), WATCH_SECONDS))

        def is_running(target: Target) -> bool:
            try:
                with opened(target) as directory:
                    return not is_quiet(directory, self._pause, interrupt.code)
            except Problem:
                return False  # its backup reports the problem

        with ThreadPoolExecutor(min(len(targets), _WATCHED_AT_ONCE)) as pool:
            for target, running in zip(targets, pool.map(is_running, targets), strict=True):
                if running:
                    self._running.add(target.full_path)

    def back_up(self, target: Target, interrupt: Interrupt) -> tuple[BackupDocument, list[Problem]]:
        """Back up one directory; return the document and the problems. Raises Problem if the backup cannot start."""
        tenant = self._name(target)
        if target.full_path in self._running:
            raise Problem(
                f"{target.shown}: the session's files were just written, so its process runs: nothing was "
                "put. Stop it, or leave out --stopped.",
                code="StillWriting",
            )

        def tick() -> None:
            code = interrupt.code()
            if code is not None:
                raise VolumeProblem(code)

        with opened(target) as directory:
            result = back_up(
                directory,
                tenant=tenant,
                destinations=self._destinations,
                recipients=self._recipients,
                keep=self._keep,
                now=time.time(),
                quiesced=self._stopped,
                force=self._force,
                tick=tick,
            )
        return _document(target, tenant, result), list(self._problems(target, result))

    def _name(self, target: Target) -> str:
        """Return the tenant's name; raise Problem if another directory of this run has the same."""
        tenant = tenant_of_target(target)
        first = self._tenants.setdefault(tenant, target)
        if first is not target:
            raise Problem(
                f"{target.shown} would be archived under the same name as {first.shown} ({directory_of(target)}): back "
                "it up in a run of its own, to a prefix of its own.",
                code="SameName",
            )
        return tenant

    def _problems(self, target: Target, result: BackupResult) -> list[Problem]:
        if result.code is not None and result.outcome == FAILED:
            return [_session_problem(target, result.code, result.message or "")]
        return repository_problems(target.shown, result, several=len(self._destinations) > 1)


def repository_problems(shown: str, result: BackupResult, *, several: bool) -> list[Problem]:
    """Return the problems with repositories; each is named if there are several."""

    def place(repository: RepositoryResult) -> str:
        return f"{repository.name}: " if several else ""

    problems = [
        Problem(f"{shown}: {place(each)}{each.message}", code=each.code or "Failed")
        for each in result.repositories
        if each.outcome == FAILED
    ]
    for each in result.repositories:
        code = each.retention_code
        if code is None or each.outcome == FAILED or each.put_only:
            continue
        sentence = SENTENCES.get(code, code)
        text = f"{shown}: {place(each)}old archives stay: {sentence}"
        problems.append(Problem(text, code=code))
    return problems


def _session_problem(target: Target, code: str, sentence: str) -> Problem:
    if code in _BROKEN:
        restore = command("restore", "--mode", "Credentials", paths=[target.full_path])
        way_out = reasons.SAVE_CREDENTIALS.replace(reasons.RESTORE_COMMAND, restore)
        sentence = f"{_BROKEN[code]} {way_out}"
    return Problem(f"{target.shown}: {sentence}", code=code)


def _document(target: Target, tenant: str, result: BackupResult) -> BackupDocument:
    return {
        "path": target.shown,
        "company": target.company,
        "tenant": tenant,
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "time": rfc3339(result.time),
        "files": result.files,
        "missing": result.missing,
        "unreadable": result.unreadable,
        "fingerprint": str(fingerprint_of(result)) if result.fingerprint else None,
        "forgotten": result.forgotten,
        "duration": round(result.seconds, 3),
        "repositories": [repository_document(each) for each in result.repositories],
    }


def repository_document(result: RepositoryResult) -> RepositoryDocument:
    """Return the document for the outcome of one repository."""
    found = result.unknown
    return {
        "name": result.name,
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "archive": result.archive,
        "time": rfc3339(result.time),
        "bytes": result.size,
        "verified": result.verified,
        "archives": result.archives,
        "oldest": rfc3339(result.oldest),
        "removed": result.removed,
        "putOnly": result.put_only,
        "retentionCode": result.retention_code,
        "unknown": None
        if found is None
        else {"earlier": found.earlier, "among": found.among, "ahead": found.ahead},
    }
