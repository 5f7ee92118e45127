"""A full Job's result has room for all that its scans say, with some directories ten times as large."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.job.result import (
    LIMIT_BYTES,
    CleanResult,
    Result,
    ScanResult,
    decode,
    encode,
)
from baileys_janitor.job.task import MEMBERS_MAX
from baileys_janitor.policy.ages.running_text import decode as memory_of
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.tenants.running_time import to_take_along
from baileys_janitor.volume import operations as directories
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.scanning.activity import Known
from benchmarks.operator.directories import Directory
from benchmarks.operator.plan import Company
from tests.real import sessions

NOW = 1_795_000_000
WEEK = 7 * 86_400
SCENARIOS = sessions.scenarios()


class Looks:
    """What Jobs say of one directory: at the first scan, at the next, of a cleanup, and a week after it."""

    def __init__(self, path: Path) -> None:
        directory = open_session(str(path))
        known: str | None = None

        def look(now: float) -> ScanResult:
            return directories.scan(directory, DEFAULTS, now=now, known=_known(known, now))

        self.first = look(NOW)
        known = to_take_along(self.first.running, everything=False)
        self.next = look(NOW)
        self.clean = directories.clean(
            directory, DEFAULTS, run="20261122-030000-abc", now=NOW, known=_known(known, NOW)
        )
        after = self.clean.scan
        assert after is not None
        known = to_take_along(after.running, everything=False)
        self.later = look(NOW + WEEK)


def _known(memory: str | None, now: float) -> Known:
    return Known(memory_of(memory), now, 300.0)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Looks]:
    root = tmp_path_factory.mktemp("genuine")
    return {name: Looks(sessions.unpack(name, root / name, NOW)) for name in SCENARIOS}


def told(action: str, members: list[Any], now: float = NOW) -> int:
    """Return the size of a result that comes back whole."""
    document = encode(Result(action, int(now), members))
    assert len(document) <= LIMIT_BYTES
    assert [_values(each) for each in decode(document).members] == [_values(m) for m in members]
    return len(document)


def _values(report: Any) -> Any:
    """Return what a result is to bring back: of disks whole KiB."""
    if not isinstance(report, (ScanResult, CleanResult)):
        return report
    values = {name: getattr(report, name) for name in type(report).__slots__}
    for name in ("free_bytes", "volume_bytes"):
        if values.get(name) is not None:
            values[name] = values[name] // 1024
    if isinstance(report, CleanResult):
        values["scan"] = _values(report.scan)
    return values


def tenfold(look: ScanResult) -> ScanResult:
    """A directory with ten times as many files, on a volume of 16 TiB, quiet for a month."""
    values = {name: getattr(look, name) for name in ScanResult.__slots__}
    for name in ("total", "counted", "protected", "reclaimable", "gain", "floor", "bytes"):
        values[name] *= 10
    for name in ("by_kind", "ages", "bins"):
        values[name] = None if values[name] is None else [10 * count for count in values[name]]
    values["kept"] = {code: 10 * count for code, count in (look.kept or {}).items()}
    values |= {"free_bytes": 15 * 2**40, "volume_bytes": 2**44, "free_inodes": 10**9}
    values |= {"trash_runs": 7, "trash_oldest": NOW - WEEK, "trash_files": 5_000}
    values |= {"trash_bytes": 10**7, "newest_activity": NOW - 30 * 86_400, "put_in": NOW - 30}
    return ScanResult(**values)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_full_job_of_one_genuine_directory_fits_whole(
    genuine: dict[str, Looks], scenario: str
) -> None:
    looks = genuine[scenario]
    told("scan", [looks.next] * MEMBERS_MAX)
    told("scan", [looks.later] * MEMBERS_MAX, NOW + WEEK)
    told("scan", [looks.first] * (MEMBERS_MAX // 2))
    told("clean", [looks.clean])


def test_a_full_job_of_which_every_second_directory_is_ten_times_as_large_fits_whole(
    genuine: dict[str, Looks],
) -> None:
    looks = [each.next for each in genuine.values()]
    pairs = [[look, tenfold(look)] for look in looks]
    told("scan", list(islice(cycle(chain.from_iterable(pairs)), MEMBERS_MAX)))


def test_a_full_job_of_directories_with_kept_copies_fits_whole(genuine: dict[str, Looks]) -> None:
    kept = {"copies": 100, "copied": NOW - 30 * 86_400, "uncopied": True}
    looks = [tenfold(each.next) for each in genuine.values()] + [
        each.next for each in genuine.values()
    ]
    with_copies = [replace(look, **kept) for look in looks]
    half = MEMBERS_MAX // 2
    several = [*islice(cycle(with_copies[: len(genuine)]), half)]
    several += islice(cycle(with_copies[len(genuine) :]), MEMBERS_MAX - half)
    told("scan", several)


def test_a_member_takes_120_bytes(genuine: dict[str, Looks]) -> None:
    looks = [each.next for each in genuine.values()]
    assert told("scan", list(islice(cycle(looks), MEMBERS_MAX))) < 125 * MEMBERS_MAX


@pytest.mark.parametrize("known", [True, False])
def test_a_job_of_the_benchmarks_fleet_fits_whole(known: bool) -> None:
    members = MEMBERS_MAX if known else MEMBERS_MAX // 2
    fleet = [Company(number, growth=20.0, files=120.0 + 5 * number) for number in range(members)]
    told("scan", [Directory(company, NOW).scan(NOW, known) for company in fleet])
