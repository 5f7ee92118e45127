"""Faults of session directories as documents: those of one scan, and those found by comparing several."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from baileys_janitor.cli.terminal.pasting import command, word
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy import advice, findings, reasons
from baileys_janitor.policy.ages.ages import nanoseconds
from baileys_janitor.policy.cleanup.guards import FRESH_NS
from baileys_janitor.policy.files.file_kinds import CREDS, KINDS, OTHER
from baileys_janitor.policy.files.identity import PAIRED
from baileys_janitor.policy.files.own_groups import broken_groups
from baileys_janitor.policy.findings import DIRECTORY, FAULT, PROGRAM, Finding
from baileys_janitor.volume.errors import JANITOR_REFUSED, SENTENCES, TOO_MANY_OWN_FILES
from baileys_janitor.volume.files.state_names import OLD_DIRECTORY, PREFIX
from baileys_janitor.volume.scanning.credentials import PAUSES_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.scanning.look import Look
    from baileys_janitor.cli.terminal.json_output import (
        AdviceDocument,
        DirectoryDocument,
        FindingDocument,
    )
    from baileys_janitor.cli.terminal.reporting import Problems
    from baileys_janitor.policy.cleanup.estimate import Outlook
    from baileys_janitor.policy.settings import Settings


def findings_of(look: Look, outlook: Outlook, settings: Settings) -> list[Finding]:
    """Return the findings of one scan, most severe first."""
    entries, state, own = look.entries or [], look.state, look.own
    by_kind = dict(zip(KINDS, look.census.by_kind, strict=True))
    files = sum(number for kind, number in by_kind.items() if kind not in {CREDS, OTHER})
    looks = len(PAUSES_SECONDS) + 1, sum(PAUSES_SECONDS)
    given = (
        advice.threshold_unreachable(outlook, settings),
        advice.rotation_recommended(look.census, outlook, settings, look.cleaned),
        advice.silence_not_counted(outlook, settings),
        advice.session_inactive(look.last_activity, look.now),
        advice.disk_pressure(look.free_bytes, look.free_inodes, look.volume_bytes),
        advice.temporary_files(entries, look.now),
    )
    too_many = outlook.refused == reasons.TOO_MANY_FILES
    too_many_own = own.too_many
    return findings.in_order(
        [
            findings.of_credentials(look.identity.state, files, state, looks),
            findings.too_many_files() if too_many else None,
            Finding(TOO_MANY_OWN_FILES, SENTENCES[TOO_MANY_OWN_FILES]) if too_many_own else None,
            findings.not_writable(state),
            findings.empty_files(entries, look.now),
            findings.memory_without_key(_broken_groups(look)),
            findings.janitor_refused(state, SENTENCES[JANITOR_REFUSED]),
            findings.credentials_readable(state),
            findings.old_directory(own.old_directory, OLD_DIRECTORY),
            findings.foreign_names(own.foreign, PREFIX),
            *map(findings.of_advice, given),
        ]
    )


def _broken_groups(look: Look) -> int:
    """Return the number of groups from which a cleanup would remove a memory file without its key."""
    if look.identity.state != PAIRED:
        return 0
    return broken_groups(look.entries or (), look.identity, nanoseconds(look.now) - FRESH_NS)


def documents(found: Iterable[Finding], target: Target) -> list[FindingDocument]:
    """Return findings as documents, with commands that can be pasted."""
    return [
        {
            "code": each.code,
            "severity": each.severity,
            "message": each.message,
            "commands": [_command(words, target) for words in each.commands],
        }
        for each in found
    ]


def advice_documents(found: Iterable[FindingDocument]) -> list[AdviceDocument]:
    """Return findings in the older form, `advice`."""
    return [{"type": each["code"], "message": each["message"]} for each in found]


class Looked(NamedTuple):
    """A directory that was scanned, and the fingerprint of its pairing ("" without one)."""

    document: DirectoryDocument
    target: Target
    fingerprint: str


def add_shared(directories: Sequence[Looked], twice: Sequence[tuple[str, str]]) -> None:
    """Add the findings that only a comparison of directories shows: one mounted twice, one pairing in two."""
    pairings: dict[str, list[str]] = {}
    for document, _, fingerprint in directories:
        if fingerprint:
            pairings.setdefault(fingerprint, []).append(document["path"])
    for document, target, fingerprint in directories:
        path = document["path"]
        alike = pairings.get(fingerprint, [])
        more = [
            findings.shared_directory([*_also(path, twice)]),
            findings.shared_pairing(alike),
        ]
        found = documents(filter(None, more), target)
        if found:
            document["findings"] = _in_order([*document["findings"], *found])
            document["advice"] = advice_documents(document["findings"])


def add_problems(directories: Iterable[Looked], problems: Problems) -> None:
    """Add the faults of directories as problems, most severe first; one shared by several is one problem."""
    faults = [
        (each, document["path"], target)
        for document, target, _ in directories
        for each in document["findings"]
        if each["severity"] == FAULT
    ]
    shared: set[str] = set()
    for each, path, target in sorted(faults, key=lambda fault: _place(fault[0])):
        if each["message"] in shared:
            continue
        if each["code"] == findings.SHARED_PAIRING:
            shared.add(each["message"])
        message = f"{path}: {each['message']}"
        problems.add(target, Problem(message, code=each["code"], commands=each["commands"]))


def _also(path: str, twice: Sequence[tuple[str, str]]) -> Iterable[str]:
    for first, second in twice:
        if path == first or path.startswith(f"{first}/"):
            yield second + path[len(first) :]


def _in_order(found: list[FindingDocument]) -> list[FindingDocument]:
    return sorted(found, key=_place)


def _place(found: FindingDocument) -> int:
    return findings.place(found["code"])


def _command(words: Sequence[str], target: Target) -> str:
    path = target.full_path
    if path.startswith("-"):
        path = f"./{path}"
    line = [each.replace(DIRECTORY, path) for each in words]
    return command(*line[1:]) if line[0] == PROGRAM else " ".join(map(word, line))
