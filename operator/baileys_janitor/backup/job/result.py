"""The result that leaves a Job for backups: a text of at most 4,096 bytes in the termination message.

A line `baileys-janitor-backup/1 <action> <checksum>`, then one line of JSON: repositories by the hashes of their
URLs, problems with their sentences, and a line for each member in the order of the task, `null` for one that was not
reached. A pod can be taken over, so the result is not trusted: every number, word and list is read with
bounds, and the only exception is `BadResult`.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from baileys_janitor.backup.job.task import ACTIONS, BACKUP, MEMBERS_MAX, REPOSITORIES_MAX
from baileys_janitor.backup.names import parse_name
from baileys_janitor.job.document import read_document, write_document
from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.policy.archives.known_archives import (
    ARCHIVES_MAX,
    NAME_DIGITS,
    PACKED_BYTES,
    PutArchive,
    pack,
    unpack,
)
from baileys_janitor.volume.report.codec_fields import BadResult

__all__ = ["BadResult", "JobFailure", "JobResult", "MemberResult", "Outcome", "decode", "encode"]

VERSION: Final = 1
MAGIC: Final = f"baileys-janitor-backup/{VERSION}"
FAILURE: Final = "failure"
PUT, UNCHANGED, NOTHING_TO_DO, FAILED, PASSED = (
    "Put",
    "Unchanged",
    "NothingToDo",
    "Failed",
    "Passed",
)
OUTCOMES: Final = (PUT, UNCHANGED, NOTHING_TO_DO, FAILED, PASSED)

_CODE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,39}", re.ASCII)
_SENTENCE_MAX: Final = 320
_PROBLEMS_MAX: Final = 32
_LATEST: Final = 1 << 33
_COUNT_MAX: Final = 1 << 24
_MS_MAX: Final = 86_400_000
_HEX: Final = frozenset("0123456789abcdef")
_ENTRY_BYTES: Final = PACKED_BYTES + NAME_DIGITS


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a member in one repository; a failure has a code and a sentence, which may be empty.

    The code of a success is why surplus archives could not be removed. `tidied`: retention was tried this time.

    `held` are the indexes of the task's archives that are there, if the repository was listed;
    None if it was not. `put_only`: the credentials may not list. `verified`: the store has proved that it holds the
    archive. A drill has the name of the archive and the number of files that a restore would put back.
    """

    outcome: str
    code: str = ""
    message: str = ""
    verified: bool = False
    put_only: bool = False
    tidied: bool = False
    unknown: int = 0
    held: frozenset[int] | None = None
    archive: str = ""
    files: int | None = None
    ms: int = 0


@dataclass(frozen=True, slots=True)
class MemberResult:
    """The result of a member: `time` is when its session was read, or the drill began (Unix seconds), `ms` the
    duration.

    `archive` was made; `fingerprint` and `pairing` identify its owner. `outcomes` are by the repository's index in
    the task's list.
    """

    time: int
    files: int = 0
    ms: int = 0
    archive: PutArchive | None = None
    fingerprint: str = ""
    pairing: str = ""
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobFailure:
    """The reason why a Job could do nothing: a code, and a sentence with the remedy."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a Job. `repositories` are the keys of the repositories in the record, empty for one that was
    not reached; a member that was not reached is None."""

    action: str
    repositories: Sequence[str]
    members: Sequence[MemberResult | None]


def encode(result: JobResult | JobFailure) -> bytes:
    """Return the document. Sentences that do not fit are left out, the rarest first."""
    if isinstance(result, JobFailure):
        return write_document(
            MAGIC, FAILURE, {"code": result.code, "message": sentence(result.message)}
        )
    problems = _problems(result)
    for kept in range(len(problems), -1, -1):
        told = [[code, said if n < kept else ""] for n, (code, said) in enumerate(problems)]
        places = {problem: n for n, problem in enumerate(problems)}
        document = write_document(
            MAGIC,
            result.action,
            {
                "r": list(result.repositories),
                "p": told,
                "m": [None if each is None else _written(each, places) for each in result.members],
            },
        )
        if len(document) <= LIMIT_BYTES:
            break
    return document


def decode(text: str | bytes) -> JobResult | JobFailure:
    """Read a document; raises BadResult when it is cut, changed, or not from this program."""
    action, data = read_document(text, MAGIC, (*ACTIONS, FAILURE), "a result of a backup")
    if action == FAILURE:
        return JobFailure(_code(data.get("code")), sentence(data.get("message")))
    repositories = [_identity(each) for each in _list(data.get("r"), REPOSITORIES_MAX)]
    problems = [_problem(each) for each in _list(data.get("p"), _PROBLEMS_MAX)]
    read = _Reader(problems, len(repositories), drills=action != BACKUP)
    members = _list(data.get("m"), MEMBERS_MAX)
    return JobResult(action, repositories, [read.member(each) for each in members])


def sentence(value: object) -> str:
    """Return an untrusted text as one sentence for a status: cut and made printable."""
    if not isinstance(value, str):
        return ""
    plain = "".join(each if each.isascii() and each.isprintable() else " " for each in value)
    return " ".join(plain[: 4 * _SENTENCE_MAX].split())[:_SENTENCE_MAX]


# Writing


def _problems(result: JobResult) -> list[tuple[str, str]]:
    """Return the problems of all members, the most frequent first."""
    counts: dict[tuple[str, str], int] = {}
    for member in result.members:
        for each in () if member is None else member.outcomes.values():
            if each.code:
                problem = each.code, sentence(each.message)
                counts[problem] = counts.get(problem, 0) + 1
    return sorted(counts, key=lambda problem: -counts[problem])[:_PROBLEMS_MAX]


def _written(member: MemberResult, problems: Mapping[tuple[str, str], int]) -> list[Any]:
    entry = "" if member.archive is None else _entry(member.archive, member)
    outcomes = [_outcome(place, each, problems) for place, each in sorted(member.outcomes.items())]
    return [member.time, member.files, member.ms, entry, outcomes]


def _outcome(place: int, outcome: Outcome, problems: Mapping[tuple[str, str], int]) -> list[Any]:
    flags = outcome.verified | outcome.put_only << 1 | outcome.tidied << 2
    problem = problems.get((outcome.code, sentence(outcome.message)), -1) if outcome.code else -1
    written: list[Any] = [place, OUTCOMES.index(outcome.outcome), problem, flags, outcome.unknown]
    if outcome.archive or outcome.files is not None or outcome.ms:
        return [*written, outcome.archive, outcome.files or 0, outcome.ms]
    if outcome.held is not None:
        bits = sum(1 << each for each in outcome.held)
        length = max(1, (bits.bit_length() + 7) // 8)
        return [*written, _text_of(bits.to_bytes(length, "big"))]
    return written


def _entry(archive: PutArchive, member: MemberResult) -> str:
    owner = bytes.fromhex(member.fingerprint) + bytes.fromhex(member.pairing)
    return _text_of(pack(archive) + owner)


def _text_of(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


# Reading


def _bytes_of(text: object, most: int) -> bytes:
    if not isinstance(text, str) or len(text) > (most + 2) // 3 * 4:
        raise BadResult("a result with a text of the wrong length")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise BadResult("a result with a text that is not base64") from None


class _Reader:
    """Reads members against the lists before them."""

    def __init__(self, problems: Sequence[tuple[str, str]], stores: int, *, drills: bool) -> None:
        self._problems = problems
        self._stores = stores
        self._drills = drills

    def member(self, item: object) -> MemberResult | None:
        """Read one member."""
        if item is None:
            return None
        if not isinstance(item, list) or len(item) != 5:
            raise BadResult("a result with a member of the wrong length")
        time, files, ms, entry, listed = item
        archive, fingerprint, pairing = None, "", ""
        if entry != "":
            archive, fingerprint, pairing = _read_entry(entry)
        outcomes = dict(self._outcome(each) for each in _list(listed, REPOSITORIES_MAX))
        return MemberResult(
            _number(time, _LATEST),
            _number(files, _COUNT_MAX),
            _number(ms, _MS_MAX),
            archive,
            fingerprint,
            pairing,
            outcomes,
        )

    def _outcome(self, item: object) -> tuple[int, Outcome]:
        if not isinstance(item, list) or len(item) not in (5, 6, 8):
            raise BadResult("a result with an outcome of the wrong length")
        place, outcome = _number(item[0], self._stores - 1), OUTCOMES[_number(item[1], 4)]
        if (outcome in (PUT, UNCHANGED, NOTHING_TO_DO) and self._drills) or (
            outcome == PASSED and not self._drills
        ):
            raise BadResult("a result with an outcome of another action")
        code, message = ("", "") if item[2] == -1 else self._problem(item[2])
        if outcome == FAILED and not code:
            raise BadResult("a failure without a reason")
        flags = _number(item[3], 7)
        held, archive, files, ms = None, "", None, 0
        if len(item) == 6:
            bits = int.from_bytes(_bytes_of(item[5], ARCHIVES_MAX // 8 + 1), "big")
            held = frozenset(place for place in range(ARCHIVES_MAX) if bits >> place & 1)
        elif len(item) == 8:
            archive, files, ms = item[5], _number(item[6], _COUNT_MAX), _number(item[7], _MS_MAX)
            if archive != "" and (not isinstance(archive, str) or parse_name(archive) is None):
                raise BadResult("a result with an invalid archive name")
        return place, Outcome(
            outcome,
            code,
            message,
            verified=bool(flags & 1),
            put_only=bool(flags & 2),
            tidied=bool(flags & 4),
            unknown=_number(item[4], _COUNT_MAX),
            held=held,
            archive=archive,
            files=files,
            ms=ms,
        )

    def _problem(self, place: object) -> tuple[str, str]:
        return self._problems[_number(place, len(self._problems) - 1)]


def _read_entry(text: object) -> tuple[PutArchive, str, str]:
    packed = _bytes_of(text, _ENTRY_BYTES)
    if len(packed) != _ENTRY_BYTES:
        raise BadResult("a result with an archive of the wrong length")
    archive = unpack(packed[:PACKED_BYTES])
    _number(archive.time, _LATEST)
    owner = packed[PACKED_BYTES:].hex()
    return archive, owner[:NAME_DIGITS], owner[NAME_DIGITS:]


def _problem(item: object) -> tuple[str, str]:
    if not isinstance(item, list) or len(item) != 2:
        raise BadResult("a result with a problem of the wrong length")
    return _code(item[0]), sentence(item[1])


def _code(value: object) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise BadResult("a result with an invalid code")
    return value


def _identity(value: object) -> str:
    if not isinstance(value, str) or len(value) not in (0, NAME_DIGITS):
        raise BadResult("a result with an invalid repository")
    if not _HEX.issuperset(value):
        raise BadResult("a result with an invalid repository")
    return value


def _list(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadResult("a result with a list of the wrong length")
    return value


def _number(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise BadResult("a result with a number out of bounds")
    return value
