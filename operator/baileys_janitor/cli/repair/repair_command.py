"""`baileys-janitor repair`: make the library rebuild one contact's sessions, or a group's keys."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    dry_run_asked,
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.repair.naming import ASK
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say
from baileys_janitor.cli.terminal.problems import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Problem,
    usage,
)
from baileys_janitor.cli.terminal.reporting import Problems, print_document
from baileys_janitor.cli.terminal.signals import Interrupt

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Found, Target
    from baileys_janitor.cli.repair.repairing import Repair
    from baileys_janitor.cli.terminal.json_output import ContactsDocument, RepairDocument
    from baileys_janitor.policy.contact.request import Request

STOPPED, RUNNING = "stopped", "running"
_NAMED_AT_MOST = 10


@click.command(
    "repair",
    cls=Documented,
    examples=(
        (
            "baileys-janitor repair /srv/sessions/962303 --contact",
            "What would move for one contact; asks for the number. Nothing is touched.",
        ),
        (
            "baileys-janitor repair /srv/sessions/962303 --apply --contact",
            "Move it, once the process that uses the session is stopped; undo puts it back.",
        ),
        (
            "baileys-janitor repair /srv/sessions/962303 --list",
            "The contacts by hash, for --hash.",
        ),
        (
            "baileys-janitor repair /srv/sessions/962303 --group 120363000000000001",
            "A group cannot read our messages: our own key of the group would move.",
        ),
    ),
)
@target_options
@click.option(
    "--contact",
    is_flag=False,
    flag_value=ASK,
    metavar="[NUMBER]",
    help="The contact's phone number; asked for without one, - reads standard input.",
)
@click.option(
    "--lid", is_flag=False, flag_value=ASK, metavar="[LID]", help="The contact, by its LID."
)
@click.option(
    "--hash", "digest", metavar="HASH", help="The contact, as --list and reports name it."
)
@click.option(
    "--group",
    is_flag=False,
    flag_value=ASK,
    metavar="[ID]",
    help="Our own key of a group; with a contact, that contact's key of the group.",
)
@click.option("--all-authors", is_flag=True, help="With --group: the keys of all other members.")
@click.option("--list", "listing", is_flag=True, help="Show the contacts with their hashes.")
@click.option("--apply", is_flag=True, help="Move the files; without it nothing is touched.")
@click.option(
    "--stopped", "state", flag_value=STOPPED, help="The process that uses the session is stopped."
)
@click.option(
    "--running",
    "state",
    flag_value=RUNNING,
    help="The process runs: check after six minutes whether files came back.",
)
@output_option("table", "json", "yaml")
def command(
    paths: tuple[str, ...],
    companies: tuple[str, ...],
    pattern: str | None,
    contact: str | None,
    lid: str | None,
    digest: str | None,
    group: str | None,
    all_authors: bool,
    listing: bool,
    apply: bool,
    state: str | None,
    output: str,
) -> int:
    """End "Waiting for this message" for one contact or group, without pairing again.

    Shows what would move; with --apply, moves the contact's sessions into the trash, so that the library
    builds new ones. Stop the process that uses the session first, or use --running: it writes back what it
    has in memory. See undo.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.repair.naming import request_of
    from baileys_janitor.cli.repair.repairing import Repair
    from baileys_janitor.volume.operations import new_run_id

    given = {"contact": contact, "lid": lid, "hash": digest, "group": group}
    _check(given, all_authors=all_authors, listing=listing, apply=apply, state=state)
    if not paths:
        _check_no_path_was_taken(given)
    found = find_targets(paths_or_environment(paths), companies, pattern)
    problems = Problems(found)
    if listing:
        return _list(found, problems, output)
    if problems:
        problems.say()
        return EXIT_FAILED
    request = request_of(given, all_authors=all_authors)
    target = _only(found.targets, request)
    interrupt = Interrupt()
    repair = Repair(target, request, new_run_id(time.time(), "repair"), interrupt)
    document = repair.dry_run()
    if document["code"] is not None:
        problems.add(target, _problem(target, document))
        return _end(document, problems, output)
    return _go_on(repair, document, problems, output, apply=apply, state=state)


def _check(
    given: dict[str, str | None],
    *,
    all_authors: bool,
    listing: bool,
    apply: bool,
    state: str | None,
) -> None:
    """Refuse conflicting options before anything is asked for."""
    named = [f"--{option}" for option, value in given.items() if value is not None]
    named += ["--all-authors"] if all_authors else []
    if listing and (named or apply or state):
        other = (named or ["--apply" if apply else f"--{state}"])[0]
        raise usage(f"--list shows the contacts and does nothing else: leave out {other}.")
    if state is not None and not apply:
        raise usage(f"--{state} needs --apply.")
    if apply and state is None and not sys.stdin.isatty():
        raise usage(
            "Without a terminal, --apply needs --stopped if the process that uses this session is stopped, or --running"
            " to check again after six minutes."
        )


def _check_no_path_was_taken(given: dict[str, str | None]) -> None:
    """Refuse `--contact PATH`: the option has consumed the PATH as its value."""
    for option, value in given.items():
        if value is not None and os.path.isdir(value):  # noqa: PTH112  # a value of any characters
            raise usage(f"--{option} took the PATH as its value: write PATH before --{option}.")


def _only(targets: list[Target], request: Request | None = None) -> Target:
    """Return the only directory: the PATH itself, if that is a session directory.

    Several directories are refused; the message names those with files of the contact or group.
    """
    itself = [each for each in targets if each.path == "."]
    for chosen in (targets, itself):
        if len(chosen) == 1:
            return chosen[0]
    concerned = targets if request is None else _concerned(targets, request)
    one = f"A repair is for one directory, and {len(targets)} lie there"
    if not concerned:
        raise Problem(f"{one}; none has a file of this contact or group.", code="NothingFound")
    names = ", ".join(each.company or each.shown for each in concerned[:_NAMED_AT_MOST])
    more = ", ..." if len(concerned) > _NAMED_AT_MOST else ""
    if request is None:
        raise usage(f"{one} ({names}{more}): name one of them as PATH, or pick it with --company.")
    raise usage(
        f"{one}. Files of this contact or group are in {names}{more}: pick one with --company."
    )


def _concerned(targets: list[Target], request: Request) -> list[Target]:
    """Return the directories in which a repair would move files."""
    from baileys_janitor.cli.repair.repairing import Repair
    from baileys_janitor.cli.terminal.progress import with_progress

    found = []
    for target in with_progress(targets, "Looking at"):
        try:
            document = Repair(target, request, "dry-run", Interrupt()).dry_run()
        except Problem:
            continue  # reported when this directory is named
        if document["removed"]:
            found.append(target)
    return found


def _problem(target: Target, document: RepairDocument) -> Problem:
    """Return the reason why a repair was refused, failed or ended early."""
    return Problem(f"{target.shown}: {document['message']}", code=document["code"] or "Failed")


def _go_on(
    repair: Repair,
    document: RepairDocument,
    problems: Problems,
    output: str,
    *,
    apply: bool,
    state: str | None,
) -> int:
    """Print the dry run, or act on it."""
    from baileys_janitor.cli.repair.repair_tables import print_plan
    from baileys_janitor.cli.terminal.tables import print_lines

    table = output not in MACHINE_FORMATS
    held_back = apply and dry_run_asked() is True
    if held_back:
        say(f"{DRY_RUN_VARIABLE}=true: this is a dry run, although --apply was given.")
    if table:
        print_plan(document)
    if not apply or held_back:
        if table:
            print_lines([_to_apply(repair, document, state)])
        return _end(document, problems, output)
    state = state or _asked()
    if state is None:
        say(
            "Nothing was moved. Stop the process and run this again, or add --running to look again afterwards."
        )
        return EXIT_FAILED
    return _act(repair, problems, output, running=state == RUNNING)


def _asked() -> str | None:
    """Ask whether the process is stopped; return None if it is not."""
    stopped = click.confirm("Is the process that uses this session stopped?", err=True)
    return STOPPED if stopped else None


def _act(repair: Repair, problems: Problems, output: str, *, running: bool) -> int:
    from baileys_janitor.cli.repair.repairing import written_recently
    from baileys_janitor.cli.scanning.look_again import wait_for_cache

    recent = 0 if running else written_recently(repair.plan)
    if recent:
        say(
            f"Of these files, {recent} {'was' if recent == 1 else 'were'} written within the last minute: if the"
            " process runs after all, it writes them back."
        )
    with repair.interrupt.heeded():
        document = repair.apply()
        if document["code"] is not None:
            problems.add(repair.target, _problem(repair.target, document))
        elif output not in MACHINE_FORMATS:
            _say_moved(repair, document)
        waited = running and bool(document["removed"]) and wait_for_cache(repair.interrupt)
    if waited:
        try:
            repair.look_again(document)
        except Problem as problem:
            problems.add(repair.target, problem)
    _judge(repair, document, problems)
    code = _end(document, problems, output)
    if output not in MACHINE_FORMATS and not problems:
        _say_next(document, running=running)
    if repair.interrupt.asked:
        say("Interrupted: the files moved so far are in the trash, and were not checked again.")
        return EXIT_INTERRUPTED
    return code


def _judge(repair: Repair, document: RepairDocument, problems: Problems) -> None:
    """Add a problem if files came back to their old places."""
    again = document["lookedAgain"]
    back = document["returned"] if again is None else again["old"]
    if back:
        from baileys_janitor.cli.terminal.formatting import counted

        message = (
            f"{repair.target.shown}: {counted(back, 'file')} came back: the bot wrote it back from its cache. Stop it,"
            f" then run this again: {_command(repair, document, '--stopped')}"
        )
        problems.add(repair.target, Problem(message, code="CameBack"))


def _say_moved(repair: Repair, document: RepairDocument) -> None:
    from baileys_janitor.cli.terminal.formatting import counted
    from baileys_janitor.cli.terminal.pasting import command
    from baileys_janitor.cli.terminal.tables import print_lines

    if not document["removed"]:
        print_lines(["Nothing was moved: every file was written to meanwhile, or is gone."])
        return
    undo = command("undo", "--run", repair.run, paths=[repair.target.full_path])
    files = counted(document["removed"], "file")
    lines = [f"{files} moved to the trash. To undo this: {undo}"]
    if document["purgedEarly"]:
        early = counted(document["purgedEarly"], "file")
        lines.append(f"{early} of earlier runs were deleted, because the trash held 5,000 files.")
    print_lines(lines)


def _say_next(document: RepairDocument, *, running: bool) -> None:
    from baileys_janitor.cli.terminal.formatting import counted
    from baileys_janitor.cli.terminal.tables import print_lines

    again = document["lookedAgain"]
    if again is not None:
        anew = (
            f" {counted(again['anew'], 'file')} of these names were rebuilt."
            if again["anew"]
            else ""
        )
        print_lines([f"Looked again after six minutes: no old record came back.{anew}"])
    elif document["removed"] and not running:
        print_lines(["Start the process again: it builds new keys with the next message."])


def _end(document: RepairDocument, problems: Problems, output: str) -> int:
    from baileys_janitor.cli.terminal.json_output import REPAIR_SCHEMA

    problems.say()
    if output in MACHINE_FORMATS:
        print_document(REPAIR_SCHEMA, [document], problems, output)
    return EXIT_FAILED if problems else EXIT_DONE


def _to_apply(repair: Repair, document: RepairDocument, state: str | None) -> str:
    from baileys_janitor.cli.terminal.formatting import counted

    files = counted(document["removed"], "file")
    line = _command(repair, document, *([f"--{state}"] if state else []))
    if dry_run_asked():
        line = f"env -u {DRY_RUN_VARIABLE} {line}"
    return (
        f"Nothing was moved. To move {files}, stop the process that uses this session, then: {line}"
    )


def _command(repair: Repair, document: RepairDocument, *more: str) -> str:
    """Return the command that applies a repair; it holds no number: without a hash, the number is asked for.

    An option without a value is followed by another option, so that it does not consume the path.
    """
    from baileys_janitor.cli.terminal.pasting import command

    request = repair.request
    words = ["repair"]
    if request.group:
        personal = "-" in request.group  # the id of an old group holds its creator's number
        words += ["--group"] if personal else ["--group", request.group]
    words += _naming(request, document)
    words += ["--all-authors"] if request.all_authors else []
    return command(*words, "--apply", *more, paths=[repair.target.full_path])


def _naming(request: Request, document: RepairDocument) -> list[str]:
    contact = document["contact"]
    if contact is None:
        return []
    if contact["hash"] is not None:
        return ["--hash", contact["hash"]]
    return ["--lid"] if request.lid else ["--contact"]


def _list(found: Found, problems: Problems, output: str) -> int:
    from baileys_janitor.cli.repair.repair_tables import print_contacts
    from baileys_janitor.cli.repair.repairing import contacts_document
    from baileys_janitor.cli.terminal.json_output import CONTACTS_SCHEMA
    from baileys_janitor.cli.terminal.tables import print_lines

    directories = []
    for target in [_only(found.targets)] if found.targets else []:
        try:
            document, problem = contacts_document(target, make_key=not dry_run_asked())
        except Problem as trouble:
            problems.add(target, trouble)
            continue
        directories.append(document)
        if problem is not None:
            problems.add(target, problem)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(CONTACTS_SCHEMA, directories, problems, output)
    elif directories:
        print_contacts(directories)
        print_lines(_to_repair(target.full_path, directories))
    return EXIT_FAILED if problems else EXIT_DONE


def _to_repair(path: str, directories: list[ContactsDocument]) -> list[str]:
    """Return lines with an example command for one of the contacts, if they have hashes."""
    from baileys_janitor.cli.terminal.pasting import command

    hashes = [each["hash"] for found in directories for each in found["contacts"]]
    if not hashes or hashes[0] is None:
        return []
    line = command("repair", "--hash", hashes[0], paths=[path])
    return ["", f"What a repair of the first would move: {line}"]
