"""The end of every command: its problems on standard error, its document on standard output."""

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
    """The problems of a command, in the order in which they occurred."""

    def __init__(self, found: Found) -> None:
        """Begin with the problems of the paths that could not be used."""
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
        """Add a problem with one directory; the command continues with the others."""
        self._add(target.shown, target.company, problem)

    def add_of(self, shown: str, problem: Problem) -> None:
        """Add a problem with something other than a local directory: a repository, or a session elsewhere."""
        self._add(shown, None, problem)

    def say(self, *, every: bool = True) -> None:
        """Write one sentence for each, for people; all at the end, so that no progress bar interrupts them.

        Without `every`, a problem that many directories have in common is written once.
        """
        width = terminal_width(sys.stderr)
        for names, text, commands in merged(self._said(), every=every):
            line = f"Error: {names}: {text}" if names else f"Error: {text}"
            # Fold only text that is known to hold no command.
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
        """Return a line on the directories that were not searched and why; empty if all were."""
        from baileys_janitor.cli.arguments.targets import skipped_line

        line = skipped_line(self._found.skipped)
        return [] if line is None else [line]

    @property
    def paths(self) -> frozenset[str]:
        """The paths that have a problem."""
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
    """A message about a directory ("" if the text names it), and commands that help."""

    name: str
    text: str
    commands: Sequence[str]


_NAMED_AT_MOST: Final = 3


def merged(said: Iterable[Said], *, every: bool) -> list[Said]:
    """Return the messages, equal ones of many directories merged into one unless `every` is true."""
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
