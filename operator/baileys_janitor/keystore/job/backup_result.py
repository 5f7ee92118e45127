"""The result of a Job that backs up the sessions of a key store: the outcomes, counted by repository.

A line `baileys-janitor-keys-backup/1 keys-backup <checksum>`, then one of JSON, of at most 4,096 bytes: for any number
of sessions it has counts, the most frequent problems, and a few sessions for a drill. The reader does not trust the
text: everything is read with bounds, and the only exception is `BadResult`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from baileys_janitor.backup.job.result import sentence
from baileys_janitor.backup.job.task import REPOSITORIES_MAX
from baileys_janitor.backup.names import is_tenant, parse_name
from baileys_janitor.job.document import read_document, write_document
from baileys_janitor.job.encoder import LIMIT_BYTES
from baileys_janitor.keystore.job.result import FAILURE, JobFailure
from baileys_janitor.keystore.job.task import BACK_UP
from baileys_janitor.policy.archives import known_archives
from baileys_janitor.volume.report.codec_fields import BadResult

__all__ = ["BackedUp", "BadResult", "JobFailure", "Problem", "Tally", "decode", "encode"]

MAGIC: Final = "baileys-janitor-keys-backup/1"
SAMPLE_MOST: Final = 16
"""Sessions that a drill opens."""
PROBLEMS_MOST: Final = 8
_CODE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,39}", re.ASCII)
_PLACE: Final = re.compile(r"[0-9a-f]{6}|", re.ASCII)
_NUMBER_MAX: Final = 2**53
_TIME_MAX: Final = 1 << 33


@dataclass(frozen=True, slots=True)
class Problem:
    """Why some sessions were not put: how many, and a sentence, which may be empty."""

    count: int
    message: str


@dataclass(slots=True)
class Tally:
    """The outcomes of sessions in one repository.

    `held` of them have archives there, `bytes` and `rows` are those of the newest ones, `archives` counts all, and
    `oldest` is the time of the oldest (Unix seconds). `put_only`: the credentials may not list. `unknown` archives were
    put by somebody else; `kept` is why surplus ones were not removed.
    """

    put: int = 0
    unchanged: int = 0
    failed: int = 0
    held: int = 0
    archives: int = 0
    bytes: int = 0
    rows: int = 0
    unknown: int = 0
    oldest: int = 0
    newest: str = ""
    kept: str = ""
    put_only: bool = False
    problems: dict[str, Problem] = field(default_factory=dict)

    def fail(self, code: str, message: str) -> None:
        """Count a session of which nothing was put."""
        self.failed += 1
        before = self.problems.get(code)
        if before is not None:
            self.problems[code] = Problem(before.count + 1, before.message or message)
        elif len(self.problems) < PROBLEMS_MOST:
            self.problems[code] = Problem(1, message)

    def add(self, later: Tally) -> None:
        """Add the outcomes of further sessions."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(later, name))
        times = [each for each in (self.oldest, later.oldest) if each]
        self.oldest = min(times, default=0)
        self.newest = max(self.newest, later.newest)
        self.kept = later.kept or self.kept
        self.put_only = self.put_only or later.put_only
        for code, problem in later.problems.items():
            before = self.problems.get(code, Problem(0, ""))
            if before.count or len(self.problems) < PROBLEMS_MOST:
                message = before.message or problem.message
                self.problems[code] = Problem(before.count + problem.count, message)


_COUNTS: Final = ("put", "unchanged", "failed", "held", "archives", "bytes", "rows", "unknown")
_FIGURES: Final = (*_COUNTS, "oldest")


@dataclass(slots=True)
class BackedUp:
    """The result of a Job, or its intermediate result.

    `time` is when it began (Unix seconds), `sessions` how many the store has, `done` how many were processed, `left`
    how many were not, and `after` the place after which the next Job continues. `nothing`: sessions that nobody has
    paired yet. `failing`: those that are not in every repository. `under_way`: the process was killed while it
    processed the session at `after`. `failure` is why the database could not be used any further. `repositories` are in
    the task's order; `sample` are names and known archives of a few sessions.
    """

    time: int = 0
    ms: int = 0
    sessions: int = 0
    done: int = 0
    left: int = 0
    nothing: int = 0
    failing: int = 0
    after: str = ""
    under_way: bool = False
    failure: tuple[str, str] | None = None
    repositories: list[Tally] = field(default_factory=list)
    sample: list[tuple[str, str]] = field(default_factory=list)

    def add(self, later: BackedUp) -> None:
        """Add the result of a further Job, which continued where this one ended."""
        for name in ("ms", "done", "nothing", "failing"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.sessions, self.left, self.after = later.sessions, later.left, later.after
        self.under_way, self.failure = later.under_way, later.failure
        for own, others in zip(self.repositories, later.repositories, strict=True):
            own.add(others)
        fresh = dict(later.sample)
        older = [each for each in self.sample if each[0] not in fresh]
        self.sample = [*later.sample, *older][:SAMPLE_MOST]


_NUMBERS: Final = ("time", "ms", "sessions", "done", "left", "nothing", "failing")


def encode(result: BackedUp | JobFailure) -> bytes:
    """Return the document. If it is too long, sessions for a drill are left out first, then sentences."""
    if isinstance(result, JobFailure):
        data = {"code": result.code, "message": sentence(result.message)}
        return write_document(MAGIC, FAILURE, data)
    sample = result.sample[:SAMPLE_MOST]
    document = write_document(MAGIC, BACK_UP, _data(result, sample))
    while len(document) > LIMIT_BYTES and sample:
        over = len(document) - LIMIT_BYTES
        sample = sample[: len(sample) - max(1, over // 400)]
        document = write_document(MAGIC, BACK_UP, _data(result, sample))
    if len(document) > LIMIT_BYTES:
        plain = [
            replace(each, problems={c: Problem(p.count, "") for c, p in each.problems.items()})
            for each in result.repositories
        ]
        document = write_document(MAGIC, BACK_UP, _data(replace(result, repositories=plain), []))
    return document


def _data(result: BackedUp, sample: Iterable[tuple[str, str]]) -> dict[str, Any]:
    failure = result.failure
    return {
        "n": [getattr(result, name) for name in _NUMBERS],
        "after": result.after,
        "open": result.under_way,
        "failure": None if failure is None else [failure[0], sentence(failure[1])],
        "r": [
            [
                [getattr(each, name) for name in _FIGURES],
                *(each.newest, each.kept, each.put_only),
                [[code, p.count, sentence(p.message)] for code, p in _frequent(each)],
            ]
            for each in result.repositories
        ],
        "sample": [list(each) for each in sample],
    }


def _frequent(tally: Tally) -> list[tuple[str, Problem]]:
    return sorted(tally.problems.items(), key=lambda each: (-each[1].count, each[0]))


def decode(text: str | bytes) -> BackedUp | JobFailure:
    """Read a document; raises BadResult when it is cut, changed, or not from this program."""
    action, data = read_document(text, MAGIC, (BACK_UP, FAILURE), "a result of a store's backup")
    if action == FAILURE:
        return JobFailure(_code(data.get("code")), sentence(data.get("message")))
    numbers = _list(data.get("n"), len(_NUMBERS), exactly=True)
    after, failure = data.get("after"), data.get("failure")
    if not isinstance(after, str) or not _PLACE.fullmatch(after):
        raise BadResult("a result with an invalid place")
    result = BackedUp(
        **{name: _number(each) for name, each in zip(_NUMBERS, numbers, strict=True)},
        after=after,
        under_way=data.get("open") is True,
        failure=None if failure is None else _failure(failure),
        repositories=[_tally(each) for each in _list(data.get("r"), REPOSITORIES_MAX)],
        sample=[_session(each) for each in _list(data.get("sample"), SAMPLE_MOST)],
    )
    if result.time > _TIME_MAX or (result.left and not result.after and result.failure is None):
        raise BadResult("a result that leaves sessions without a place to continue from")
    return result


def _failure(item: object) -> tuple[str, str]:
    code, message = _list(item, 2, exactly=True)
    return _code(code), sentence(message)


def _tally(item: object) -> Tally:
    figures, newest, kept, put_only, problems = _list(item, 5, exactly=True)
    numbers = _list(figures, len(_FIGURES), exactly=True)
    if newest != "" and (not isinstance(newest, str) or parse_name(newest) is None):
        raise BadResult("a result with an invalid archive name")
    found = Tally(newest=newest, kept="" if kept == "" else _code(kept), put_only=put_only is True)
    for name, each in zip(_FIGURES, numbers, strict=True):
        setattr(found, name, _number(each))
    if found.oldest > _TIME_MAX:
        raise BadResult("a result with an invalid time")
    for each in _list(problems, PROBLEMS_MOST):
        code, count, message = _list(each, 3, exactly=True)
        found.problems[_code(code)] = Problem(_number(count), sentence(message))
    if bool(found.failed) != bool(found.problems):
        raise BadResult("a result with failures but no reason, or a reason without failures")
    return found


def _session(item: object) -> tuple[str, str]:
    tenant, known = _list(item, 2, exactly=True)
    if not isinstance(tenant, str) or not is_tenant(tenant):
        raise BadResult("a result with an invalid session name")
    if known_archives.decode(known) is None:
        raise BadResult("a result with archives that cannot be read")
    return tenant, str(known)


def _list(value: object, most: int, *, exactly: bool = False) -> list[Any]:
    if not isinstance(value, list) or len(value) > most or (exactly and len(value) != most):
        raise BadResult("a result with a list of the wrong length")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _NUMBER_MAX:
        raise BadResult("a result with a number out of bounds")
    return value


def _code(value: object) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise BadResult("a result with an invalid code")
    return value
