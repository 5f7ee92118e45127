"""The cost of `baileys-janitor backup` and of a restore, and of restic, with an S3 server: requests, memory, CPU, time.

The session is a genuine one of 906 files. A proxy in front of the server counts the requests; whole processes are
measured, from exec to exit.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from baileys_janitor.backup.archive.encryption import generate
from baileys_janitor.backup.results import Destination, Keep
from baileys_janitor.backup.run import back_up
from baileys_janitor.backup.stores.repository import open_repository
from benchmarks.counting_proxy import CountingProxy, counting_proxy
from benchmarks.operator.targets import Verdict
from benchmarks.processes import Contender, Sample, once, watched
from sandbox.node.container import command_prefix
from tests.backup import servers
from tests.real import sessions

Object = dict[str, Any]

SCENARIO: Final = "prekeys"
OURS, BY_FILE, RESTIC = "janitor", "janitor --config", "restic"
REQUESTS, MEGABYTES, CPU_SECONDS, REQUESTS_A_DAY = 2, 40, 0.5, 25_000
RUNS, QUICK_RUNS = 11, 3
DAYS, COUNTED_DAYS = 4, 2
"""Days of hourly backups, in virtual time: the first ones fill the repository, the last ones are counted."""
TENANTS: Final = 1_000
_DAY: Final = 86_400
_PASSWORD: Final = "of-the-benchmark"
# Skip the time in which a restore watches for a writer: it is idle.
_RESTORE: Final = (
    "import sys; from baileys_janitor.cli import restore_command; from baileys_janitor.cli.main import main; "
    "restore_command.pause = lambda seconds: None; sys.exit(main(sys.argv[1:]))"
)


class Ground:
    """A session and a key in a directory, and an S3 server behind a counting proxy."""

    def __init__(self, room: Path, proxy: CountingProxy, bucket: str) -> None:
        self.room, self.proxy, self.bucket = room, proxy, bucket
        self.session = sessions.unpack(SCENARIO, room / "sessions/acme")
        secret, self.public = generate()
        self.key = room / "backup.key"
        self.key.write_text(f"{secret}\n")
        self.where = [f"s3://{bucket}/ours", "--endpoint", proxy.url, "--region", servers.REGION]
        # Ignore the machine's CA bundle, which would be measured too: the server uses plain HTTP.
        self.environment = {
            **servers.ENVIRON,
            "AWS_CA_BUNDLE": "",
            "RESTIC_REPOSITORY": f"s3:{proxy.url}/{bucket}/theirs",
            "RESTIC_PASSWORD": _PASSWORD,
            "RESTIC_CACHE_DIR": str(room / "cache"),
        }
        self._written = 0

    def change(self) -> None:
        """Write one session file, like the next message."""
        path = min(self.session.glob("session-*"))
        record = json.loads(path.read_text())
        self._written += 1
        for each in record["_sessions"].values():
            each["indexInfo"]["used"] += self._written
        path.write_text(json.dumps(record))

    def backup(self) -> Contender:
        """Return the command that backs the session up after a change."""
        command = [*command_prefix(), "backup", str(self.session), "--to", *self.where]
        command += ["--recipient", self.public, "-q"]
        return Contender(OURS, command, self.change, self.environment)

    def by_file(self) -> Contender:
        """Return the same command with a configuration file, whose checks import pydantic."""
        config = self.room / "janitor.yaml"
        url, _, endpoint, _, region = self.where
        repository = {"name": "here", "url": url, "endpoint": endpoint, "region": region}
        config.write_text(
            json.dumps({"backup": {"recipients": [self.public], "repositories": [repository]}})
        )
        command = [*command_prefix(), "backup", str(self.session), "--config", str(config), "-q"]
        return Contender(BY_FILE, command, self.change, self.environment)

    def restic(self, *words: str) -> Contender:
        """Return a restic command; a backup runs after a change."""
        change = self.change if words[0] == "backup" else None
        return Contender(RESTIC, ["restic", "-q", *words], change, self.environment)

    def restore(self) -> Contender:
        """Return the command that restores the newest archive into an empty directory."""
        target, fingerprints = self.room / "restored/acme", self.room / "fingerprints.txt"
        command = [*command_prefix(), "backup", "fingerprints", str(self.session)]
        fingerprints.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)

        def empty() -> None:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)

        words = ["restore", str(target), "--from", *self.where, "--identity", str(self.key)]
        words += ["--fingerprints", str(fingerprints), "--stopped", "--apply", "-o", "json"]
        return Contender(OURS, [sys.executable, "-c", _RESTORE, *words], empty, self.environment)

    def restored(self) -> int:
        """Return the number of session files in the directory of a restore."""
        return sum(
            not each.name.startswith(".") for each in (self.room / "restored/acme").iterdir()
        )

    def stored(self, prefix: str, buckets: Path) -> int:
        """Return the bytes beneath a prefix of the bucket."""
        files = (buckets / self.bucket / prefix).rglob("*")
        return sum(each.stat().st_size for each in files if each.is_file())


@contextmanager
def ground() -> Iterator[tuple[Ground, Path]]:
    """Set everything up; yield it and the directory of the server's buckets."""
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as scratch:
        room = Path(scratch)
        with servers.rclone(room) as server, counting_proxy(server.port) as proxy:
            assert server.buckets is not None
            yield Ground(room, proxy, server.bucket()), server.buckets


def measure(*, quick: bool, tell: Callable[[str], None]) -> Object:
    """Measure everything; restic only if it is installed."""
    if not (servers.TOOLS / "bin/rclone").is_file():
        raise SystemExit("backup: rclone is needed: `make .tools/stores` unpacks it")
    runs = QUICK_RUNS if quick else RUNS
    with ground() as (place, buckets):
        found: Object = {"files": len(list(place.session.iterdir())), "runs": runs}
        found["requests"] = _requests(place)
        found["figures"] = {OURS: _figures(place.backup(), runs, place)}
        found["figures"][OURS]["storedBytes"] = _stored(place.backup(), "ours", place, buckets)
        found["figures"][BY_FILE] = _figures(place.by_file(), runs, place)
        found["restore"] = {OURS: _restoring(place.restore(), runs, place)}
        if shutil.which(RESTIC):
            _beside(found, place, runs, buckets)
        else:
            tell("restic is not installed, so it is left out (Debian: restic)")
        tell(f"{DAYS} days of hourly backups in virtual time")
        found["day"] = _day(place)
    return found


def _requests(place: Ground) -> Object:
    """Count the requests of the first backup, of one after a change, and of one without."""
    counted: Object = {}
    backup = place.backup()
    unchanged = Contender(OURS, backup.command, None, backup.environment)
    for name, each in (("first", backup), ("changed", backup), ("unchanged", unchanged)):
        place.proxy.clear()
        once(each)
        counted[name] = dict(place.proxy.methods)
    return counted


def _figures(contender: Contender, runs: int, place: Ground) -> Object:
    once(contender)
    place.proxy.clear()
    samples = [once(contender) for _ in range(runs)]
    requests = sum(place.proxy.methods.values()) / runs
    _, peak = watched(contender)
    return {**_medians(samples), "peakMB": _megabytes(peak), "requests": round(requests, 1)}


def _stored(contender: Contender, prefix: str, place: Ground, buckets: Path) -> int:
    """Return the number of bytes that one backup adds to the store."""
    before = place.stored(prefix, buckets)
    once(contender)
    return place.stored(prefix, buckets) - before


def _restoring(contender: Contender, runs: int, place: Ground) -> Object:
    return {**_figures(contender, runs, place), "files": place.restored()}


def _beside(found: Object, place: Ground, runs: int, buckets: Path) -> None:
    once(place.restic("init"))
    backup = place.restic("backup", str(place.session))
    found["figures"][RESTIC] = _figures(backup, runs, place)
    found["figures"][RESTIC]["storedBytes"] = _stored(backup, "theirs", place, buckets)
    target = place.room / "restored"
    command = ["restic", "-q", "restore", "latest", "--target", str(target)]
    restore = Contender(RESTIC, command, lambda: shutil.rmtree(target, True), place.environment)
    found["restore"][RESTIC] = _figures(restore, runs, place)


def _day(place: Ground) -> Object:
    """Back up each hour for some days, each time after a change; count the requests of the last day."""
    repository = open_repository(
        f"s3://{place.bucket}/day",
        endpoint=place.proxy.url,
        region=servers.REGION,
        environ=place.environment,
    )
    destination = Destination("day", repository)
    begun = time.time() - DAYS * _DAY
    counts: list[Counter[str]] = []
    directory = os.open(place.session, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for hour in range(24 * DAYS):
            place.change()
            place.proxy.clear()
            result = back_up(
                directory, tenant="acme", destinations=[destination], recipients=[place.public],
                keep=Keep(), now=begun + 3600 * hour,
            )  # fmt: skip
            if result.outcome != "Completed":
                raise RuntimeError(f"a backup ended with {result.outcome} {result.code}")
            counts.append(Counter(place.proxy.methods))
    finally:
        os.close(directory)
    last: Counter[str] = sum(counts[-24 * COUNTED_DAYS :], Counter())
    most = max(each.total() for each in counts)
    return {
        "methods": dict(last),
        "requests": last.total() / COUNTED_DAYS,
        "mostOfOneBackup": most,
    }


def _medians(samples: Sequence[Sample]) -> Object:
    return {
        "wallMs": round(statistics.median(each.wall for each in samples) * 1000),
        "cpuMs": round(statistics.median(each.cpu for each in samples) * 1000),
    }


def _megabytes(mebibytes: float) -> float:
    return round(mebibytes * 2**20 / 1e6, 1)


def verdicts(found: Object) -> list[Verdict]:
    """Compare the figures with the targets."""
    ours, day = found["figures"][OURS], found["day"]
    most = max(day["mostOfOneBackup"], *(sum(each.values()) for each in found["requests"].values()))
    fleet = round(day["requests"] * TENANTS)
    what = f"backup of {found['files']} files"
    rows = (
        (f"{what}: requests to one repository, most", REQUESTS, most, f"{most}"),
        (f"{what}: peak memory in MB", MEGABYTES, ours["peakMB"], f"{ours['peakMB']:.0f}"),
        (f"{what}: CPU seconds", CPU_SECONDS, ours["cpuMs"] / 1000, f"{ours['cpuMs'] / 1000:.2f}"),
        (f"requests a day to a repository, {TENANTS:,} tenants hourly", REQUESTS_A_DAY, fleet,
         f"{fleet:,}"),
    )  # fmt: skip
    return [
        Verdict(measure, "backup", f"at most {target:,}", shown, value <= target)
        for measure, target, value, shown in rows
    ]


def rows(found: Object) -> Iterator[tuple[str, ...]]:
    """Return a row for each program: its task, wall and CPU in ms, memory, requests, bytes."""
    for act, figures in (("backup", found["figures"]), ("restore", found["restore"])):
        for name, each in figures.items():
            yield (
                act, name, f"{each['wallMs']:,}", f"{each['cpuMs']:,}", f"{each['peakMB']:.0f}",
                f"{each['requests']:g}", f"{each['storedBytes']:,}" if "storedBytes" in each else "-",
            )  # fmt: skip


def notes(found: Object) -> Iterator[str]:
    """Return notes on the table."""
    shown = {name: _methods(each) for name, each in found["requests"].items()}
    yield (
        f"The first backup asks for {shown['first']}, one after a change for {shown['changed']}, one without for"
        f" {shown['unchanged']}; {COUNTED_DAYS} days of hourly ones for {_methods(found['day']['methods'])}."
    )
    seconds = found["restore"][OURS]["wallMs"] / 1000
    yield (
        f"A restore puts {found['restore'][OURS]['files']} files back in {seconds:.2f} s, the waiting for a writer left"
        f" out: {TENANTS:,} tenants one after the other in {seconds * TENANTS / 60:.0f} minutes."
    )
    if RESTIC not in found["figures"]:
        yield "restic is not installed here, so it is left out."


def _methods(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "nothing"


HEADINGS: Final = ("act", "process", "wall ms", "CPU ms", "peak MB", "requests", "bytes added")


def show(console: Console, found: Object) -> None:
    """Print the figures."""
    title = f"Backup of {found['files']} files to S3, medians of {found['runs']} runs"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, heading in enumerate(HEADINGS):
        table.add_column(heading.upper(), justify="left" if place < 2 else "right")
    for row in rows(found):
        table.add_row(*row)
    console.print(table, "\n")
    for note in notes(found):
        console.print(note, highlight=False)
    console.print()
