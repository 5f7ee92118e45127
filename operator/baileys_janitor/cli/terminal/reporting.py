"""What every command ends with: its problems on standard error, its document on standard output."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.output import folded, say, terminal_width, write_document
from baileys_janitor.policy.findings import SEVERITIES
from baileys_janitor.policy.reasons import CREDENTIALS_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from baileys_janitor.cli.arguments.targets import Found, Target
    from baileys_janitor.cli.terminal.json_output import ProblemDocument, SkippedDocument
    from baileys_janitor.cli.terminal.problems import Problem


class Problems:
    """What could not be done, in the order in which it was met."""

    def __init__(self, found: Found) -> None:
        """Begin with the paths that led nowhere."""
        self.documents: list[ProblemDocument] = []
        self._commands: list[Sequence[str]] = []
        self._prose: set[str] = set()
        self.skipped: list[SkippedDocument] = [
            {"reason": each.reason, "number": each.number, "paths": list(each.paths)}
            for each in found.skipped
        ]
        self._found = found
        for shown, problem in found.problems:
            self._add(shown, None, problem)

    def add(self, target: Target, problem: Problem) -> None:
        """Add a problem with one directory; the others go on."""
        self._add(target.shown, target.company, problem)

    def add_of(self, shown: str, problem: Problem) -> None:
        """Add a problem with something that is no directory here: a repository, or a session that lies elsewhere."""
        self._add(shown, None, problem)

    def say(self, *, every: bool = True) -> None:
        """Write one sentence for each, for people; all at once, so that no progress bar is in between.

        Unless `every` is asked for, what many directories have in common is said once.
        """
        width = terminal_width(sys.stderr)
        for names, text, commands in merged(self._said(), every=every):
            line = f"Error: {names}: {text}" if names else f"Error: {text}"
            # Only what is known to hold no command is folded.
            for part in folded(line, width) if text in self._prose else [line]:
                say(part)
            for command in commands:
                say(f"  {command}")

    def _said(self) -> Iterator[Said]:
        for each, commands in zip(self.documents, self._commands, strict=True):
            name, text = each["path"], each["message"]
            if text.startswith(f"{name}: "):
                yield Said(name, text.removeprefix(f"{name}: "), commands)
            else:
                yield Said("", text, commands)

    def not_searched(self) -> list[str]:
        """Return a line that says what was not searched and why, none where all was."""
        from baileys_janitor.cli.arguments.targets import skipped_line

        line = skipped_line(self._found.skipped)
        return [] if line is None else [line]

    @property
    def paths(self) -> frozenset[str]:
        """The paths that something is wrong with."""
        return frozenset(each["path"] for each in self.documents)

    def __bool__(self) -> bool:
        return bool(self.documents)

    def _add(self, shown: str, company: str | None, problem: Problem) -> None:
        self.documents.append(
            {"path": shown, "company": company, "code": problem.code, "message": problem.message}
        )
        self._commands.append(problem.commands)
        if problem.code in SEVERITIES or problem.code == CREDENTIALS_ABSENT:
            self._prose.add(problem.message.removeprefix(f"{shown}: "))


class Said(NamedTuple):
    """Something to say of a directory ("" where the text names it), and commands that do something about it."""

    name: str
    text: str
    commands: Sequence[str]


_NAMED_AT_MOST: Final = 3


def merged(said: Iterable[Said], *, every: bool) -> list[Said]:
    """Return what to say, once for all directories of which it is the same, unless `every` is asked for."""
    together: dict[tuple[object, ...], list[Said]] = {}
    for number, each in enumerate(said):
        key = (number,) if every or not each.name else (each.text, len(each.commands))
        together.setdefault(key, []).append(each)
    found: list[Said] = []
    for alike in together.values():
        if len(alike) <= _NAMED_AT_MOST:
            found += alike
            continue
        names = ", ".join(each.name for each in alike[:_NAMED_AT_MOST])
        more = f"{names} and {len(alike) - _NAMED_AT_MOST:,} more"
        commands = [*alike[0].commands, "(and so on: -o wide shows all)"]
        found.append(Said(more, alike[0].text, commands if alike[0].commands else ()))
    return found


def print_document(
    schema: str, directories: Sequence[Any], problems: Problems, output: str, **more: Any
) -> None:
    """Print the command's one JSON or YAML document."""
    document = {
        "schema": schema,
        "time": rfc3339(time.time()),
        "directories": directories,
        **more,
        "skipped": problems.skipped,
        "problems": problems.documents,
    }
    write_document(document, output)
