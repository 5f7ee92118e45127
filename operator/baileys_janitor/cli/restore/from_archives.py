"""`restore --from`: selects sessions and archives, restores, and reports."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    dry_run_asked,
    paths_or_environment,
)
from baileys_janitor.cli.arguments.targets import Found, Target, find_targets
from baileys_janitor.cli.backup.naming import tenant_of_target
from baileys_janitor.cli.backup.owners import Owners
from baileys_janitor.cli.backup.sessions import LATEST, archive_name, is_archive
from baileys_janitor.cli.backup.settings import Asked, identities_of, opened
from baileys_janitor.cli.restore.one_session import (
    Request,
    Restore,
    is_a_directory,
    is_empty,
)
from baileys_janitor.cli.terminal.formatting import counted, watching
from baileys_janitor.cli.terminal.masking import printable, shown_path
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.progress import with_progress
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt
from baileys_janitor.policy.archives.restore_codes import SAFE
from baileys_janitor.volume.scanning.quiet import AFTERWARDS_SECONDS, WATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baileys_janitor.cli.backup.documents import RestoreSessionDocument

    Looked = dict[Restore, RestoreSessionDocument]


AT_ONCE = 16
"""The number of archives held in memory, and of directories watched, at the same time."""


class Typed:
    """The command line as typed, to print it again with other options."""

    def __init__(self, values: Mapping[str, Any], paths: Sequence[str]) -> None:
        self._values = values
        self._paths = paths

    def with_options(self, *options: str) -> str:
        """Return the command line with these options added."""
        from baileys_janitor.cli.terminal.pasting import command

        words = []
        for option, name in (
            *(("--from", "urls"), ("--config", "config_path"), ("--repository", "repository_name")),
            *(("--endpoint", "endpoint"), ("--region", "region"), ("--credentials", "credentials")),
            *(("--identity", "identity"), ("--fingerprint", "fingerprint")),
            *(("--fingerprints", "fingerprints_file"), ("--mode", "mode"), ("--tenant", "tenant")),
        ):
            if self._values.get(name):
                words += [option, str(self._values[name])]
        for each in self._values["companies"]:
            words += ["--company", each]
        for each in self._values["acknowledged"]:
            words += ["--acknowledge", each]
        every = ["--all"] if self._values["every"] else []
        return command("restore", *every, *options, *words, paths=self._paths)


def run(paths: tuple[str, ...], values: Mapping[str, Any], pause: Callable[[float], None]) -> int:
    """Run the command; `values` are its parameters by name, `pause` waits for some seconds."""
    asked = Asked(values)
    places = asked.places()
    if len(places) > 1:
        names = ", ".join(each.name for each in places)
        raise usage(f"A restore is from one repository: give --repository NAME ({names}).")
    owners = Owners(values["fingerprint"], values["fingerprints_file"])
    archive = values["archive"]
    if len(paths) > 1 and is_archive(paths[-1]) and not os.path.lexists(paths[-1]):
        paths, archive = paths[:-1], paths[-1]
    request = Request(
        opened(places[0], reading=True),
        identities_of(values["identity"], asked),
        archive_name(archive or LATEST),
        values["mode"] or SAFE,
        values["acknowledged"],
    )
    found = _targets(paths_or_environment(paths), values, owners)
    restores = [_restore(each, values, request, owners) for each in found.targets]
    typed = Typed({**values}, [*paths, *([archive] if archive else [])])
    return _Run(restores, Problems(found), typed, pause).carry_out(values)


def _restore(
    target: Target, values: Mapping[str, Any], request: Request, owners: Owners
) -> Restore:
    tenant = values["tenant"] or tenant_of_target(target)
    return Restore(target, tenant, request, owners.of(tenant))


def _targets(paths: Sequence[str], values: Mapping[str, Any], owners: Owners) -> Found:
    """Return the directories to restore into: with --all the recorded ones, else the only one."""
    if values["every"]:
        return _recorded(paths, values, owners)
    if len(paths) != 1:
        raise usage("A restore is into one directory: give one PATH, or a root and --all.")
    [path] = paths
    if not os.path.lexists(path) or is_empty(path):
        own = os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119
        return Found([Target(path, ".", shown_path(path), own.removeprefix("company_"))], [])
    found = find_targets([path], values["companies"], values["pattern"])
    if len(found.targets) == 1:
        return found
    if found.targets:
        raise usage(
            f"PATH holds {len(found.targets)} session directories: name one of them, by its path or --company, or "
            "restore all that you have recorded with --all --fingerprints FILE."
        )
    raise found.problems[0][1] if found.problems else usage("PATH holds no session directory.")


def _recorded(paths: Sequence[str], values: Mapping[str, Any], owners: Owners) -> Found:
    if not owners.recorded:
        raise usage(
            "--all restores the sessions that you have recorded: give --fingerprints and the file that "
            "`baileys-janitor backup fingerprints` has printed."
        )
    if len(paths) != 1:
        raise usage("--all restores beneath one directory: give the root that held the sessions.")
    if values["tenant"]:
        raise usage("--tenant names one session, --all means every one: leave one of them out.")
    [root] = paths
    if not is_a_directory(root):
        raise usage(
            f"{shown_path(root)} is not a directory: create it first, with the owner of the sessions."
        )
    targets = [
        Target(
            root,
            each.directory,
            printable(os.path.join(root, each.directory)),  # noqa: PTH118
            "/".join(part.removeprefix("company_") for part in each.directory.split("/")),
        )
        for each in owners.recorded
    ]
    companies = values["companies"]
    for company in companies:
        if not any(company in (each.company, each.path) for each in targets):
            raise usage(f"--company {printable(company)}: no line of --fingerprints is about it.")
    if companies:
        targets = [each for each in targets if each.company in companies or each.path in companies]
    return Found(targets, [])


class _Run:
    """The requested restores, a few at a time, since a whole archive of each is held in memory."""

    def __init__(
        self,
        restores: Sequence[Restore],
        problems: Problems,
        typed: Typed,
        pause: Callable[[float], None],
    ) -> None:
        self._restores = restores
        self._problems = problems
        self._typed = typed
        self._pause = pause
        self._interrupt = Interrupt()
        self._documents: list[RestoreSessionDocument] = []

    def carry_out(self, values: Mapping[str, Any]) -> int:
        """Make the dry run of each restore, apply it if requested, and print the outcomes."""
        apply = values["apply"]
        if apply and dry_run_asked():
            say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
            apply = False
        if apply:
            self._require_stopped(stopped=values["stopped"])
        with self._interrupt.heeded():
            for at in range(0, len(self._restores), AT_ONCE):
                looked = self._look(self._restores[at : at + AT_ONCE])
                if apply:
                    looked = self._apply(looked)
                self._documents += looked.values()
                for restore in looked:
                    restore.forget()
        self._problems.say()
        self._print(values["output"])
        if self._interrupt.asked:
            say("Interrupted; only the sessions listed as restored were restored.")
            return EXIT_INTERRUPTED
        return EXIT_FAILED if self._problems else EXIT_DONE

    def _look(self, restores: Sequence[Restore]) -> Looked:
        looked: Looked = {}
        for restore in with_progress(restores, "Getting the archives of"):
            if self._interrupt.asked:
                break
            try:
                looked[restore] = document = restore.look()
            except Problem as problem:
                self._problems.add(restore.target, problem)
                continue
            if document["code"] is not None:
                self._add(restore, f"{document['message']}", document["code"])
        return looked

    def _apply(self, looked: Looked) -> Looked:
        going = [each for each, document in looked.items() if document["code"] is None]
        live = [each for each in going if not each.is_empty]
        if live:
            names = live[0].target.shown if len(live) == 1 else counted(len(live), "directory")
            say(watching(names, WATCH_SECONDS))
        done = dict(looked)
        quiet = self._quiet(live, WATCH_SECONDS)
        for restore in going:
            if self._interrupt.asked:
                break
            if restore in live and restore not in quiet:
                text = "the session's files were just written, so its process runs: nothing was restored."
                self._add(restore, f"{text} Stop it first.", "StillWriting")
                continue
            try:
                done[restore] = document = restore.apply(looked[restore], self._interrupt)
            except Problem as problem:
                self._problems.add(restore.target, problem)
                continue
            if document["code"] is not None:
                self._add(restore, f"{document['message']}", document["code"])
        self._look_again([each for each, document in done.items() if document["applied"]])
        return done

    def _look_again(self, restored: Sequence[Restore]) -> None:
        quiet = self._quiet(restored, AFTERWARDS_SECONDS)
        for each in restored:
            if each not in quiet:
                text = (
                    f"a process has written to the session within {AFTERWARDS_SECONDS:.0f} seconds after the restore,"
                    " so it was not stopped, and what it held in memory may be on the disk again. Scan the directory."
                )
                self._add(each, text, "WrittenOver")

    def _quiet(self, restores: Sequence[Restore], seconds: float) -> set[Restore]:
        """Return the restores whose directories no process writes to for some seconds; all are watched at once."""
        if not restores:
            return set()
        with ThreadPoolExecutor(len(restores)) as pool:
            found = pool.map(
                lambda each: each.is_quiet(self._pause, self._interrupt, seconds), restores
            )
            return {each for each, quiet in zip(restores, found, strict=True) if quiet}

    def _add(self, restore: Restore, text: str, code: str) -> None:
        shown = restore.target.shown
        self._problems.add(restore.target, Problem(f"{shown}: {text}", code=code))

    def _require_stopped(self, *, stopped: bool) -> None:
        """Ask whether the processes are stopped; without a terminal --stopped is required."""
        if stopped:
            return
        what = "the process that uses this session"
        if len(self._restores) != 1:
            what = f"every process that uses one of these {counted(len(self._restores), 'session')}"
        if sys.stdin.isatty() and sys.stderr.isatty():
            if click.confirm(f"Is {what} stopped, here and elsewhere?", err=True):
                return
            raise Problem(
                "Nothing was restored: two processes with one session break it.", code="NotStopped"
            )
        ready = self._typed.with_options("--stopped", "--apply")
        raise usage(
            f"--apply needs --stopped: two processes with one session break it. Once {what} is stopped, here and "
            f"elsewhere: {ready}"
        )

    def _print(self, output: str) -> None:
        from baileys_janitor.cli.restore.text import print_restore, print_restores
        from baileys_janitor.cli.terminal.json_output import RESTORE_SESSION_SCHEMA

        if output in MACHINE_FORMATS:
            print_document(RESTORE_SESSION_SCHEMA, self._documents, self._problems, output)
            return
        ready = self._typed.with_options("--stopped", "--apply")
        if len(self._restores) > 1:
            print_restores(self._documents, time.time(), ready)
            return
        for document in self._documents:
            [restore] = self._restores
            print_restore(
                document, restore.newest_write, time.time(), ready, restore.target.full_path
            )
