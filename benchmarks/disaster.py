"""The cost of restoring a fleet from its archives: the two processes of a restore's Job, and 1,000 such Jobs.

The session is a genuine one of 906 files, the store the S3 server of rclone on loopback. The cluster's share of the
time is not measured here: it comes from a real node (`START_SECONDS`) and from the Job controller's defaults.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from baileys_janitor.api.config.config import Limits
from baileys_janitor.backup.archive.encryption import generate
from baileys_janitor.backup.job.fields import Store
from baileys_janitor.backup.restore_job.result import RestoreResult, decode
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.backup.results import Destination, Keep
from baileys_janitor.backup.run import back_up
from baileys_janitor.backup.stores.repository import open_repository
from benchmarks.counting_proxy import CountingProxy, counting_proxy
from benchmarks.operator.targets import Verdict
from benchmarks.processes import Contender, compiled, once
from sandbox.node.container import command_prefix
from tests.backup import servers
from tests.real import sessions

Object = dict[str, Any]

SCENARIO: Final = "prekeys"
FETCH, WRITE = "fetch-job", "restore-job"
RUNS, QUICK_RUNS = 11, 3
FLEET, QUICK_FLEET = 20, 4
"""Tenants that are restored, as many at a time as there are cores."""
TENANTS: Final = 1_000
OBJECTIVE_MINUTES: Final = 120
START_SECONDS: Final = 4.0
"""Seconds from a Job's creation to its end without the processes: 3.0 to 3.3 s were measured with one container and one
volume on an idle node of Kubernetes 1.36; the second container adds less than one."""
JOBS_A_SECOND: Final = 4.0
"""Jobs a second that the Job controller handles with its defaults."""


class Ground:
    """Archives of one session under the names of many tenants, and a directory to restore into."""

    def __init__(self, room: Path, proxy: CountingProxy, bucket: str) -> None:
        self.room, self.proxy = room, proxy
        self.url = f"s3://{bucket}/prod"
        self.session = sessions.unpack(SCENARIO, room / "session")
        self.secret, self.key = room / "store", room / "key"
        secret, self.public = generate()
        for path, content in ((self.secret, servers.ENVIRON), (self.key, {"identity": secret})):
            path.mkdir()
            for name, value in content.items():
                (path / name).write_text(value)
        self.environment = {"AWS_CA_BUNDLE": "", "TERMINATION_LOG": str(room / "message")}
        self.fingerprint = ""

    def put(self, *tenants: str) -> None:
        """Back the session up under the name of each tenant."""
        repository = open_repository(
            self.url, endpoint=self.proxy.url, region=servers.REGION, environ=servers.ENVIRON
        )
        directory = os.open(self.session, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for each in tenants:
                found = back_up(
                    directory, tenant=each, namespace="bots", keep=Keep(), now=time.time(),
                    destinations=[Destination("eu", repository)], recipients=[self.public],
                )  # fmt: skip
                if found.outcome != "Completed":
                    raise RuntimeError(f"a backup ended with {found.outcome} {found.code}")
                self.fingerprint = f"{found.fingerprint}-{found.pairing}"
        finally:
            os.close(directory)

    def task(self, tenant: str) -> RestoreTask:
        """Return the task of a tenant of which only the fingerprint is known."""
        home = self.room / "tenants" / tenant
        store = Store("eu", self.url, self.proxy.url, servers.REGION, str(self.secret))
        return RestoreTask(
            run="restore-1", namespace="bots", tenant=tenant, store=store, seconds=60,
            identity=str(self.key / "identity"), fingerprint=self.fingerprint,
            volume=str(home / "claim"), path="session", between=str(home / "between"),
            time=int(time.time()), watch=0, watch_after=0,
        )  # fmt: skip

    def emptied(self, task: RestoreTask, *paths: str) -> None:
        """Prepare the directory of a restore as in a new pod."""
        for each in paths or (task.volume, task.between):
            shutil.rmtree(each, ignore_errors=True)
            Path(each).mkdir(parents=True)

    def contender(self, name: str, task: RestoreTask) -> Contender:
        """Return one of the two processes, with the preparation of its input."""
        path = task.between if name == FETCH else task.volume
        command = [*command_prefix(), name, task.to_json()]
        return Contender(name, command, lambda: self.emptied(task, path), self.environment)

    def restore(self, task: RestoreTask) -> None:
        """Run both, one after the other; raise RuntimeError if a session is not restored."""
        self.emptied(task)
        log = Path(task.between).parent / "message"
        for name in (FETCH, WRITE):
            environ = compiled() | self.environment | {"TERMINATION_LOG": str(log)}
            subprocess.run([*command_prefix(), name, task.to_json()], env=environ, check=True)
        result = decode(log.read_bytes())
        if not isinstance(result, RestoreResult) or result.outcome != "Completed":
            raise RuntimeError(f"{task.tenant} did not come back: {result}")


def measure(*, quick: bool, tell: Callable[[str], None]) -> Object:
    """Measure everything."""
    if not (servers.TOOLS / "bin/rclone").is_file():
        raise SystemExit("disaster: rclone is needed: `make .tools/stores` unpacks it")
    runs, fleet = (QUICK_RUNS, QUICK_FLEET) if quick else (RUNS, FLEET)
    with tempfile.TemporaryDirectory(prefix="bench-disaster-") as scratch:
        room = Path(scratch)
        with servers.rclone(room) as server, counting_proxy(server.port) as proxy:
            place = Ground(room, proxy, server.bucket())
            names = [f"tenant-{number}" for number in range(fleet)]
            place.put(*names)
            found: Object = {"files": len(list(place.session.iterdir())), "runs": runs}
            task = place.task(names[0])
            found["figures"] = {
                each: _figures(place, place.contender(each, task), runs) for each in (FETCH, WRITE)
            }
            tell(f"{fleet} tenants, as many at a time as there are cores")
            found["fleet"] = _fleet(place, names)
    return found


def _figures(place: Ground, contender: Contender, runs: int) -> Object:
    once(contender)
    place.proxy.clear()
    samples = sorted((once(contender) for _ in range(runs)), key=lambda each: each.wall)
    requests = sum(place.proxy.methods.values()) / runs
    return {
        "wallMs": round(samples[runs // 2].wall * 1000),
        "cpuMs": round(sorted(each.cpu for each in samples)[runs // 2] * 1000),
        "requests": round(requests, 1),
    }


def _fleet(place: Ground, names: list[str]) -> Object:
    """Restore all tenants, on all cores."""
    cores = len(os.sched_getaffinity(0))
    tasks = [replace(place.task(name), watch=0) for name in names]
    begun = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(place.restore, tasks))
    return {
        "tenants": len(names),
        "atOnce": cores,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def minutes(found: Object, at_once: int) -> float:
    """Return the minutes for 1,000 tenants if `at_once` Jobs run at a time, on nodes with enough capacity.

    Only the Job controller is serial. Everything else is parallel: each Job has its own pod, claim and archive.
    """
    each = START_SECONDS + sum(one["wallMs"] for one in found["figures"].values()) / 1000
    return float(max(TENANTS / JOBS_A_SECOND, TENANTS * each / at_once)) / 60


def verdicts(found: Object) -> list[Verdict]:
    """Compare the figures with the objective."""
    taken = minutes(found, Limits().jobs_in_flight_per_namespace // 2)
    measure = f"restore of {TENANTS:,} tenants of one namespace in minutes, computed"
    return [
        Verdict(
            measure,
            "disaster",
            f"at most {OBJECTIVE_MINUTES}",
            f"{taken:.0f}",
            taken <= OBJECTIVE_MINUTES,
        )
    ]


HEADINGS: Final = ("process", "wall ms", "CPU ms", "requests")


def rows(found: Object) -> Iterator[tuple[str, ...]]:
    """Return a row for each of the two processes."""
    for name, each in found["figures"].items():
        yield (
            name, f"{each['wallMs']:,}", f"{each['cpuMs']:,}", f"{each['requests']:g}",
        )  # fmt: skip


def notes(found: Object) -> Iterator[str]:
    """Return notes on the table."""
    fleet, limits = found["fleet"], Limits()
    # Operations get half of the Jobs that may run at a time.
    one, all_of_them = limits.jobs_in_flight_per_namespace // 2, limits.jobs_in_flight // 2
    yield (
        f"{fleet['tenants']} tenants came back in {fleet['seconds']:.0f} s here, {fleet['atOnce']} at a time: "
        f"{fleet['seconds'] / fleet['tenants']:.1f} s each."
    )
    cpu = sum(each["cpuMs"] for each in found["figures"].values()) / 1000
    yield (
        f"On a cluster a Job takes {START_SECONDS:g} s more, as measured on a real node, and the Job controller makes "
        f"{JOBS_A_SECOND:g} Jobs a second. {TENANTS:,} tenants of one namespace ({one} Jobs at a time) take "
        f"{minutes(found, one):.0f} minutes, of several ({all_of_them}) {minutes(found, all_of_them):.0f}. The CPU is "
        f"busy for {TENANTS * cpu / 60:.0f} minutes."
    )


def show(console: Console, found: Object) -> None:
    """Print the figures."""
    title = (
        f"Restore of {found['files']} files into an empty volume, medians of {found['runs']} runs"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, heading in enumerate(HEADINGS):
        table.add_column(heading.upper(), justify="right" if place else "left")
    for row in rows(found):
        table.add_row(*row)
    console.print(table, "\n")
    for note in notes(found):
        console.print(note, highlight=False)
    console.print()
