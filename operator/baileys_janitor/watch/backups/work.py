"""Backs up directories, and drills, one after the other, and ends: a process of its own, so that neither a store's
library nor a key stays in the watch.

The request comes on standard input, and each answer goes to standard output as soon as it is known: a killed process
loses only the current directory. A kernel timer ends it when a directory takes too long, whichever library
hangs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from baileys_janitor import extras
from baileys_janitor.backup.failures import failure_of, read_identities, session_directory
from baileys_janitor.schedule.backup_reasons import BACKUP, OF_STORE
from baileys_janitor.tenants.backup_state import FAILED, NOTHING_TO_DO, Archived
from baileys_janitor.watch.backups.protocol import (
    PASSED,
    Result,
    Task,
    decode_request,
    encode_answer,
)

if TYPE_CHECKING:
    from baileys_janitor.backup.results import BackupResult, Destination, RepositoryResult

REQUEST_MAX = 16 * 1024 * 1024
NICE = 10
GIVEN_UP_AFTER = 2
"""After failing for this many directories in a row, a repository is skipped for the rest of the process."""
Results = dict[str, Result]


@dataclass(frozen=True, slots=True)
class Place:
    """A repository in the request."""

    name: str
    url: str
    endpoint: str | None
    region: str | None
    credentials: str | None
    readCredentials: str | None  # noqa: N815 - as the request has it


@dataclass(slots=True)
class Worker:
    """Carries out tasks. A repository that fails repeatedly is skipped."""

    environ: Mapping[str, str]
    failing: Counter[str] = field(default_factory=Counter)
    given_up: dict[str, Result] = field(default_factory=dict)

    def carry_out(self, task: Task) -> Results:
        """Do one task; problems are in the results."""
        places = {each["name"]: Place(**each) for each in task.settings["repositories"]}
        results: Results = {}
        asked = []
        for name in task.repositories:
            place = places[name]
            known = self.given_up.get(_address(place))
            if known is not None:
                results[name] = known
            else:
                asked.append(place)
        if asked:
            do = _back_up if task.do == BACKUP else _drill
            results |= _contained(lambda: do(task, asked, self.environ), asked)
        for place in asked:
            self._note(place, results[place.name])
        return results

    def _note(self, place: Place, result: Result) -> None:
        address = _address(place)
        if result.code not in OF_STORE:
            self.failing[address] = 0
            return
        self.failing[address] += 1
        if self.failing[address] >= GIVEN_UP_AFTER:
            self.given_up[address] = result


def _address(place: Place) -> str:
    return f"{place.endpoint} {place.url}"


def _contained(work: Any, places: list[Place]) -> Results:
    """Return the results of `work`; an exception counts as a failure of these repositories."""
    try:
        found: Results = work()
        return found
    except Exception as error:  # noqa: BLE001 - the other directories are backed up
        failure = Result(FAILED, *failure_of(error))
    return {place.name: failure for place in places}


def _back_up(task: Task, places: list[Place], environ: Mapping[str, str]) -> Results:
    from baileys_janitor.backup.results import Keep
    from baileys_janitor.backup.run import back_up
    from baileys_janitor.policy.archives.archive_retention import Retention

    destinations, results = _opened(places, environ, reading=False)
    if not destinations:
        return results
    with session_directory(task.root, task.path) as directory:
        found = back_up(
            directory,
            tenant=_tenant(task),
            destinations=destinations,
            recipients=task.settings["recipients"],
            keep=Keep(Retention(*task.settings["retention"]), task.settings["bucketDays"]),
            now=time.time(),
            force=task.anew,
        )
    by_name = {each.name: each for each in found.repositories}
    for each in destinations:
        results[each.name] = _backed_up(found, each.name, by_name.get(each.name))
    return results


def _backed_up(whole: BackupResult, name: str, of_one: RepositoryResult | None) -> Result:
    if whole.outcome == NOTHING_TO_DO:
        return Result(NOTHING_TO_DO, time=whole.time, seconds=whole.seconds)
    newest = None if of_one is None else _newest(of_one, whole.files)
    failure = whole.failure_in(name)
    if failure is not None:
        return Result(FAILED, *failure, time=whole.time, newest=newest)
    assert of_one is not None
    return Result(
        of_one.outcome,
        time=whole.time,
        seconds=whole.seconds,
        newest=newest,
        unknown=of_one.suspicious,
        kept=(of_one.retention_code or "") if of_one.tidied else None,
        listed=of_one.listed,
    )


def _newest(found: RepositoryResult, files: int) -> Archived | None:
    if found.archive is None or found.time is None:
        return None
    return Archived(found.archive, found.time, files, found.size, found.archives, found.oldest)


def _drill(task: Task, places: list[Place], environ: Mapping[str, str]) -> Results:
    from baileys_janitor.backup.drill import drill
    from baileys_janitor.backup.fetch import Wanted
    from baileys_janitor.backup.known import read_known
    from baileys_janitor.backup.names import ONE_SERVER

    identities = None
    if task.settings["recipients"]:
        identities = read_identities(
            task.settings["identityFile"],
            "the file of backup.drill.identityFile",
            "check its path, and that the user of the watch may read it",
        )
    with session_directory(task.root, task.path) as directory:
        known = read_known(directory)
    destinations, results = _opened(places, environ, reading=True)
    for each in destinations:
        wanted = Wanted(ONE_SERVER, _tenant(task), known)
        found = drill(each.repository, wanted, identities, time.time())
        results[each.name] = Result(
            PASSED if found.outcome == PASSED else FAILED,
            found.code or "",
            found.message or "",
            time=time.time(),
            seconds=found.seconds,
            archive=found.archive or "",
            files=sum(found.restorable.values()),
        )
    return results


def _opened(
    places: list[Place], environ: Mapping[str, str], *, reading: bool
) -> tuple[list[Destination], Results]:
    """Return the repositories that can be used, and the failures of the others."""
    from baileys_janitor.backup.errors import BackupProblem
    from baileys_janitor.backup.results import Destination
    from baileys_janitor.backup.stores.repository import open_repository

    found, results = [], {}
    for place in places:
        try:
            repository = open_repository(
                place.url,
                endpoint=place.endpoint,
                region=place.region,
                credentials=place.readCredentials if reading else place.credentials,
                environ=environ,
            )
        except BackupProblem as problem:
            results[place.name] = Result(FAILED, problem.code, problem.sentence)
        else:
            found.append(Destination(place.name, repository))
    return found, results


def _tenant(task: Task) -> str:
    from baileys_janitor.backup.names import tenant_of

    return tenant_of(task.archived_as)


def _refusal() -> Result | None:
    try:
        extras.require("backup")
    except extras.ExtraMissing as problem:
        return Result(FAILED, "ExtraMissing", str(problem))
    return None


def main() -> int:
    """Carry out the request on standard input."""
    os.umask(0o077)
    with suppress(OSError):  # a service may forbid it, having a nice level of its own
        os.nice(NICE)
    tasks, seconds = decode_request(sys.stdin.buffer.read(REQUEST_MAX))
    refusal = _refusal()
    worker = Worker(os.environ)
    for number, task in enumerate(tasks):
        # The signal's default action ends the process without running Python.
        signal.alarm(max(1, int(seconds)))
        refused = None if refusal is None else dict.fromkeys(task.repositories, refusal)
        results = refused or worker.carry_out(task)
        signal.alarm(0)
        os.write(1, encode_answer(number, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
